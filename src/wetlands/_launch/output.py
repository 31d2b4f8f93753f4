"""The output of one process: read so that the process never waits, logged, remembered, handed to who asks."""

from __future__ import annotations

import heapq
import io
import itertools
import logging
import threading
import time
from typing import IO, TYPE_CHECKING, Literal

from wetlands._launch.feed import Batch, Feed, History
from wetlands._launch.lines import LineSplitter
from wetlands._launch.noted import Noted
from wetlands._launch.unread import is_empty, wait_readable
from wetlands._logs.attributes import ATTRIBUTES, current_instance
from wetlands.logger import logger

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wetlands._launch.lines import TaskLines
    from wetlands._platform.child import Child

    Subscriber = Callable[[str, dict[str, object]], object]

MOST_LINES = 10_000

_READ_BYTES = 64 * 1024
_LOOK_SECONDS = 0.05
_RELAY_SECONDS = 0.1  # of silence, after which nothing is on its way any more, where it passes another process


class ProcessLogger:
    r"""Reads what a process writes, from the moment this is made until the process and all who inherited its pipes end.

    Lines are logged (at ``INFO``, both streams), kept in a bounded history and handed to subscribers. A subscriber, a
    handler of the log or a predicate that is slow, waits or raises does not keep the process from writing for longer
    than some seconds, and harms no other.

    Each line comes with its context: what was given here or to `update_log_context`, ``stream`` ("stdout" or "stderr")
    and ``task_id`` (``None`` where it is not known).

    Args:
        process: Its ``stdout`` and ``stderr`` are read, as far as they are pipes; as text they must not have been read
            before. They are closed at their end.
        context: What is known about all lines; what has the name of a record attribute ends up there.
        log: Whether lines are logged, not only handed out.
        marker: How a mark of the task begins in the streams, see `wetlands._launch.lines.LineSplitter`.
        max_lines: How many lines of each stream the history keeps.

    Attributes:
        last_read: When the process last wrote something, by `time.monotonic`; 0.0 when it never did.
        noted: What its tasks have logged by other ways.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes] | subprocess.Popen[str] | Child,
        context: Mapping[str, object] | None = None,
        *,
        log: bool = True,
        marker: bytes | None = None,
        max_lines: int = MOST_LINES,
    ) -> None:
        self.process = process
        self._context = dict(context or {})
        self._log_defaults = {"log_source": "execution", "instance": current_instance()}
        self._marker = marker
        self._max_lines = max_lines
        self.last_read = 0.0
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._histories = {"stdout": History(max_lines), "stderr": History(max_lines)}
        self.noted = Noted(self._numbers, max_lines)
        self._reading: dict[str, IO[bytes] | IO[str]] = {}
        self._busy: set[str] = set()
        self._read_on = threading.Condition(self._lock)
        self._feeds: tuple[Feed, ...] = ()
        self._consumers: tuple[threading.Thread, ...] = ()
        pipes: list[tuple[Literal["stdout", "stderr"], IO[bytes] | IO[str]]] = []
        if process.stdout is not None:
            pipes.append(("stdout", process.stdout))
        if process.stderr is not None:
            pipes.append(("stderr", process.stderr))
        self._open_pipes = len(pipes)
        self._ended = threading.Event()
        if not pipes:
            self._ended.set()
        elif log:
            self._consume(self._new_feed(), self._log)
        self._reading.update(pipes)
        for stream, pipe in pipes:
            name = f"wetlands-{stream}-{process.pid}"
            threading.Thread(target=self._read, args=(stream, pipe), name=name, daemon=True).start()

    # ------------------------------------------------------------------------------------------------ for users

    def subscribe(self, callback: Subscriber, include_history: bool = True) -> Callable[[], None]:  # noqa: FBT001, FBT002 - the interface
        """Call a function with each line and its context, each line once and in order, never two at a time.

        Remembered lines are given to it before this returns, in the calling thread; those that follow come from a
        thread of its own. It may call any method of this object and may block; when it takes nothing for some seconds
        while much is written, lines are left out and a warning is logged. The first exception it raises is logged.

        Args:
            callback: Receives the line without its end, and its context as a dict.
            include_history: Whether it also gets the remembered lines.

        Returns:
            A function that ends the subscription; a line that is being handed over may still arrive.
        """
        subscription = _Subscription(callback, self._tell_failed)
        with self._lock:
            past = self._remembered() if include_history else []
            feed = self._new_feed()
        for batch in past:
            subscription.deliver(batch)
        self._consume(feed, subscription.deliver)

        def unsubscribe() -> None:
            subscription.ended = True
            self._drop(feed)

        return unsubscribe

    def wait_for_line(
        self,
        predicate: Callable[[str], object],
        timeout: float | None = None,
        include_history: bool = True,  # noqa: FBT001, FBT002 - the interface
    ) -> str | None:
        """Wait for the first line that the predicate accepts.

        Args:
            predicate: Called with each line, in the calling thread; what it raises is raised here.
            timeout: Seconds to wait at most; ``None``: until the output ends.
            include_history: Whether remembered lines count.

        Returns:
            The line; ``None`` when the output ended without it, or the time is over.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            past = self._remembered() if include_history else []
            feed = self._new_feed()
        try:
            for batch in itertools.chain(past, _taken(feed, deadline)):
                for line in batch.lines:
                    if predicate(line):
                        return line
        finally:
            self._drop(feed)
            self._tell_left_out(feed)
        return None

    def get_output(self) -> list[str]:
        """The last lines of both streams, in the order in which they were read."""
        with self._lock:
            batches = self._remembered()
        return [line for batch in batches for line in batch.lines][-self._max_lines :]

    def get_stdout_output(self) -> list[str]:
        """The last lines of stdout; of both, where stderr was merged into it."""
        return self._lines_of("stdout")

    def get_stderr_output(self) -> list[str]:
        """The last lines of stderr; none where it was merged into stdout."""
        return self._lines_of("stderr")

    def stderr_tail(self, count: int) -> list[str]:
        """The last lines of stderr; of stdout where stderr was merged into it: what to show when a process failed."""
        lines = self.get_stdout_output() if self.process.stderr is None else self.get_stderr_output()
        return lines[-count:] if count > 0 else []

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the output has ended, and was logged and handed to all subscribers.

        It ends when the process and all that inherited its pipes have ended. Called by a subscriber, it does not wait
        for subscribers.

        Args:
            timeout: Seconds to wait at most; ``None``: as long as it takes.

        Returns:
            Whether it ended in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._ended.wait(timeout):
            return False
        with self._lock:
            consumers = self._consumers
        if threading.current_thread() in consumers:
            return True
        for consumer in consumers:
            consumer.join(_remaining(deadline))
        return not any(consumer.is_alive() for consumer in consumers)

    def update_log_context(self, context: Mapping[str, object]) -> None:
        """Add to the context of the lines that are read from now on."""
        with self._lock:
            self._context = {**self._context, **context}

    # ------------------------------------------------------------------------------------------------ reading

    def _read(self, stream: Literal["stdout", "stderr"], pipe: IO[bytes] | IO[str]) -> None:
        """Read a pipe to its end, in a thread of its own."""
        try:
            read, encoding = _binary(pipe)
            splitter = LineSplitter(marker=self._marker, encoding=encoding)
            try:
                while data := self._next(stream, pipe, read):
                    self.last_read = time.monotonic()
                    self._publish(stream, splitter.feed(data))
            finally:
                self._publish(stream, splitter.end())
        except (OSError, ValueError):
            # closed by somebody else, or a pseudo-terminal whose other side is gone: the output has ended
            logger.debug("The %s of process %d cannot be read any further.", stream, self.process.pid, exc_info=True)
        finally:
            _close(pipe)
            self._end_of_pipe()

    def _next(self, stream: str, pipe: IO[bytes] | IO[str], read: Callable[[int], bytes]) -> bytes:
        """Read what comes next, and say first that what has come is handed out, and then that something is read."""
        with self._lock:
            self._busy.discard(stream)
            self._read_on.notify_all()
        if self._marker is not None:  # somebody may ask for the lines of a task
            wait_readable(pipe)
        with self._lock:
            self._busy.add(stream)
        return read(_READ_BYTES)

    def of_task(self, task_id: str, *, timeout: float) -> Sequence[Batch]:
        """What is remembered of a task, in the order in which it was read, with what it logged.

        Args:
            task_id: The id of the task.
            timeout: Seconds to wait at most for what is on its way.
        """
        asked = time.monotonic()
        deadline = asked + timeout
        with self._lock:
            while (pause := self._until_quiet(asked)) > 0 and (left := deadline - time.monotonic()) > 0:
                self._read_on.wait(min(pause, left))
            found = [batch for batch in self._remembered() if batch.context["task_id"] == task_id]
        return sorted([*found, *self.noted.of_task(task_id)], key=lambda batch: batch.number)

    def _until_quiet(self, asked: float) -> float:
        """Seconds until all that was written before may have been read; 0: it has been. The caller holds the lock."""
        if self._ended.is_set():
            return 0.0
        states = [stream not in self._busy and is_empty(pipe) for stream, pipe in self._reading.items()]
        if False in states:
            return _LOOK_SECONDS  # its reader will say that it has read on
        if None in states or getattr(self.process, "relayed", False):  # nobody can know; it takes a moment
            return max(0.0, max(self.last_read, asked) + _RELAY_SECONDS - time.monotonic())
        return 0.0

    def _publish(self, stream: Literal["stdout", "stderr"], found: Iterable[TaskLines]) -> None:
        for task_id, lines in found:
            with self._lock:
                context = {**self._context, "stream": stream, "task_id": task_id}
                batch = Batch(next(self._numbers), lines, context)
                self._histories[stream].append(batch)
                feeds = self._feeds
            for feed in feeds:
                feed.put(batch)

    def _end_of_pipe(self) -> None:
        with self._lock:
            self._open_pipes -= 1
            self._read_on.notify_all()
            if self._open_pipes:
                return
            feeds, self._feeds = self._feeds, ()
            self._ended.set()
        for feed in feeds:
            feed.close()

    # ------------------------------------------------------------------------------------------------ handing out

    def _remembered(self) -> list[Batch]:
        """All remembered batches in their order; the caller holds the lock."""
        return list(heapq.merge(*self._histories.values(), key=lambda batch: batch.number))

    def _lines_of(self, stream: Literal["stdout", "stderr"]) -> list[str]:
        with self._lock:
            batches = list(self._histories[stream])
        return [line for batch in batches for line in batch.lines]

    def _new_feed(self) -> Feed:
        """A feed of what is read from now on; the caller holds the lock."""
        feed = Feed()
        if self._ended.is_set():
            feed.close()
        else:
            self._feeds = (*self._feeds, feed)
        return feed

    def _drop(self, feed: Feed) -> None:
        feed.close(discard=True)
        with self._lock:
            self._feeds = tuple(other for other in self._feeds if other is not feed)

    def _consume(self, feed: Feed, deliver: Callable[[Batch], None]) -> None:
        """Deliver what the feed brings, in a thread of its own, until it is closed."""

        def run() -> None:
            try:
                for batch in _taken(feed, None):
                    deliver(batch)
                    self._tell_left_out(feed)
            finally:
                with self._lock:
                    self._consumers = tuple(other for other in self._consumers if other is not thread)

        thread = threading.Thread(target=run, name=f"wetlands-lines-{self.process.pid}", daemon=True)
        with self._lock:
            self._consumers = (*self._consumers, thread)
            thread.start()  # inside, so that nobody joins a thread that was not started

    def _log(self, batch: Batch) -> None:
        logger.log_lines(logging.INFO, batch.lines, {**self._log_defaults, **batch.context})

    def _tell_left_out(self, feed: Feed) -> None:
        if left_out := feed.take_left_out():
            self._tell(
                logging.WARNING,
                "A receiver of the output of process %d did not take it for seconds; %d lines were not handed to it.",
                left_out,
            )

    def _tell_failed(self) -> None:
        self._tell(
            logging.ERROR,
            "A subscriber to the output of process %d failed; it is called for further lines all the same, and further "
            "failures are not told.",
            exc_info=True,
        )

    def _tell(self, level: int, message: str, *args: object, exc_info: bool = False) -> None:
        with self._lock:
            known = {**self._log_defaults, **self._context}
        extra = {name: value for name, value in known.items() if name in ATTRIBUTES}
        logger.log(level, message, self.process.pid, *args, exc_info=exc_info, extra=extra)


class _Subscription:
    """One subscriber, and whether its failure was told."""

    def __init__(self, callback: Subscriber, tell_failed: Callable[[], None]) -> None:
        self.ended = False
        self._callback = callback
        self._tell_failed = tell_failed
        self._told = False

    def deliver(self, batch: Batch) -> None:
        """Call it with each line; what it raises is told once and harms nobody."""
        context = dict(batch.context)  # its own: what it does to it is seen by no other
        for line in batch.lines:
            if self.ended:
                return
            try:
                self._callback(line, context)
            except Exception:  # noqa: BLE001 - whatever user code raises
                if not self._told:
                    self._told = True
                    self._tell_failed()


def _taken(feed: Feed, deadline: float | None) -> Iterable[Batch]:
    while (batch := feed.take(_remaining(deadline))) is not None:
        yield batch


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _binary(pipe: IO[bytes] | IO[str]) -> tuple[Callable[[int], bytes], str]:
    """How to read the bytes that are there, and what encodes them; a text pipe would wait for more than that."""
    if isinstance(pipe, io.TextIOWrapper):
        buffer, encoding = pipe.buffer, pipe.encoding
    elif isinstance(pipe, io.TextIOBase):  # text that was already read, put in the place of the pipe
        return lambda count: pipe.read(count).encode("utf-8", "replace"), "utf-8"
    else:
        buffer, encoding = pipe, "utf-8"
    read: Callable[[int], bytes] = getattr(buffer, "read1", None) or buffer.read
    return read, encoding


def _close(pipe: IO[bytes] | IO[str]) -> None:
    try:
        pipe.close()
    except OSError:
        logger.debug("A pipe could not be closed.", exc_info=True)
