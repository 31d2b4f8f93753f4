"""Logs: the logger "wetlands", and ways to see what it says.

Nothing is shown or written unless asked for: this library installs no handler by itself (a manager writes the two files
of its instance folder, see ``EnvironmentManager(log_file_path=...)``) and never prints.

```python
from wetlands.logger import enable_console_logging, logger

enable_console_logging("DEBUG")
logger.info("ready")
```

Every record has the attributes ``log_source`` ("global", "environment" or "execution"), ``env_name``, ``stage``
("create", "install" or "launch"), ``call_target``, ``stream`` ("stdout" or "stderr"), ``worker_index``, ``task_id`` and
``instance`` (the manager's folder); those that do not apply are ``None``, so formats may name any of them. Lines that
workers write are logged at ``INFO``, stderr too: many programs report their progress there. Arguments of calls are
never logged. `hide_secrets` has texts replaced in all of it.

What the ``enable_...`` functions and `attach_log_handler` set up follows its own level, whatever the level of the root
logger; a level set on `logger` itself holds for everything. Take any of it away with ``logger.removeHandler(handler)``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._logs.files import BACKUPS, MAX_BYTES
from wetlands._logs.handlers import CallableHandler, FileHandler, RecordFormatter, StandardStreamHandler
from wetlands._logs.records import WetlandsLogger, the_logger
from wetlands._logs.secrets import hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "WetlandsLogger",
    "attach_log_handler",
    "create_split_stream_handlers",
    "enable_console_logging",
    "enable_file_logging",
    "hide_secrets",
    "log_environment",
    "log_execution",
    "log_global",
    "logger",
]

logger: WetlandsLogger = the_logger()
log_global = logger.log_global
log_environment = logger.log_environment
log_execution = logger.log_execution


def enable_console_logging(
    level: int | str = logging.INFO, fmt: str | None = None
) -> tuple[StandardStreamHandler, StandardStreamHandler]:
    """Show records on the console: ``DEBUG`` and ``INFO`` on stdout, ``WARNING`` and above on stderr.

    Called again, it changes level and format of the handlers that are there.

    Args:
        level: Records below it are not shown.
        fmt: A format of `logging` (``"%(env_name)s %(message)s"``); by default time, level, origin and message.

    Returns:
        The handlers for stdout and for stderr.
    """
    present = {h.stream_name: h for h in logger.handlers if isinstance(h, StandardStreamHandler)}
    made = {handler.stream_name: handler for handler in create_split_stream_handlers(level, fmt)}
    for name, handler in made.items():
        if name in present:
            _configure(present[name], level, fmt)
        else:
            logger.add_own_handler(handler)
    both = {**made, **present}
    return both["stdout"], both["stderr"]


def create_split_stream_handlers(
    level: int | str = logging.INFO, fmt: str | None = None
) -> tuple[StandardStreamHandler, StandardStreamHandler]:
    """Make the two handlers of `enable_console_logging` for use with any logger, without adding them to one.

    Args:
        level: Records below it are not shown.
        fmt: A format of `logging`; by default time, level, origin and message.

    Returns:
        A handler that writes what is below ``WARNING`` to stdout, and one that writes the rest to stderr.
    """
    out, err = StandardStreamHandler("stdout"), StandardStreamHandler("stderr")
    for handler in (out, err):
        _configure(handler, level, fmt)
    return out, err


def enable_file_logging(
    path: str | os.PathLike[str],
    level: int | str = logging.INFO,
    fmt: str | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    backup_count: int = BACKUPS,
) -> logging.Handler:
    """Append records to a file, which is opened with the first record and bounded in size.

    Called again for the same file, it changes level and format of the handler that is there. A file that cannot be
    written harms nobody: one warning is logged, and it is tried again later.

    Args:
        path: The file; missing folders are made.
        level: Records below it are not written.
        fmt: A format of `logging`; by default time, level, origin and message.
        max_bytes: A file that would grow beyond it is renamed to ``<path>.1`` and a new one begun; 0: no bound.
        backup_count: How many renamed files are kept.

    Returns:
        The handler; ``logger.removeHandler(handler)`` and ``handler.close()`` end it.
    """
    wanted = os.path.abspath(path)  # noqa: PTH100 - not resolved: a link to a file is followed when it is opened
    for handler in logger.handlers:
        if isinstance(handler, FileHandler) and _is_for(handler, wanted):
            _configure(handler, level, fmt)
            return handler
    made = FileHandler(Path(wanted), max_bytes=max_bytes, backups=backup_count)
    _configure(made, level, fmt)
    logger.add_own_handler(made)
    return made


def attach_log_handler(
    callback: Callable[[logging.LogRecord], object],
    log_level: int | str = logging.INFO,
    filter: Callable[[logging.LogRecord], bool] | logging.Filter | None = None,  # noqa: A002 - the name is an interface
) -> logging.Handler:
    """Call a function with each record, in the thread that logs.

    No lock is held, so the function may wait for other threads, and may be called by several at once. What it raises is
    reported on stderr as for any handler of `logging`, and harms nobody; what it logs itself does not come back to it.

    Args:
        callback: Receives the record; ``record.getMessage()`` is the text.
        log_level: Records below it are left out.
        filter: Lets records through by returning true, such as ``lambda record: record.env_name == "cellpose"``.

    Returns:
        The handler; ``logger.removeHandler(handler)`` ends it.
    """
    handler = CallableHandler(callback)
    handler.setLevel(log_level)
    if filter is not None:
        handler.addFilter(filter)
    logger.add_own_handler(handler)
    return handler


def _configure(handler: logging.Handler, level: int | str, fmt: str | None) -> None:
    handler.setLevel(level)
    handler.setFormatter(RecordFormatter(fmt))


def _is_for(handler: FileHandler, path: str) -> bool:
    return os.path.normcase(handler.baseFilename) == os.path.normcase(path)
