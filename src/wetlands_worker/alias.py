"""`import wetlands` where it is not installed: the parts that make sense in a worker, under their names in the host.

A module of the user that both sides import may then say `from wetlands.task import RemoteTaskHandle` at its top. An
installed wetlands wins. A folder that is merely called `wetlands` (the instance folder that a host makes beside the
user's files is) does not: Python would take it for an empty namespace package.

A worker may also import the file of a program, for a function of it, and at the top of that stands
`from wetlands import EnvironmentManager`. Public names of the host are therefore importable as well, and
refuse to be used.
"""

import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery costs milliseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Dict, List, Optional, Sequence

_ROOT = "wetlands"
_FAILURES = "wetlands_worker.failures"
_HANDLE = "wetlands_worker.handle"
_OURS = (__name__, "__mp_main__")
"""Where the finders are that come here to ask."""
_TASK = {
    "RemoteExceptionInfo": _FAILURES,
    "RemoteTaskHandle": _HANDLE,
    "TaskFailure": _FAILURES,
    "TaskFailureCategory": _FAILURES,
    "TracebackFrame": _FAILURES,
    "WorkerInfo": _FAILURES,
    "current_task": _HANDLE,
}
_NDARRAY = "wetlands_worker.ndarray"
_SHARED = "wetlands_worker.shared"
_EXPORTS: "Dict[str, Dict[str, str]]" = {
    _ROOT: {**_TASK, "NDArray": _NDARRAY},
    "wetlands.task": _TASK,
    "wetlands.ndarray": {},
    "wetlands.shared": {},
}
"""Module -> public name -> the module of the worker that has it."""
_HOST = (
    *(
        "AttachError",
        "Cleanup",
        "CleanupItem",
        "CommandFailedError",
        "Commands",
        "Damage",
        "DebuggerError",
        "Dependencies",
        "DiskSpaceError",
        "DownloadError",
    ),
    *("Environment", "EnvironmentInUseError", "EnvironmentManager", "EnvironmentNotFoundError"),
    *("EnvironmentReuseError", "ExecutionException", "ExternalEnvironment", "IncompatibilityException"),
    *("InternalEnvironment", "InterpreterNotFoundError", "InvalidDependencyError", "InvalidNameError"),
    *("LaunchError", "LockError", "LogLine", "ModuleNotResolvedError", "NotLaunchedError", "PackageChange"),
    "ProtocolError",
    *(
        "ProvisioningCanceledError",
        "ProvisioningError",
        "RecordError",
        "Ref",
        "RefReleasedError",
        "StateError",
        "Stream",
        "Task",
    ),
    *("TaskEvent", "TaskEventType", "TaskStatus", "UnsatisfiableError", "UnsupportedPythonError", "WetlandsError"),
    "__version__",
)
"""Public names of the host that a worker lacks."""
_HOST_MODULES = tuple(
    "wetlands." + name
    for name in (
        *("environment", "environment_manager", "exceptions", "external_environment", "internal_environment", "logger"),
        *("ref", "stream"),
    )
)
_WHOLE = {"wetlands.ndarray": _NDARRAY, "wetlands.shared": _SHARED}
"""Modules that offer whatever a module of the worker offers."""


def install() -> None:
    """Make `import wetlands` work; nothing is imported until somebody does."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())  # the namespace package of a bare folder would be found before the last


def find_spec(
    name: str, path: "Optional[Sequence[str]]" = None, target: "Optional[ModuleType]" = None
) -> "Optional[ModuleSpec]":
    """What the installed finder finds."""
    return _Finder().find_spec(name, path, target)


class _Finder:
    """Finds `wetlands` and its modules when no real one is installed."""

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """See `importlib.abc.MetaPathFinder`."""
        if not name.startswith(_ROOT) or (name != _ROOT and not name.startswith(_ROOT + ".")):
            return None
        if name == _ROOT:
            return self._real(path, target) or _spec(name)
        parent = sys.modules.get(_ROOT)
        if not isinstance(getattr(parent, "__loader__", None), _Loader):
            return None  # a part of the real one
        if name in _EXPORTS or name in _HOST_MODULES:
            return _spec(name)
        problem = (
            f"{name} is available in the host only, and this is a worker; import it where it is used, or under "
            f"typing.TYPE_CHECKING. A worker has {', '.join(_EXPORTS)}"
        )
        raise ModuleNotFoundError(problem, name=name)

    def _real(self, path: "Optional[Sequence[str]]", target: "Optional[ModuleType]") -> "Optional[ModuleSpec]":
        for finder in sys.meta_path:
            if hasattr(finder, "find_spec") and type(finder).__module__ not in _OURS:
                spec = finder.find_spec(_ROOT, path, target)
                if spec is not None and spec.origin is not None:  # a namespace package has none
                    return spec
        return None


def _spec(name: str) -> ModuleSpec:
    loader = _Loader()
    return ModuleSpec(name, loader, origin="wetlands_worker", is_package=name == _ROOT)  # type: ignore[arg-type]  # a loader by its methods: importlib.abc is slow to import


class _Loader:
    """Makes modules that fetch their names from the worker package when they are asked for."""

    def create_module(self, _spec: ModuleSpec) -> None:
        """See `importlib.abc.Loader`."""

    def exec_module(self, module: "ModuleType") -> None:
        """Give the module its names, none of them imported yet."""
        name = module.__name__
        exports, whole = _EXPORTS.get(name, {}), _WHOLE.get(name)

        def fetch(attribute: str) -> object:
            home = exports.get(attribute) or (None if attribute.startswith("__") else whole)
            if home is None and _is_of_host(name, attribute):
                setattr(module, attribute, _stand_in(name, attribute))
                return vars(module)[attribute]
            if home is None:
                hint = "" if attribute.startswith("__") else "; it is available in the host only, or nowhere"
                problem = f"module {name!r}, as a worker has it, has no attribute {attribute!r}{hint}"
                raise AttributeError(problem)
            __import__(home)
            value: object = getattr(sys.modules[home], attribute)
            setattr(module, attribute, value)
            return value

        def names() -> "List[str]":
            if whole is not None:
                __import__(whole)
                return dir(sys.modules[whole])
            return sorted(exports)

        vars(module).update(__getattr__=fetch, __dir__=names)
        if exports:
            vars(module)["__all__"] = sorted(exports)


def _is_of_host(module: str, name: str) -> bool:
    return name in _HOST if module in (_ROOT, "wetlands.task") else module in _HOST_MODULES and name[:1] != "_"


def _stand_in(module: str, name: str) -> object:
    """A class that can be imported, annotated with and caught, and refuses everything else."""
    if name == "__version__":
        return "0"
    problem = (
        f"{module}.{name} is available in the host only, and this is a worker, which imports the file of a function "
        "that was called. Put the code that uses it into a function, or under `if __name__ == '__main__':`"
    )

    def refuse(*_args: object, **_kwargs: object) -> object:
        raise RuntimeError(problem)

    def missing(_cls: type, attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return refuse()

    body = {"__call__": refuse, "__getattr__": missing, "__getitem__": lambda cls, _parameters: cls}
    # Exception, for it may stand in an `except` clause
    return type("HostOnly", (type,), body)(name, (Exception,), {"__module__": module, "__doc__": problem})
