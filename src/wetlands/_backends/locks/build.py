"""Builds exactly what a lock says: nothing is solved, and every file must be the one that was locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wetlands._backends.existing import adopt
from wetlands._backends.locks.installed import sha256_of
from wetlands._backends.locks.match import unmet
from wetlands._backends.uv import UvBackend
from wetlands._backends.uv_lock import UvLocker
from wetlands._platform.addresses import path_of
from wetlands._spec import LocalRequirement, PypiSettings, Spec, parse_python
from wetlands.exceptions import LockError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.locks.model import LockedPlatform

__all__ = ["LockedBackend", "check_lock"]


def check_lock(spec: Spec, locked: LockedPlatform) -> None:
    """Check that a lock gives what a recipe asks for.

    Raises:
        LockError: It does not.
    """
    if reasons := unmet(spec, locked):
        raise LockError(Path(locked.source), *reasons)


class LockedBackend:
    """Builds prefixes from a lock: with the engine of conda when it has conda packages, and with uv.

    Of local packages a lock holds only the place: the recipe's place goes first.

    Args:
        locked: The packages for this machine.
        env: The environment variables to work with, proxies included.
        base: What relative paths of the recipe begin at.
    """

    def __init__(self, locked: LockedPlatform, env: Mapping[str, str], *, base: Path) -> None:
        self._locked = locked
        self._env = env
        self._base = base

    @property
    def name(self) -> str:
        """The name a record stores."""
        return "rattler" if self._locked.has_conda else "uv"

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a new environment with the packages of the lock.

        Raises:
            LockError: The lock does not fit the recipe or this machine, or a file is not the one that was locked.
            ProvisioningError: Something could not be had or installed.
        """
        check_lock(spec, self._locked)
        if self._locked.has_conda:
            self._link(spec, prefix, observer)
        else:
            UvBackend(self._env, base=self._base).make_empty(self._with_python(spec), prefix, observer)
        adopted = adopt(prefix)
        from_pypi = [package for package in self._locked.packages if package.kind == "pypi"]
        if from_pypi:
            locker = UvLocker(self._env, base=self._base)
            locker.install(from_pypi, spec, adopted, observer, source=self._locked.source)
        if local := self._local(spec):
            build = PypiSettings(no_build_isolation=spec.settings.no_build_isolation)
            wanted = Spec(local=local, settings=build)
            UvBackend(self._env, base=self._base, resolving=False).install(wanted, prefix, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:  # noqa: ARG002 - the protocol's
        """Refuse: a lock says what a whole environment holds.

        Raises:
            LockError: Always.
        """
        raise LockError(Path(self._locked.source), "it says what a whole environment holds, nothing can be added by it")

    def _link(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        from rattler import MatchSpec  # noqa: PLC0415 - imports the engine

        from wetlands._backends.conda.settings import open_engine  # noqa: PLC0415 - as above
        from wetlands._backends.conda.solve import Solution  # noqa: PLC0415 - as above
        from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - as above

        records = self._checked_records()
        observer.stage("create", "Creating a conda environment from a lock")
        requested = [
            " ".join(filter(None, (entry.name, entry.version or ("*" if entry.build else ""), entry.build)))
            for entry in spec.conda
        ]
        solution = Solution(records, tuple(MatchSpec(text) for text in requested))
        engine = open_engine(self._env, base=self._base)
        RattlerBackend(self._env, base=self._base).link(solution, prefix.absolute(), engine, observer)

    def _checked_records(self) -> tuple[RepoDataRecord, ...]:
        """Return the conda packages of the lock.

        Raises:
            LockError: This machine lacks what they need, or a file is not the one that was locked.
        """
        from wetlands._backends.conda.machine import lacking  # noqa: PLC0415 - imports the engine

        records = self._locked.records
        if reasons := (*lacking(records), *_changed_files(records)):
            raise LockError(Path(self._locked.source), *reasons)
        return records

    def _with_python(self, spec: Spec) -> Spec:
        """Ask for the Python that the files of the lock were chosen for: the same but for its last number."""
        if not self._locked.python:
            return spec
        minor = ".".join(self._locked.python.split(".")[:2])
        both = f"{spec.python.asked},=={minor}.*" if spec.python.asked else f"=={minor}.*"
        return replace(spec, python=parse_python(both))

    def _local(self, spec: Spec) -> tuple[LocalRequirement, ...]:
        named = {entry.name for entry in spec.local}
        others = [package for package in self._locked.packages if package.kind == "local" and package.name not in named]
        return (
            *spec.local,
            *(LocalRequirement(package.name, Path(package.location).as_posix(), editable=False) for package in others),
        )


def _changed_files(records: Sequence[RepoDataRecord]) -> tuple[str, ...]:
    """Compare the packages of channels on this machine with the lock: the engine checks only what it downloads."""
    reasons = []
    for record in records:
        split = urlsplit(record.url)
        if split.scheme != "file" or not record.sha256:
            continue
        path = path_of(record.url)
        if not path.is_file():
            reasons.append(f"the package {path} is not there")
        elif (found := sha256_of(path)) != record.sha256.hex():
            reasons.append(f"the package {path} has sha256 {found}, and {record.sha256.hex()} was locked")
    return tuple(reasons)
