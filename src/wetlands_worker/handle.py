"""The handle of a running task: what a function in a worker holds to report, and to learn that it should stop."""

from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Protocol, Tuple, Union

    Number = Union[int, float]

    class Reporter(Protocol):
        """Where a handle's reports go: a connection to the host, or a task of the same process."""

        def progress(
            self, number: int, message: "Optional[str]", current: "Optional[Number]", maximum: "Optional[Number]"
        ) -> bool:
            """Pass progress on if that needs no waiting; whether it was taken."""

        def progress_later(self, handle: "RemoteTaskHandle") -> None:
            """Pass on what `progress` did not take, from another thread, as soon as there is room."""

        def output(self, number: int, key: str, value: object) -> None:
            """Pass one named output on."""

        def log(self, number: int, level: int, message: str) -> None:
            """Pass one log record on."""

        def late(self, what: str) -> None:
            """Say that a report came after its task had ended."""


INFO = 20  # logging.INFO; logging is not imported for it


class RemoteTaskHandle:
    """What a task reports through, and where it learns that it should stop.

    A function receives it when it declares a parameter named ``task`` that the caller did not pass, or one annotated
    with this class; `current_task` gives it anywhere. It may be used from any thread of the worker. Reports never block
    the function: when the host does not keep up, progress is merged and the newest is sent.

    Reports that come after the function returned are ignored, with one warning in the worker's log.
    """

    __slots__ = ("_canceled", "_finished", "_lock", "_number", "_pending", "_reporter", "cancel_requested")

    def __init__(self, number: int, reporter: "Reporter") -> None:
        self.cancel_requested = False
        """Whether the host asked this task to stop; a function that then returns normally still completes."""
        self._number = number
        self._reporter = reporter
        self._canceled = False
        self._finished = False
        self._pending: "Optional[List[Union[str, Number, None]]]" = None
        self._lock = allocate_lock()

    def update(
        self, message: "Optional[str]" = None, *, current: "Optional[Number]" = None, maximum: "Optional[Number]" = None
    ) -> None:
        """Report progress; what is not given stays as it was.

        Args:
            message: What is being done, as text.
            current: How much is done, in any unit.
            maximum: How much there is to do, in the same unit.

        Raises:
            TypeError: A count is no number.
        """
        if message is not None:
            message = str(message)
        current, maximum = _number("current", current), _number("maximum", maximum)
        if self._finished:
            self._reporter.late("update")
            return
        with self._lock:
            pending = self._pending
            if pending is None:
                if self._reporter.progress(self._number, message, current, maximum):
                    return
                self._pending = [message, current, maximum]
            else:  # an earlier update still waits for room: the newest values replace it
                for position, value in enumerate((message, current, maximum)):
                    if value is not None:
                        pending[position] = value
                return
        self._reporter.progress_later(self)

    def set_output(self, key: str, value: object) -> None:
        """Give a named result before the function returns; it appears in ``task.outputs`` of the host.

        Raises:
            TypeError: ``key`` is no string.
            wetlands_worker.values.EncodeError: The value cannot cross.
        """
        if not issubclass(type(key), str):
            problem = f"the key of an output is a string, not {type(key).__name__}"
            raise TypeError(problem)
        if self._finished:
            self._reporter.late("set_output")
            return
        self._reporter.output(self._number, key, value)

    def log(self, message: str, level: int = INFO) -> None:
        """Write a record to the host's log, with this task and worker on it.

        Args:
            message: The text.
            level: A level of the `logging` module.
        """
        if self._finished:
            self._reporter.late("log")
            return
        self._reporter.log(self._number, int(level), str(message))

    def cancel(self) -> None:
        """Declare that this task ends as canceled; whatever the function returns is dropped."""
        if self._finished:
            self._reporter.late("cancel")
            return
        self.cancel_requested = True
        self._canceled = True

    # ------------------------------------------------- for the worker's loop

    def _finish(self) -> bool:
        """No report is taken from here on; whether the task declared itself canceled."""
        with self._lock:  # what is being sent for the task goes before its answer
            self._finished = True
        return self._canceled

    def _take_pending(self) -> "Optional[Tuple[Union[str, Number, None], ...]]":
        with self._lock:
            pending, self._pending = self._pending, None
        return None if pending is None else tuple(pending)


def _number(name: str, value: "Any") -> "Optional[Number]":  # Any: whatever the user passed
    if value is None or type(value) is int or type(value) is float:
        return value
    if isinstance(value, (int, float)):  # bool, and subclasses such as numpy.float64
        return float(value) if isinstance(value, float) else int(value)
    item = getattr(value, "item", None)  # a numpy scalar
    plain = item() if callable(item) else None
    if isinstance(plain, (int, float)):
        return plain
    problem = f"{name} is a number, not {type(value).__name__}"
    raise TypeError(problem)


_provider: "Callable[[], Optional[RemoteTaskHandle]]" = lambda: None  # noqa: E731 - replaced as a whole


def provide(provider: "Callable[[], Optional[RemoteTaskHandle]]") -> None:
    """Say where `current_task` finds the handle in this process."""
    global _provider  # noqa: PLW0603 - one process serves one worker
    _provider = provider


def current_task() -> "Optional[RemoteTaskHandle]":
    """The handle of the task that runs in this process, or None outside a task."""
    return _provider()
