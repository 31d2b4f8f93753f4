"""The far side: what runs inside an environment.

Who runs it: the host starts ``python <this folder>`` with the interpreter of an environment. Which Python: CPython 3.8
and later. What it may import: the standard library only, and on the way to the first call only its cheap parts. It is
shipped by path and never installed in the environment; the host imports the very same files, so that both ends of the
wire are one source of truth.

Code that runs in an environment may use `current_task` and `RemoteTaskHandle`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wetlands_worker.handle import RemoteTaskHandle as RemoteTaskHandle
    from wetlands_worker.handle import current_task as current_task
    from wetlands_worker.messages import PROTOCOL_VERSION as PROTOCOL_VERSION

__all__ = ["PROTOCOL_VERSION", "RemoteTaskHandle", "current_task"]

_HOMES = {
    "PROTOCOL_VERSION": "wetlands_worker.messages",
    "RemoteTaskHandle": "wetlands_worker.handle",
    "current_task": "wetlands_worker.handle",
}


def __getattr__(name: str) -> object:
    """Import the module that owns a public name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib  # noqa: PLC0415 - not needed on the way to the first call

    return getattr(importlib.import_module(home), name)


def __dir__() -> "list[str]":
    return __all__
