"""The rattler backend: conda packages solved and linked in this process, then PyPI's by uv into the same prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from rattler import MatchSpec, PrefixRecord

from wetlands._backends.conda.cached import drop_damaged
from wetlands._backends.conda.errors import ENGINE_ERRORS, Situation, is_unreachable, translated
from wetlands._backends.conda.link import link
from wetlands._backends.conda.loop import run
from wetlands._backends.conda.preflight import (
    check_network,
    check_room,
    default_packages_folder,
    missing_from,
    rooms,
)
from wetlands._backends.conda.privacy import forget_credentials
from wetlands._backends.conda.settings import open_engine
from wetlands._backends.conda.solve import Solution, find_packages, sources
from wetlands._backends.existing import adopt_conda
from wetlands._backends.uv import UvBackend
from wetlands._platform.names import current_platform
from wetlands._spec import without_credentials
from wetlands.exceptions import DownloadError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.conda.loop import Tell
    from wetlands._backends.conda.settings import Engine
    from wetlands._spec.model import Spec

__all__ = ["RattlerBackend", "installed_records"]

_T = TypeVar("_T")


class RattlerBackend:
    """Builds conda prefixes with py-rattler.

    What the user configured about conda applies, see `wetlands._backends.conda.settings`. Channels have strict
    priority: of a package, only the first channel that has it counts. Scripts that packages bring to be run while they
    are linked are not run, unless rattler's configuration says so.

    Args:
        env: The environment variables to work with, proxies included.
        base: What relative paths of channels and local packages begin at.
    """

    def __init__(self, env: Mapping[str, str], *, base: Path) -> None:
        self._env = env
        self._base = base

    @property
    def name(self) -> str:
        """The name a record stores."""
        return "rattler"

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a conda prefix with Python and the packages of the spec.

        Raises:
            UnsatisfiableError: No set of conda packages fits.
            DownloadError: A channel or a package could not be had.
            CommandFailedError: uv failed to install the PyPI part.
            ProvisioningCanceledError: The observer asked to stop.
        """
        prefix = prefix.absolute()
        engine = open_engine(self._env, base=self._base)
        observer.stage("create", "Creating a conda environment")
        solution = self.solve(spec, engine, prefix, observer)
        self.link(solution, prefix, engine, observer)
        self._install_pypi(spec, prefix, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add the packages of the spec to a conda prefix; what is there stays as it is where it can.

        Raises:
            ProvisioningError: As `build`; or the prefix is a virtual environment, which cannot hold conda packages.
            EnvironmentNotFoundError: There is no environment at the prefix.
        """
        adopted = adopt_conda(prefix)
        if spec.has_conda or spec.python.asked:
            engine = open_engine(self._env, base=self._base)
            installed = installed_records(adopted.path)
            asked = {text for record in installed for text in record.requested_specs}
            # Not all tools note what was asked for: then all that is there is wanted.
            keep = sorted(asked or {record.name.normalized for record in installed})
            solution = self.solve(spec, engine, adopted.path, observer, installed=installed, keep=keep)
            self.link(solution, adopted.path, engine, observer)
        self._install_pypi(spec, adopted.path, observer)

    def relink(self, names: Sequence[str], prefix: Path, observer: BuildObserver) -> None:
        """Link packages of a conda prefix anew, in the versions that are there; all others stay as they are.

        Raises:
            DownloadError: A package is no longer in the cache, or damaged there too, and could not be had.
            ProvisioningError: What conda wrote down about the prefix is damaged.
        """
        engine = open_engine(self._env, base=self._base)
        installed = installed_records(prefix)
        damaged = [record for record in installed if record.name.normalized in names]
        for name in drop_damaged(damaged):
            observer.output(f" - {name}: its files in the cache are damaged too, it is downloaded again")
        for record in damaged:
            observer.output(f" ~ {record.name.normalized} {record.version} {record.build}")
        requested = dict.fromkeys(text for record in installed for text in record.requested_specs)
        solution = Solution(tuple(installed), tuple(map(MatchSpec, requested)), frozenset(names))
        self.link(solution, prefix, engine, observer)

    def solve(
        self,
        spec: Spec,
        engine: Engine,
        prefix: Path,
        observer: BuildObserver,
        *,
        installed: Sequence[RepoDataRecord] = (),
        keep: Sequence[str] = (),
        platform: str | None = None,
    ) -> Solution:
        """Find the conda packages of a spec; nothing is written but caches."""
        observer.stage("solve", f"Solving for {', '.join(entry.name for entry in spec.conda) or 'python'}")

        def work(_tell: Tell) -> Coroutine[None, None, Solution]:
            return find_packages(spec, engine, installed=installed, keep=keep, platform=platform)

        addresses = [channel.base_url for channel in sources(spec, engine)]
        channel = addresses[0] if len(addresses) == 1 else ""
        try:
            return self._run(work, engine, prefix, observer, channel=channel)
        except DownloadError as error:
            if engine.offline or not is_unreachable(error.__cause__):
                raise
            observer.stage("solve", f"{error.reason}: trying with what the cache holds")
            cached = engine.from_cache()

            def work_offline(_tell: Tell) -> Coroutine[None, None, Solution]:
                return find_packages(spec, cached, installed=installed, keep=keep, platform=platform)

            try:
                return self._run(work_offline, cached, prefix, observer, channel=channel)
            except DownloadError:
                raise error from error.__cause__

    def link(self, solution: Solution, prefix: Path, engine: Engine, observer: BuildObserver) -> None:
        """Make a prefix hold exactly the conda packages of a solution."""
        present = {record.url for record in installed_records(prefix)}  # without credentials, as they are left below
        for record in sorted(solution.records, key=lambda one: one.name.normalized):
            if without_credentials(record.url) not in present:
                observer.output(f" + {record.name.normalized} {record.version} {record.build}")

        expected = self._check(solution, prefix, engine, observer)

        def work(tell: Tell) -> Coroutine[None, None, None]:
            return link(solution, prefix, engine, tell, expected=expected)

        self._run(work, engine, prefix, observer, records=solution.records)
        if any(without_credentials(record.url) != record.url for record in solution.records):
            forget_credentials(prefix)
        for script in sorted(prefix.glob("bin/.*-post-link.sh")):
            if engine.config.run_post_link_scripts != "insecure":
                observer.output(f"{script.name} was not run: scripts of packages are off, see run-post-link-scripts.")

    def _check(self, solution: Solution, prefix: Path, engine: Engine, observer: BuildObserver) -> int:
        """Find out before anything is downloaded what cannot work; return how many bytes are missing in the cache."""
        cache = engine.packages or default_packages_folder(self._env, current_platform())
        if cache is None:
            return 0
        missing = missing_from(cache, solution.records)
        check_network(missing, offline=engine.offline)
        for doubt in check_room(rooms(solution.records, missing, cache=cache, prefix=prefix)):
            observer.output(f"This may not fit: {doubt}")
        return sum(record.size or 0 for record in missing)

    def _run(
        self,
        work: Callable[[Tell], Coroutine[None, None, _T]],
        engine: Engine,
        prefix: Path,
        observer: BuildObserver,
        *,
        records: Sequence[RepoDataRecord] = (),
        channel: str = "",
    ) -> _T:
        try:
            return run(work, observer)
        except ENGINE_ERRORS as error:
            raise translated(
                error,
                Situation(
                    urls={record.file_name: record.url for record in records},
                    channel=channel,
                    proxies=engine.proxies,
                    cache=str(engine.cache or "rattler's cache folder"),
                    prefix=str(prefix),
                ),
            ) from error

    def _install_pypi(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        UvBackend(self._env, base=self._base).install(replace(spec, conda=(), channels=()), prefix, observer)


def installed_records(prefix: Path) -> list[PrefixRecord]:
    """Read what conda packages a prefix holds.

    Raises:
        ProvisioningError: A record of it is damaged.
    """
    return [_read_record(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]


def _read_record(path: Path) -> PrefixRecord:
    try:
        return PrefixRecord.from_path(path)
    except ENGINE_ERRORS as error:
        raise ProvisioningError(
            f"{path} cannot be read as a record of an installed conda package ({error}). "
            "The environment is damaged: build it anew."
        ) from error
