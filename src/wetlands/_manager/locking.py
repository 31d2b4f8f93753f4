"""The verbs about locks: make one, export one, compare, and go back to what was."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from wetlands._backends.locks.difference import changes
from wetlands._manager.building import Deed
from wetlands._manager.configs import Configs
from wetlands._manager.names import prefix_of
from wetlands._manager.wishes import limited
from wetlands._platform.names import current_platform
from wetlands._spec import Spec, parse, parse_platforms
from wetlands._store.files import write_atomically
from wetlands._store.history import earlier, lock_path, read_stored_lock
from wetlands.exceptions import EnvironmentNotFoundError, LockError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._backends.locks.difference import PackageChange
    from wetlands._backends.locks.model import Lock, LockedPlatform
    from wetlands._spec import Cutoff, Dependencies
    from wetlands._store.progress import LoggedBuild
    from wetlands.environment import Environment
    from wetlands.task import Task

__all__ = ["Locking"]


class Locking(Configs):
    """Makes and compares locks."""

    def lock(
        self,
        dependencies: Dependencies,
        path: str | Path,
        *,
        platforms: Sequence[str] | None = None,
        exclude_newer: Cutoff | None = None,
    ) -> Path:
        """Resolve a recipe for several platforms and write the result as a lock; no environment is built.

        The file has the format of ``pixi.lock``. With it, ``create(..., lock=path)`` builds the same packages on every
        machine of these platforms. Of such a machine only what pixi assumes is taken for granted: glibc 2.28 on Linux,
        macOS 13; variables ``CONDA_OVERRIDE_GLIBC``, ``CONDA_OVERRIDE_CUDA``... say otherwise. A recipe without conda
        packages is resolved for the Python on this machine that it would be built with.

        Args:
            dependencies: The recipe. Requirements for other platforms than one of those are left out there.
            path: Where to write; a file that is there is replaced. Local packages are written relative to its folder.
            platforms: Platforms in conda's words (``"linux-64"``, ``"osx-arm64"``, ``"win-64"``); by default this one.
            exclude_newer: As for `create`.

        Returns:
            The file, absolute.

        Raises:
            InvalidDependencyError: The recipe, a platform or the limit cannot be understood.
            ProvisioningError: There is no set of packages that fits; nothing was written.
            OSError: It cannot be written.
        """
        base = Path.cwd()
        names = parse_platforms(platforms or [current_platform()], '"platforms"')
        return self._lock(
            {name: parse(dependencies, platform=name, base=base) for name in names}, base, path, exclude_newer
        )

    def lock_config(
        self,
        config_path: str | Path,
        path: str | Path,
        *,
        name: str = "default",
        optional_dependencies: Sequence[str] | None = None,
        platforms: Sequence[str] | None = None,
        exclude_newer: Cutoff | None = None,
    ) -> Path:
        """Resolve a config file for several platforms and write the result as a lock; see `lock`.

        ``create_from_config(name, config_path, lock=path)`` builds the same packages on every machine of these
        platforms.

        Args:
            config_path: Any file that `create_from_config` reads.
            path: As for `lock`.
            name: The environment of a pixi workspace that is locked, where it has one of that name.
            optional_dependencies: The extras, groups or pixi features that are locked too.
            platforms: As for `lock`.
            exclude_newer: As for `lock`; it goes before what the file says.

        Returns:
            The file, absolute.

        Raises:
            InvalidDependencyError: The file is not there or cannot be understood; the message names the place.
            WetlandsError: As `lock` does.
        """
        config = Path(config_path).expanduser().absolute()
        names = parse_platforms(platforms or [current_platform()], '"platforms"')
        specs = self._read_config(config, name=name, optional=optional_dependencies, platforms=names)
        return self._lock(specs, config.parent, path, exclude_newer)

    def _lock(self, specs: Mapping[str, Spec], base: Path, path: str | Path, exclude_newer: Cutoff | None) -> Path:
        limits = {name: limited(spec, exclude_newer) for name, spec in specs.items()}
        target = _target(path)
        conda = self._workshop.manager != "uv" and any(spec.has_conda for spec in limits.values())
        conda = conda or self._workshop.manager in {"rattler", "pixi", "micromamba"}
        deed = Deed("create", "lock", lambda build: self._workshop.resolve(limits, base, build, conda=conda))
        return _write(self._do(deed), target)

    def export_lock(self, environment: Environment, path: str | Path) -> Path:
        """Write the lock of an environment: exactly what is in it, with hashes, for the platform of this machine.

        What install commands of the recipe did is not in it: they run again when the lock is built.

        Args:
            environment: The environment, made here or by others.
            path: Where to write; a file that is there is replaced. Local packages are written relative to its folder.

        Returns:
            The file, absolute.

        Raises:
            ProvisioningError: Where a package came from is not known.
            LockError: What is stored about the environment is damaged.
            OSError: It cannot be written.
        """
        target = _target(path)
        return _write(self._lock_of(environment), target)

    def diff(
        self, environment: Environment, other: Environment | str | Path | None = None
    ) -> tuple[PackageChange, ...]:
        """Say what is not the same in an environment as in another one, a lock, or what it was before.

        Args:
            environment: The environment.
            other: Another environment, the file of a lock, or None for what the environment was before it was last
                updated or replaced.

        Returns:
            The changes that lead from the other to the environment, in the order of the names; none when both hold the
            same packages.

        Raises:
            EnvironmentNotFoundError: Nothing is known of what it was before.
            LockError: A lock cannot be read, or has nothing for this machine.
            ProvisioningError: Where a package came from is not known.
        """
        after = _here(self._lock_of(environment))
        return changes(self._before(environment, other), after)

    def rollback_environment(self, environment: Environment) -> Environment:
        """Build what an environment was before it was last updated or replaced, exactly; running workers go on.

        The packages come from the caches of the tools where these still have them. What `rollback` returns to is no
        longer part of what was before: called again, it goes back one further. The last five are kept.

        Raises:
            EnvironmentNotFoundError: Nothing is known of what it was before.
            LockError: It was built without a lock being stored, or a package is not the one that it was.
            ProvisioningError: It cannot be built; what is there still works.
        """
        return self._do(self._undoing(environment))

    def rollback_environment_async(self, environment: Environment, *, start: bool = True) -> Task[Environment]:
        """Build what an environment was before, and go on; see `rollback_environment`, and `create_async` for the task.

        That nothing is known of what it was is said by the call itself.
        """
        return self._do_as_task(self._undoing(environment), start=start)

    def _undoing(self, environment: Environment) -> Deed[Environment]:
        record = self._opened.record_of(environment)
        last = next(iter(earlier(self._store.prefix_path(record))), None)
        if last is None:
            raise _nothing_before(record.name)
        locked = _here(_stored(last.lock, record.name))
        spec, base = last.record.spec, Path(last.record.base)

        def undo(build: LoggedBuild) -> Environment:
            new = self._workshop.build(spec, base, build, replace=True, locked=locked, undoes=record.generation)
            return self._opened.open(new)

        return Deed("create", record.name, undo)

    def _before(self, environment: Environment, other: Environment | str | Path | None) -> LockedPlatform:
        if other is None:
            record = self._opened.record_of(environment)
            last = next(iter(earlier(self._store.prefix_path(record))), None)
            if last is None:
                raise _nothing_before(record.name)
            return _here(_stored(last.lock, record.name))
        if isinstance(other, (str, Path)):
            from wetlands._backends.locks.read import read_lock  # noqa: PLC0415 - imports the engine

            path = Path(other).expanduser().absolute()
            return _here(read_lock(path, environment=environment.name))
        return _here(other.environment_manager._lock_of(other))  # noqa: SLF001 - it may be another manager's

    def _lock_of(self, environment: Environment) -> Lock:
        """Return the stored lock; for what others made, and what has none, look at what is installed."""
        prefix = prefix_of(environment)
        stored = None if self._opened.is_foreign(environment) else read_stored_lock(lock_path(prefix.path))
        if stored is not None:
            return stored
        foreign = self._opened.is_foreign(environment)
        record = None if foreign else self._opened.record_of(environment)
        spec, base = (Spec(), Path.cwd()) if record is None else (record.spec, Path(record.base))
        deed = Deed("create", environment.name, lambda build: self._workshop.describe(spec, prefix.path, base, build))
        return self._do(deed)


def _here(lock: Lock) -> LockedPlatform:
    from wetlands._backends.locks.read import for_this_machine  # noqa: PLC0415 - imports the engine

    return for_this_machine(lock)


def _stored(path: Path, name: str) -> Lock:
    lock = read_stored_lock(path)
    if lock is None:
        raise LockError(path, f"environment {name!r} was built before without a lock being stored")
    return lock


def _nothing_before(name: str) -> EnvironmentNotFoundError:
    return EnvironmentNotFoundError(
        f"Nothing is known of what environment {name!r} was before: it was neither updated nor replaced. "
        "Give another environment or the file of a lock."
    )


def _target(path: str | Path) -> Path:
    """Return where a lock is to be written: a missing folder is told before minutes of work, not after them."""
    target = Path(path).expanduser().absolute()
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to write a lock into", str(target.parent))
    return target


def _write(lock: Lock, target: Path) -> Path:
    from wetlands._backends.locks.text import lock_text  # noqa: PLC0415 - few programs write locks

    # Of one name only: one that a crash left behind, or that another process is writing, is in nobody's way.
    staged = target.with_name(f".{target.name}.{uuid4().hex}")
    write_atomically(target, lock_text(lock, target.parent), staged=staged)
    return target
