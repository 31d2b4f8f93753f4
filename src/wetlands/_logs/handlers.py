"""Where records go: standard streams, bounded files and callables, none of which can harm who logs."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Literal, TextIO

from wetlands._logs.attributes import complete
from wetlands._logs.files import BACKUPS, MAX_BYTES, BoundedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_RETRY_SECONDS = 10.0
_PLACE = "\0"  # stands for the message while a format is taken apart


class RecordFormatter(logging.Formatter):
    """Time, level, where a record comes from as far as it is known, message; or a format of the program's.

    Example: ``2026-01-31 12:00:00,123 INFO    cellpose worker 0 task 7 stderr: loading the model``.
    """

    def __init__(self, fmt: str | None = None) -> None:
        super().__init__(fmt)
        self._plain = fmt is None

    def usesTime(self) -> bool:  # noqa: N802 - the name is logging's
        """The format of ours shows the time."""
        return self._plain or super().usesTime()

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Render everything but a traceback."""
        if not self._plain:
            return super().formatMessage(record)
        where = _where(record)
        return f"{record.asctime} {record.levelname:<7} {where}{': ' if where else ''}{record.message}"


class StandardStreamHandler(logging.Handler):
    """Writes to ``sys.stdout`` or ``sys.stderr`` as they are when a record comes, so redirections are followed."""

    def __init__(self, stream: Literal["stdout", "stderr"]) -> None:
        super().__init__()
        self.stream_name = stream
        self.setFormatter(RecordFormatter())

    @property
    def stream(self) -> TextIO | None:
        """Where the next record goes; ``None`` in a program without a console."""
        stream: TextIO | None = getattr(sys, self.stream_name)
        return stream

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave warnings and errors to stderr."""
        if (record.levelno >= logging.WARNING) != (self.stream_name == "stderr"):
            return False
        return super().filter(complete(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; letters the console lacks are shown as escapes."""
        try:
            stream = self.stream
            if stream is None:
                return
            text = self.format(record) + "\n"
            try:
                stream.write(text)
            except UnicodeEncodeError:
                encoding = stream.encoding or "ascii"
                stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except Exception:  # noqa: BLE001 - logging's own rule: what fails here is reported there
            self.handleError(record)


class CallableHandler(logging.Handler):
    """Hands records to a callable, without a lock: it may wait for other threads that log.

    Records that the callable itself causes, in its own thread, are not given back to it.
    """

    def __init__(self, call: Callable[[logging.LogRecord], object]) -> None:
        super().__init__()
        self._call = call
        self._calling = threading.local()

    def handle(self, record: logging.LogRecord) -> bool:
        """Call it, if the filters let the record through."""
        if getattr(self._calling, "now", False) or not self.filter(complete(record)):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Call it; what it raises is reported as logging reports failing handlers."""
        self._calling.now = True
        try:
            self._call(record)
        except Exception:  # noqa: BLE001 - logging's own rule: what fails here is reported there
            self.handleError(record)
        finally:
            self._calling.now = False


class FileHandler(logging.Handler):
    """Writes records to a bounded file.

    When the file cannot be written, one warning is logged, and it is tried again some seconds later.

    Attributes:
        baseFilename: The absolute path, under the name that `logging.FileHandler` gives it.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        super().__init__()
        self.baseFilename = str(path)
        self.setFormatter(RecordFormatter())
        self._file = BoundedFile(path, max_bytes=max_bytes, backups=backups)
        self._retired = False
        self._retry_at = 0.0
        self._failure: OSError | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Apply the program's filters, which may rely on our attributes."""
        return super().filter(complete(record))

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a record, if the filters let it through."""
        handled = super().handle(record)
        self._report()
        return handled

    def takes_lines(self) -> bool:
        """Whether `handle_lines` is allowed: a filter of the program might look at each message."""
        return not self.filters

    def handle_lines(self, first: logging.LogRecord, lines: Sequence[str]) -> None:
        """Write many records that differ from `first` in their message only, at once."""
        if self.filter(first):
            self.acquire()
            try:
                self._write(self._render(first, lines))
            finally:
                self.release()
            self._report()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - logging's own rule: a wrong format or message is reported there
            self.handleError(record)
        else:
            self._write(f"{text}\n")

    def close(self) -> None:
        """Close the file; a later record opens it again, as in `logging.FileHandler`."""
        self.acquire()
        try:
            self._file.close()
        finally:
            self.release()
        super().close()

    def retire(self) -> None:
        """Close for good: a record that is on its way in another thread does not open the file again."""
        self._retired = True
        self.close()

    def _render(self, first: logging.LogRecord, lines: Sequence[str]) -> str:
        """Format twice and put each line where the message was; format each line where that cannot be done.

        The second time shows that the format does not pad or cut the message.
        """
        before, *after = self.format(_with_message(first, _PLACE)).split(_PLACE)
        long = _PLACE * 1000
        if len(after) == 1 and self.format(_with_message(first, long)) == f"{before}{long}{after[0]}":
            return before + f"{after[0]}\n{before}".join(lines) + f"{after[0]}\n"
        return "".join(f"{self.format(_with_message(first, line))}\n" for line in lines)

    def _write(self, text: str) -> None:
        if self._retired or (self._retry_at and time.monotonic() < self._retry_at):
            return
        try:
            self._file.append(text)
        except OSError as error:
            self._failure = None if self._retry_at else error
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self._retry_at = 0.0

    def _report(self) -> None:
        """Say that writing failed, when no lock is held: other handlers will take theirs."""
        failure, self._failure = self._failure, None
        if failure is not None:
            logging.getLogger("wetlands").warning(
                "The log file %s cannot be written (%s); what belongs in it is left out until it can.",
                self.baseFilename,
                failure,
            )


def _with_message(record: logging.LogRecord, message: str) -> logging.LogRecord:
    return logging.makeLogRecord({**vars(record), "msg": message, "args": ()})


def _where(record: logging.LogRecord) -> str:
    known = vars(record)
    parts = [
        known.get("env_name"),
        None if known.get("worker_index") is None else f"worker {known['worker_index']}",
        None if known.get("task_id") is None else f"task {known['task_id']}",
        known.get("stage") or known.get("stream"),
    ]
    return " ".join(str(part) for part in parts if part)
