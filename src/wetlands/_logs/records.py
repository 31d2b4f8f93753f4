"""The logger "wetlands": its records always carry our attributes, and its own handlers follow their own level."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wetlands._logs.attributes import complete
from wetlands._logs.handlers import FileHandler
from wetlands._logs.secrets import hidden_in_record, hidden_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "wetlands"

# What logging itself keeps on a record; it refuses an `extra` that would overwrite one of them.
_RESERVED = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


class WetlandsLogger(logging.Logger):
    """The logger "wetlands".

    Each of its records has all of `attributes.ATTRIBUTES`; those that do not apply are ``None``, so any
    format string works.

    Handlers made by this library (console, files, attached callables) receive what their own level lets through, even
    when the root logger is at ``WARNING``: asking for a log file does not make other handlers of the program noisier.
    All other handlers see what they would see of any logger. A level set on this logger itself holds for all of them.
    """

    _own: tuple[logging.Handler, ...] = ()

    def add_own_handler(self, handler: logging.Handler) -> None:
        """Add a handler that follows its own level only."""
        self._own = (*self._own, handler)
        self.addHandler(handler)

    def removeHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - the name is logging's
        """Remove a handler, ours or the program's; it is not closed."""
        self._own = tuple(handler for handler in self._own if handler is not hdlr)
        super().removeHandler(hdlr)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is logging's
        """Whether a record of that level would reach anybody."""
        if super().isEnabledFor(level):
            return True
        if self.disabled or self.level != logging.NOTSET or self.manager.disable >= level:
            return False
        return any(level >= handler.level for handler in self._own)

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Hand a record to all who should see it."""
        for handler in self._receivers(record.levelno):
            handler.handle(record)

    def makeRecord(  # noqa: N802, PLR0913, PLR0917 - name and parameters are logging's
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: tuple[object, ...] | Mapping[str, object],
        exc_info: logging._SysExcInfoType | None,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """Make a record that has all of our attributes."""
        record = super().makeRecord(name, level, fn, lno, msg, args, exc_info, func, extra, sinfo)
        return hidden_in_record(complete(record))

    def log_global(
        self,
        level: int,
        msg: str,
        *args: object,
        exc_info: bool | BaseException | None = None,
        stacklevel: int = 1,
        **attributes: object,
    ) -> None:
        """Log something that concerns no single environment; `attributes` (``stage=...``) go onto the record."""
        self._log_from("global", level, msg, args, exc_info, stacklevel, attributes)

    def log_environment(
        self,
        level: int,
        msg: str,
        *args: object,
        exc_info: bool | BaseException | None = None,
        stacklevel: int = 1,
        **attributes: object,
    ) -> None:
        """Log something about one environment; give ``env_name=...`` and ``stage="create" | "install" | "launch"``."""
        self._log_from("environment", level, msg, args, exc_info, stacklevel, attributes)

    def log_execution(
        self,
        level: int,
        msg: str,
        *args: object,
        exc_info: bool | BaseException | None = None,
        stacklevel: int = 1,
        **attributes: object,
    ) -> None:
        """Log something about what runs in a worker; give ``env_name``, ``call_target``, ``worker_index``, ``task_id``.

        Never give call arguments: they can be secrets, and they can be large.
        """
        self._log_from("execution", level, msg, args, exc_info, stacklevel, attributes)

    def log_lines(self, level: int, lines: Sequence[str], attributes: Mapping[str, object]) -> None:
        """Log many lines that share their attributes; the same as one record per line, in a tenth of the time.

        Attributes whose name logging keeps for itself (``message``, ``name``, ...) are left out.
        """
        if not lines or not self.isEnabledFor(level):
            return
        lines = hidden_lines(lines)
        extra = _allowed(attributes)
        receivers = self._receivers(level)
        files = [] if self.filters else [h for h in receivers if isinstance(h, FileHandler) and h.takes_lines()]
        others = [handler for handler in receivers if handler not in files]
        if files:
            first = self._line_record(level, lines[0], extra)
            for file in files:
                file.handle_lines(first, lines)
        if others:
            for line in lines:
                record = self._line_record(level, line, extra)
                if self.filter(record):
                    for handler in others:
                        handler.handle(record)

    def _line_record(self, level: int, line: str, extra: Mapping[str, object]) -> logging.LogRecord:
        return self.makeRecord(self.name, level, "(process output)", 0, line, (), None, None, extra)

    def _log_from(  # noqa: PLR0917 - private, and one name for each thing logging takes
        self,
        source: str,
        level: int,
        msg: str,
        args: tuple[object, ...],
        exc_info: bool | BaseException | None,  # noqa: FBT001 - as in logging
        stacklevel: int,
        attributes: Mapping[str, object],
    ) -> None:
        if self.isEnabledFor(level):
            extra = {"log_source": source, **_allowed(attributes)}
            # two more frames are ours: this one, and the public method
            self.log(level, msg, *args, exc_info=exc_info, stacklevel=stacklevel + 2, extra=extra)

    def _receivers(self, level: int) -> list[logging.Handler]:
        """The handlers that a record of that level goes to, in the order of logging."""
        passes = level >= self.getEffectiveLevel()
        found = [h for h in self.handlers if level >= h.level and (passes or h in self._own)]
        logger: logging.Logger | None = self
        while passes and logger is not None and logger.propagate:
            logger = logger.parent
            found += [h for h in logger.handlers if level >= h.level] if logger is not None else []
        return [handler for handler in found if not isinstance(handler, logging.NullHandler)]


def the_logger() -> WetlandsLogger:
    """The logger "wetlands", as `logging.getLogger` knows it.

    A program may have configured it before it imported us (``logging.getLogger("wetlands").setLevel(...)``), so it is
    given its class where it is, with its level, handlers and children; `logging.setLoggerClass` would come too late
    then, and would reach loggers that other threads make at this moment.
    """
    found = logging.getLogger(NAME)
    if isinstance(found, WetlandsLogger):
        return found
    found.__class__ = WetlandsLogger
    found.addHandler(logging.NullHandler())
    if not isinstance(found, WetlandsLogger):  # pragma: no cover - tells the type checker what the line above did
        raise TypeError(found)
    return found


def _allowed(attributes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in attributes.items() if name not in _RESERVED}
