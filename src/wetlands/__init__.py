"""Isolated environments on demand, and ordinary function calls into them.

```python
from wetlands import EnvironmentManager

with EnvironmentManager() as manager:
    env = manager.create("numpy", {"pip": ["numpy==2.2.4"]})
    env.launch()
    print(env.execute("minimal_module.py", "sum", args=([1, 2, 3],)))
```

Names are imported when they are first used, so that ``import wetlands`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wetlands._backends.integrity.damage import Damage
    from wetlands._backends.locks.difference import PackageChange
    from wetlands._spec import Commands, Dependencies
    from wetlands._store.garbage import Cleanup, CleanupItem
    from wetlands.environment import Environment
    from wetlands.environment_manager import EnvironmentManager
    from wetlands.exceptions import (
        AttachError,
        CommandFailedError,
        DebuggerError,
        DiskSpaceError,
        DownloadError,
        EnvironmentInUseError,
        EnvironmentNotFoundError,
        EnvironmentReuseError,
        ExecutionException,
        IncompatibilityException,
        InterpreterNotFoundError,
        InvalidDependencyError,
        InvalidNameError,
        LaunchError,
        LockError,
        ModuleNotResolvedError,
        NotLaunchedError,
        ProtocolError,
        ProvisioningCanceledError,
        ProvisioningError,
        RecordError,
        RefReleasedError,
        StateError,
        UnsatisfiableError,
        UnsupportedPythonError,
        WetlandsError,
    )
    from wetlands.external_environment import ExternalEnvironment
    from wetlands.internal_environment import InternalEnvironment
    from wetlands.ndarray import NDArray
    from wetlands.ref import Ref
    from wetlands.stream import Stream
    from wetlands.task import (
        LogLine,
        RemoteExceptionInfo,
        RemoteTaskHandle,
        Task,
        TaskEvent,
        TaskEventType,
        TaskFailure,
        TaskFailureCategory,
        TaskStatus,
        TracebackFrame,
        WorkerInfo,
    )

_HOMES = {
    "wetlands._backends.integrity.damage": ("Damage",),
    "wetlands._backends.locks.difference": ("PackageChange",),
    "wetlands._spec": ("Commands", "Dependencies"),
    "wetlands._store.garbage": ("Cleanup", "CleanupItem"),
    "wetlands.environment": ("Environment",),
    "wetlands.environment_manager": ("EnvironmentManager",),
    "wetlands.exceptions": (
        "AttachError",
        "CommandFailedError",
        "DebuggerError",
        "DiskSpaceError",
        "DownloadError",
        "EnvironmentInUseError",
        "EnvironmentNotFoundError",
        "EnvironmentReuseError",
        "ExecutionException",
        "IncompatibilityException",
        "InterpreterNotFoundError",
        "InvalidDependencyError",
        "InvalidNameError",
        "LaunchError",
        "LockError",
        "ModuleNotResolvedError",
        "NotLaunchedError",
        "ProtocolError",
        "ProvisioningCanceledError",
        "ProvisioningError",
        "RecordError",
        "RefReleasedError",
        "StateError",
        "UnsatisfiableError",
        "UnsupportedPythonError",
        "WetlandsError",
    ),
    "wetlands.external_environment": ("ExternalEnvironment",),
    "wetlands.internal_environment": ("InternalEnvironment",),
    "wetlands.ndarray": ("NDArray",),
    "wetlands.stream": ("Stream",),
    "wetlands.ref": ("Ref",),
    "wetlands.task": (
        "LogLine",
        "RemoteExceptionInfo",
        "RemoteTaskHandle",
        "Task",
        "TaskEvent",
        "TaskEventType",
        "TaskFailure",
        "TaskFailureCategory",
        "TaskStatus",
        "TracebackFrame",
        "WorkerInfo",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
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
    "Environment",
    "EnvironmentInUseError",
    "EnvironmentManager",
    "EnvironmentNotFoundError",
    "EnvironmentReuseError",
    "ExecutionException",
    "ExternalEnvironment",
    "IncompatibilityException",
    "InternalEnvironment",
    "InterpreterNotFoundError",
    "InvalidDependencyError",
    "InvalidNameError",
    "LaunchError",
    "LockError",
    "LogLine",
    "ModuleNotResolvedError",
    "NDArray",
    "NotLaunchedError",
    "PackageChange",
    "ProtocolError",
    "ProvisioningCanceledError",
    "ProvisioningError",
    "RecordError",
    "Ref",
    "RefReleasedError",
    "RemoteExceptionInfo",
    "RemoteTaskHandle",
    "StateError",
    "Stream",
    "Task",
    "TaskEvent",
    "TaskEventType",
    "TaskFailure",
    "TaskFailureCategory",
    "TaskStatus",
    "TracebackFrame",
    "UnsatisfiableError",
    "UnsupportedPythonError",
    "WetlandsError",
    "WorkerInfo",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
