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

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wetlands_worker.failures import TaskFailure

__all__ = [
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


class WetlandsError(Exception):
    """The root of every error raised on purpose."""

    _failure: TaskFailure | None = None

    @property
    def failure(self) -> TaskFailure:
        """The error as data, as a task that failed with it has it in `Task.error`."""
        if self._failure is None:
            self.of_task(None, None)
        assert self._failure is not None  # noqa: S101 - narrows the type
        return self._failure

    def of_task(self, task_id: str | None, call_target: str | None) -> None:
        """Say in the failure which task it was that failed."""
        from wetlands_worker.failures import TaskFailure, TaskFailureCategory  # noqa: PLC0415 - errors are rare

        self._failure = TaskFailure(TaskFailureCategory.ENVIRONMENT, str(self), task_id, call_target)


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


class ProvisioningError(WetlandsError):
    """An environment could not be built or changed; what existed before still works."""


class InterpreterNotFoundError(ProvisioningError):
    """No Python interpreter on this machine satisfies the recipe.

    Attributes:
        requirement: The Python that was asked for.
        found: The interpreters that were found, as ``"3.11.7 at /usr/bin/python3"``.
    """

    def __init__(self, requirement: str, found: Sequence[str]) -> None:
        super().__init__(requirement, tuple(found))
        self.requirement = requirement
        self.found = tuple(found)

    def __str__(self) -> str:
        found = "; ".join(self.found) if self.found else "none"
        return (
            f"No Python that satisfies {self.requirement!r} is installed on this machine (found: {found}). "
            'Install one, ask for one of these with "python", or add a conda package so that Python comes from conda.'
        )


class UnsatisfiableError(ProvisioningError):
    """No set of conda packages fits all that is asked.

    Attributes:
        requirements: What was asked.
        reason: Why it cannot be, as the solver says it, over several lines.
        droppable: The smallest set of requirements without which the rest can be; empty when none was found quickly.
        virtual_packages: What packages need of the machine that it does not have, such as ``"__cuda >=11"``.
        advice: What to do next, where more than the above can be said.
    """

    def __init__(
        self,
        requirements: Sequence[str],
        reason: str,
        *,
        droppable: Sequence[str] = (),
        virtual_packages: Sequence[str] = (),
        advice: str = "",
    ) -> None:
        super().__init__(tuple(requirements), reason)
        self.requirements = tuple(requirements)
        self.reason = reason
        self.droppable = tuple(droppable)
        self.virtual_packages = tuple(virtual_packages)
        self.advice = advice

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.reason.splitlines())
        told = [f"No set of packages satisfies {', '.join(self.requirements)}:{lines}"]
        if self.droppable:
            told.append(f"Without {' and '.join(self.droppable)} the rest can be installed.")
        if self.advice:
            told.append(self.advice)
        return "\n".join(told)


class DownloadError(ProvisioningError):
    """A conda channel or a package of it could not be had, or arrived damaged.

    Attributes:
        url: What was asked for, without credentials; empty where the engine did not say.
        reason: What went wrong.
        advice: What to do next.
    """

    def __init__(self, url: str, reason: str, advice: str) -> None:
        super().__init__(url, reason, advice)
        self.url = url
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        place = f" ({self.url})" if self.url else ""
        return f"{self.reason}{place}. {self.advice}"


class DiskSpaceError(ProvisioningError):
    """A disk has too little room for what would be downloaded; nothing was.

    Attributes:
        folder: A folder on that disk.
        needed: Bytes that are needed.
        free: Bytes that are free.
    """

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        super().__init__(folder, needed, free)
        self.folder = folder
        self.needed = needed
        self.free = free

    def __str__(self) -> str:
        return (
            f"The conda packages need {self.needed / 1e9:.2f} GB on the disk of {self.folder}, which has "
            f"{self.free / 1e9:.2f} GB free. Free some space, or use another disk: for environments with "
            "wetlands_instance_path, for the package cache with RATTLER_CACHE_DIR."
        )


class CommandFailedError(ProvisioningError):
    """A tool, or a command of the user, ended with a non-zero code.

    Attributes:
        command: What was run, secrets masked.
        exit_code: Its exit code.
        output: The last lines it wrote.
        advice: What to do next, where more than the output can be said.
    """

    def __init__(self, command: str, exit_code: int, output: Sequence[str], advice: str = "") -> None:
        super().__init__(command, exit_code, tuple(output), advice)
        self.command = command
        self.exit_code = exit_code
        self.output = tuple(output)
        self.advice = advice

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.output) or " (it wrote nothing)"
        advice = f"\n{self.advice}" if self.advice else ""
        return f"`{self.command}` ended with exit code {self.exit_code}. Its last output:{lines}{advice}"


class ProvisioningCanceledError(ProvisioningError):
    """A build was cancelled; nothing of it is left."""


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
