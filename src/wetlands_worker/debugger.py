"""The debugger in a worker: debugpy, from where the host has it, started when somebody asks for it.

Nothing of it is installed in the environment: it is loaded under its own name from the folder that the host names, and
what is there of other packages beside it stays invisible. Its adapter, the process that editors talk to, runs on the
host's Python, which that copy was made for; the part that is loaded here works on all Pythons that workers run on.
"""

import os
import sys
from _thread import allocate_lock
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Optional, Tuple

    from wetlands_worker.handle import RemoteTaskHandle

    Address = Tuple[str, int]

# What a worker is told by the variables of its process, for what must happen before anybody can ask it.
FOLDER = "WETLANDS_DEBUGPY"
PYTHON = "WETLANDS_DEBUGPY_PYTHON"
LISTEN = "WETLANDS_DEBUG"
HOLD = "WETLANDS_HOLD_SECONDS"

_LOOPBACK = "127.0.0.1"
_THREADING_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_WARNING = 30  # as in logging, which takes long to import
_QUIET = "PYDEVD_DISABLE_FILE_VALIDATION"

_lock = allocate_lock()
_address: "Optional[Address]" = None


class DebuggerError(Exception):
    """The debugger cannot be started; the message says why."""


def listen(folder: str, python: str, on_main: "Optional[Callable[[Callable[[], object]], None]]" = None) -> "Address":
    """Listen for an editor, on a free port of the loopback interface; asked again, it is the same one.

    Args:
        folder: The package debugpy.
        python: The interpreter to run its adapter on.
        on_main: Runs something on the main thread soon; None when this is the main thread.

    Raises:
        DebuggerError: It cannot be started.
    """
    global _address  # noqa: PLW0603 - a process has one debugger
    with _lock:
        if _address is None:
            _import_threading(on_main)
            _address = _start(folder, python)
        return _address


def hold(error: BaseException, seconds: float, announce: "Callable[[str], None]", stop: "Callable[[], bool]") -> None:
    """Wait with a failed call until an editor has looked at it.

    Args:
        error: What the call raised; its frames are shown as they were.
        seconds: How long to wait for an editor.
        announce: Tells the user that there is something to look at.
        stop: Whether to wait no longer.
    """
    try:
        host, port = listen(os.environ[FOLDER], os.environ[PYTHON])
    except (DebuggerError, KeyError) as problem:
        announce(f"raised {type(error).__name__}, and no debugger can be waited for: {problem}")
        return
    debugpy = sys.modules["debugpy"]
    announce(f"raised {type(error).__name__}: it waits {seconds:g} s for a debugger on {host}:{port}")
    waited = 0.0
    while not debugpy.is_client_connected() and waited < seconds and not stop():
        sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
    if debugpy.is_client_connected():
        _show(error)


def hold_failure(error: BaseException, handle: "RemoteTaskHandle") -> None:
    """Hold a failed call for as long as the variables of this process say."""
    if isinstance(error, Exception) and not handle.cancel_requested:
        seconds = float(os.environ[HOLD])
        hold(error, seconds, lambda text: handle.log(text, _WARNING), lambda: handle.cancel_requested)


def listen_at_start() -> None:
    """Listen as the variables of this process say; what goes wrong is in the log, and hinders no call."""
    try:
        host, port = listen(os.environ[FOLDER], os.environ[PYTHON])
    except (DebuggerError, KeyError) as error:
        print(f"No debugger: {error}", file=sys.stderr)  # noqa: T201 - stderr goes to the log
    else:
        print(f"Listening for a debugger on {host}:{port}", file=sys.stderr)  # noqa: T201 - as above


def _show(error: BaseException) -> None:
    """Stop in the frame that raised, as if the error had not been caught; returns when the user lets it go on."""
    debugger = sys.modules["pydevd"].get_global_debugger()  # of debugpy's own, not in the environment
    if debugger is not None:
        debugger.trigger_exception_handler((type(error), error, error.__traceback__), as_uncaught=False)


def _import_threading(on_main: "Optional[Callable[[Callable[[], object]], None]]") -> None:
    """Have the module imported by the main thread: it takes whoever imports it first for that one."""
    if on_main is None or "threading" in sys.modules:
        import threading  # noqa: F401, PLC0415 - see above

        return
    done = []

    def import_it() -> None:
        import threading  # noqa: F401, PLC0415 - see above

        done.append(True)

    on_main(import_it)
    waited = 0.0
    while not done and waited < _THREADING_SECONDS:
        sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
    if not done:
        message = f"the main thread has been in native code for {_THREADING_SECONDS:g} s; try again when it returns"
        raise DebuggerError(message)


def _start(folder: str, python: str) -> "Address":
    try:
        debugpy: "Any" = sys.modules.get("debugpy") or _load(folder)
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        debugpy.configure(python=python, pythonEnv=variables, subProcess=False)
        host, port = debugpy.listen((_LOOPBACK, 0))
    except Exception as error:
        message = f"debugpy of {folder} does not start: {type(error).__name__}: {error}"
        raise DebuggerError(message) from error
    return str(host), int(port)


def _load(folder: str) -> "ModuleType":
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415 - few workers need it

    spec = spec_from_file_location("debugpy", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    if spec is None or spec.loader is None or not os.path.isdir(folder):
        message = f"there is no package in {folder}"
        raise DebuggerError(message)
    os.environ.setdefault(_QUIET, "1")  # it warns of frozen modules on stderr, which hide no user's code
    module = module_from_spec(spec)
    sys.modules["debugpy"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["debugpy"]
        raise
    return module
