"""Every error this library raises on purpose.

```
WetlandsError
├── InvalidDependencyError            a recipe that cannot be understood            (also ValueError)
│   ├── IncompatibilityException      a requirement that excludes this platform
│   └── UnsupportedPythonError        a Python that no worker can run on
├── InvalidNameError                  a name that is not one portable path component (also ValueError)
├── EnvironmentReuseError             the name is taken by another recipe
├── EnvironmentNotFoundError          nothing of that name, or no environment in that folder
├── EnvironmentInUseError             live workers still use what should be removed
├── RecordError                       a stored record that cannot be read
├── LockError                         a lock that cannot be read, or does not fit the recipe or this machine
├── ProvisioningError                 an environment could not be built or changed
│   ├── InterpreterNotFoundError      no Python on this machine satisfies the recipe
│   ├── UnsatisfiableError            no set of conda packages fits all that is asked
│   ├── DiskSpaceError                a disk has too little room, found before anything was downloaded
│   ├── DownloadError                 a channel or a package of it could not be had, or arrived damaged
│   ├── CommandFailedError            a tool or a user's command ended with a non-zero code
│   └── ProvisioningCanceledError     the build was cancelled
├── LaunchError                       workers could not be started
├── AttachError                       persistent workers that are not there, or cannot be had now
├── NotLaunchedError                  a call into an environment that has no workers
├── ModuleNotResolvedError            a module to call that is no file on this machine (also ValueError)
├── DebuggerError                     no debugger can be started in a worker
├── RefReleasedError                  a kept result that was let go
├── StateError                        the folder `state` of an instance is not this user's alone
├── ProtocolError                     the other side of a connection does not speak our language
└── ExecutionException                a call failed; `.failure` says how
```

Fields are typed and the sentence is made from them, so a program can act on the fields and a person can read the
sentence. Each sentence says what was asked, what was found, and what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._errors.base import WetlandsError
from wetlands._errors.provisioning import (
    CommandFailedError,
    DiskSpaceError,
    DownloadError,
    InterpreterNotFoundError,
    ProvisioningCanceledError,
    ProvisioningError,
    UnsatisfiableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wetlands_worker.failures import TaskFailure

__all__ = [
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
]


class InvalidDependencyError(WetlandsError, ValueError):
    """A recipe cannot be understood; nothing was touched."""


class IncompatibilityException(InvalidDependencyError):  # noqa: N818 - the name is part of the 1.x interface
    """A required package excludes this platform.

    Attributes:
        requirement: The requirement as it was written.
        platform: The platform of this machine, in conda's words (``linux-64``).
        platforms: The platforms the requirement names.
    """

    def __init__(self, requirement: str, platform: str, platforms: Sequence[str]) -> None:
        super().__init__(requirement, platform, tuple(platforms))
        self.requirement = requirement
        self.platform = platform
        self.platforms = tuple(platforms)

    def __str__(self) -> str:
        return (
            f"{self.requirement!r} is only for {', '.join(self.platforms)}, and this machine is {self.platform}. "
            'Add "optional": True to leave it out here, or name this platform in "platforms".'
        )


class UnsupportedPythonError(InvalidDependencyError):
    """A recipe asks for a Python that no worker can run on (older than 3.8)."""


class InvalidNameError(WetlandsError, ValueError):
    """A name is not one portable path component."""


class EnvironmentReuseError(WetlandsError):
    """An environment of that name exists and was made from another recipe.

    Attributes:
        name: The name of the environment.
        reasons: What differs, one sentence each.
    """

    def __init__(self, name: str, reasons: Sequence[str]) -> None:
        super().__init__(name, tuple(reasons))
        self.name = name
        self.reasons = tuple(reasons)

    def __str__(self) -> str:
        return (
            f"Environment {self.name!r} exists, but not as asked: {'; '.join(self.reasons)}. "
            f"Use create(..., replace_existing=True) to build it anew, load({self.name!r}) to take it as it is, "
            "or another name."
        )


class EnvironmentNotFoundError(WetlandsError):
    """Nothing of that name, or no environment in that folder."""


class EnvironmentInUseError(WetlandsError):
    """Live workers still use what should be removed or changed."""


class LockError(WetlandsError):
    """A lock cannot be read, or does not fit the recipe or this machine; nothing was built.

    Attributes:
        path: The file.
        reasons: What is wrong, one sentence each.
    """

    def __init__(self, path: Path, *reasons: str) -> None:
        super().__init__(path, *reasons)
        self.path = path
        self.reasons = reasons

    def __str__(self) -> str:
        return (
            f"The lock {self.path} cannot be used: {'; '.join(self.reasons)}. "
            "Make a new one with EnvironmentManager.lock(...), or build without a lock."
        )


class RecordError(WetlandsError):
    """The stored record of an environment cannot be read.

    Attributes:
        path: The record file.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"The record {self.path} cannot be read: {self.reason}. "
            "Build the environment anew with create(..., replace_existing=True)."
        )


class LaunchError(WetlandsError):
    """Workers could not be started; none is left running.

    Attributes:
        environment: The name of the environment.
        reason: What happened.
        output: The last lines the worker wrote.

    Where an initializer raised, `failure` says what; the traceback of the worker is the cause.
    """

    def __init__(
        self, environment: str, reason: str, output: Sequence[str] = (), failure: TaskFailure | None = None
    ) -> None:
        super().__init__(environment, reason, tuple(output), failure)
        self.environment = environment
        self.reason = reason
        self.output = tuple(output)
        self._failure = failure

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.output)
        return f"Environment {self.environment!r} could not start its workers: {self.reason}{lines}"


class AttachError(WetlandsError):
    """Persistent workers are not there, or cannot be had now; they go on as they were.

    Attributes:
        environment: The name of the environment.
        reason: Why.
        found: What is known of them; empty where there are none.
        advice: What to do next.
    """

    def __init__(self, environment: str, reason: str, found: str = "", advice: str = "") -> None:
        super().__init__(environment, reason, found, advice)
        self.environment = environment
        self.reason = reason
        self.found = found
        self.advice = advice

    def __str__(self) -> str:
        found = f" ({self.found})" if self.found else ""
        return (
            f"The workers of {self.environment!r} cannot be attached to{found}: {self.reason}. {self.advice}".rstrip()
        )


class NotLaunchedError(WetlandsError):
    """A call into an environment that has no workers."""


class ModuleNotResolvedError(WetlandsError, ValueError):
    """A module to call names a file that is not there, or is not something Python can import."""


class DebuggerError(WetlandsError):
    """No debugger can be started in a worker, or none is installed beside this program."""


class RefReleasedError(WetlandsError):
    """A kept result was used after it had been let go."""


class StateError(WetlandsError):
    """The folder `state` of an instance, or the key in it, is not this user's alone; the sentence says what to do."""


class ProtocolError(WetlandsError):
    """The other side of a connection does not speak our language, or not this version of it."""


class ExecutionException(WetlandsError):  # noqa: N818 - the name is part of the 1.x interface
    """A call into an environment failed.

    `failure` says how, as data. The traceback of the worker is chained as ``__cause__``, so it prints with this
    exception.
    """

    def __init__(self, failure: TaskFailure) -> None:
        super().__init__(failure)
        self._failure = failure
        if failure.traceback:
            self.__cause__ = _RemoteTraceback(failure.traceback)

    def __str__(self) -> str:
        return str(self.failure)


class _RemoteTraceback(Exception):  # noqa: N818 - shown as a cause, never raised
    """The traceback of a worker, printed as the cause, in the manner of ``concurrent.futures.process``."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


for _name in __all__:
    globals()[_name].__module__ = __name__  # where people find them, and what a traceback says
