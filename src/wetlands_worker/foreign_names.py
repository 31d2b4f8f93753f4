"""Finds a class or function by the name that another Python gave it, and says what is missing when it is not here."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

__all__ = ["explain", "find", "here"]

# Where a name may live in another version of a library than the one that wrote it.
_MOVED = {
    "numpy": ("numpy.exceptions",),  # the errors of numpy < 1.25
    "numpy.exceptions": ("numpy",),
    "numpy.rec": ("numpy.core.records",),  # numpy < 2
    "numpy.char": ("numpy.core.defchararray",),
    "pathlib._local": ("pathlib",),  # Python 3.13 alone
}
_NUMPY_WITH_PRIVATE_CORE = 2


def find(module: str, name: str, lookup: "Callable[[str, str], Any]") -> "Any":
    """Find ``module.name`` with ``lookup``, under the other names it may have here.

    Raises:
        DecodeError: It is not there under any name.
    """
    failure: "BaseException | None" = None
    for place in _places(module):
        try:
            return lookup(place, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - importing a user's module may raise anything
            failure = failure or error
    from wetlands_worker.values import DecodeError  # noqa: PLC0415 - it imports this module

    raise DecodeError(_missing(module, name, failure)) from failure


def _places(module: str) -> "Iterator[str]":
    if module.startswith(("numpy.core", "numpy._core")):
        # Which of both is real depends on the version. The other one may exist as a stub that warns.
        rest = module.split("core", 1)[1]
        yield ("numpy._core" if _numpy_major() >= _NUMPY_WITH_PRIVATE_CORE else "numpy.core") + rest
        return
    yield module
    yield from _MOVED.get(module, ())


def _numpy_major() -> int:
    try:
        import numpy  # noqa: ICN001, PLC0415 - part of the environment or not
    except ImportError:
        return 0  # looking it up will say what is missing
    return int(numpy.__version__.split(".")[0])


def _missing(module: str, name: str, failure: "BaseException | None") -> str:
    if module in {"__main__", "__mp_main__"}:
        cause = f"{name} is defined in the program that sent it"
        return f"{cause}; move it into a module that both sides can import ({here()})"
    known = f"{module}.{name} must be importable here, in {here()}"
    if isinstance(failure, ModuleNotFoundError):
        return f"{failure}; {known}"
    if isinstance(failure, AttributeError):
        return f"module {module!r} has no {name!r} here; {known}"
    return f"importing {module} raised {brief(failure)}; {known}"


def explain(error: BaseException) -> str:
    """What went wrong while a value was rebuilt, in one sentence."""
    place = _last_place(error.__traceback__)
    if place:
        return f"rebuilding a value raised {brief(error)} in {place}, in {here()}"
    return f"rebuilding a value raised {brief(error)}, in {here()}"


def brief(error: "BaseException | None") -> str:
    """The type and message of an error, also of one that cannot say its message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        message = "(no message: its __str__ failed)"
    return f"{type(error).__name__}: {message[:500]}" if message else type(error).__name__


def here() -> str:
    """This Python, for a sentence."""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"Python {version} ({sys.executable})" if sys.executable else f"Python {version}"


def _last_place(traceback: "TracebackType | None") -> str:
    """The last line of somebody else's code that was running."""
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not str(traceback.tb_frame.f_globals.get("__name__", "")).startswith("wetlands_worker."):
            place = f"{code.co_name} ({code.co_filename}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place
