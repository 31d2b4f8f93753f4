"""The micromamba backend: conda packages by micromamba, then PyPI's by uv into the same prefix."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wetlands._backends.conda.privacy import forget_credentials
from wetlands._backends.conda_words import Channels, requirements
from wetlands._backends.existing import adopt_conda
from wetlands._backends.micromamba.answers import Plan, read_plan
from wetlands._backends.micromamba.commands import Call, configuration, explicit_file, spec_file, tool_variables
from wetlands._backends.micromamba.errors import translated
from wetlands._backends.micromamba.observers import Transaction
from wetlands._backends.neutral import neutral_folder
from wetlands._backends.offline import is_offline
from wetlands._backends.quiet import Quiet
from wetlands._backends.tool import run_tool
from wetlands._backends.uv import UvBackend
from wetlands._spec.secrets import masked, without_credentials
from wetlands.exceptions import CommandFailedError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.micromamba.answers import Package
    from wetlands._backends.tools.toolbox import Toolbox
    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.model import Spec

__all__ = ["MicromambaBackend"]

_REQUESTED = "wetlands-requested"  # not .json: those are the records of packages


class MicromambaBackend:
    """Builds conda prefixes with the program micromamba.

    Its root prefix, and with it the cache of packages, are those the user has (``MAMBA_ROOT_PREFIX``). Of conda's
    configuration counts what counts for rattler too; the rest of it and other variables of conda are not read, so a
    recipe means the same on every machine. Channels have strict priority.

    Args:
        env: The environment variables to work with, proxies included.
        base: What relative paths of channels and local packages begin at.
        toolbox: Finds or fetches the program, when it is needed.
    """

    def __init__(self, env: Mapping[str, str], *, base: Path, toolbox: Toolbox) -> None:
        self._env = env
        self._base = base
        self._toolbox = toolbox

    @property
    def name(self) -> str:
        """The name a record stores."""
        return "micromamba"

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a conda prefix with Python and the packages of the spec.

        Raises:
            UnsatisfiableError: No set of conda packages fits.
            DownloadError: A channel, a package or micromamba itself could not be had.
            CommandFailedError: micromamba or uv failed for another reason.
            ProvisioningCanceledError: The observer asked to stop.
        """
        if spec.settings.exclude_newer:
            raise ProvisioningError(
                f"micromamba cannot leave out what was published after {spec.settings.exclude_newer}. Leave "
                '"exclude_newer" out, or build with manager="rattler" or "pixi".'
            )
        observer.stage("create", "Creating a conda environment with micromamba")
        with self._session(spec, prefix.absolute(), observer) as session:
            wanted = requirements(spec)
            plan = session.plan("create", wanted)
            alone = [entry for entry in spec.conda if not entry.dependencies]
            if alone:
                plan = _with(plan, session.plan("create", alone, "--no-deps"))
            session.install(plan)
            _remember(prefix, [_anywhere(entry) for entry in wanted])
            session.forget_credentials(spec)
        self._install_pypi(spec, prefix, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add the packages of the spec to a conda prefix; what was asked for before still holds.

        Raises:
            ProvisioningError: As `build`; or the prefix is a virtual environment, which cannot hold conda packages.
            EnvironmentNotFoundError: There is no environment at the prefix.
        """
        adopted = adopt_conda(prefix)
        if spec.has_conda or spec.python.asked:
            with self._session(spec, adopted.path, observer) as session:
                wanted = requirements(spec, installed=True)
                before = _requested(adopted.path)
                if wanted:
                    session.add(wanted, before)
                alone = [entry for entry in spec.conda if not entry.dependencies]
                if alone:
                    session.add(alone, [], "--no-deps")
                _remember(adopted.path, [*before, *(_anywhere(entry) for entry in wanted)])
                session.forget_credentials(spec)
        self._install_pypi(spec, adopted.path, observer)

    def link_exactly(self, packages: Sequence[Package], spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a conda prefix from exactly these packages; nothing is solved, and each is checked against its hash.

        Raises:
            DownloadError: One could not be had, or is not the one that was meant.
        """
        observer.stage("create", "Creating a conda environment with micromamba from a lock")
        with self._session(spec, prefix.absolute(), observer) as session:
            session.install(Plan(link=tuple(packages)))
            _remember(prefix, [_anywhere(entry) for entry in requirements(spec)])
            session.forget_credentials(spec)

    @contextmanager
    def _session(self, spec: Spec, prefix: Path, observer: BuildObserver) -> Iterator[_Session]:
        program = self._toolbox.obtain(observer).path
        channels = Channels.of(self._env, self._base)
        offline = channels.condarc.offline or is_offline(self._env, "MAMBA_OFFLINE")
        with neutral_folder() as folder:  # not in the prefix: micromamba makes that itself
            rc = folder / "condarc.yml"
            rc.write_text(configuration(spec, channels, offline=offline), encoding="utf-8")
            call = Call(program, rc, prefix)
            yield _Session(call, folder, channels, tool_variables(self._env), observer)

    def _install_pypi(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        UvBackend(self._env, base=self._base).install(replace(spec, conda=(), channels=()), prefix, observer)


@dataclass(frozen=True)
class _Session:
    """The calls of one build."""

    call: Call
    folder: Path
    channels: Channels
    env: Mapping[str, str]
    observer: BuildObserver

    def plan(self, verb: str, wanted: Sequence[CondaRequirement], *options: str, keep: Sequence[str] = ()) -> Plan:
        """Ask which packages it would be; nothing is changed."""
        names = [masked(entry.text) for entry in wanted]
        self.observer.stage("solve", f"Solving for {', '.join(entry.name for entry in wanted)}")
        specs = self._specs(wanted, keep)
        lines: list[str] = []
        try:
            self._run(self.call.plan(verb, specs, *options), Quiet(self.observer), lines)
            plan = read_plan(lines)
        except CommandFailedError:
            plan = None
        if plan is not None:
            return plan
        try:  # once more, for people: JSON does not say why
            self._run(self.call.explain(verb, specs, *options), Quiet(self.observer))
        except CommandFailedError as error:
            raise translated(error, names) from error
        raise ProvisioningError(
            f"micromamba found no packages for {', '.join(names)}, and does not say why. Try again, or use another "
            "version of it."
        )

    def install(self, plan: Plan) -> None:
        """Make the prefix from exactly these packages."""
        explicit = self.folder / "explicit.txt"
        explicit.write_text(explicit_file(plan.link), encoding="utf-8")
        self._act("create", explicit, plan)

    def add(self, wanted: Sequence[CondaRequirement], keep: Sequence[str], *options: str) -> None:
        """Add to the prefix what is missing in it."""
        plan = self.plan("install", wanted, *options, keep=keep)
        if plan.link or plan.unlink:
            self._act("install", self._specs(wanted, keep), plan, *options)

    def forget_credentials(self, spec: Spec) -> None:
        """Take those of channels out of what was written into the prefix."""
        if self.channels.hold_credentials(spec):
            forget_credentials(self.call.prefix)
            history = self.call.prefix / "conda-meta" / "history"
            if history.is_file():
                history.write_text(without_credentials(history.read_text(encoding="utf-8")), encoding="utf-8")

    def _act(self, verb: str, specs: Path, plan: Plan, *options: str) -> None:
        for package in plan.link:
            self.observer.output(masked(f" + {package}"))
        if plan.fetch:
            size = sum(package.size for package in plan.fetch) / 1e6
            self.observer.stage("download", f"Downloading {len(plan.fetch)} packages ({size:.1f} MB)")
        watching = Transaction(self.observer, fetch=len(plan.fetch), link=len(plan.link))
        try:
            self._run(self.call.act(verb, specs, *options), watching)
        except CommandFailedError as error:
            raise translated(error, [str(package) for package in plan.link]) from error

    def _specs(self, wanted: Sequence[CondaRequirement], keep: Sequence[str]) -> Path:
        specs = self.folder / "specs.txt"
        text = spec_file(wanted, self.channels) + "".join(f"{line}\n" for line in keep)
        specs.write_text(text, encoding="utf-8")
        return specs

    def _run(self, argv: Sequence[str], observer: BuildObserver, lines: list[str] | None = None) -> None:
        run_tool(argv, env=self.env, observer=observer, cwd=self.folder, unmasked=lines)


def _with(plan: Plan, alone: Plan) -> Plan:
    """Return a plan with packages that come without what they need, in place of those of their names."""
    names = {package.name for package in alone.link}

    def merged(ours: tuple[Package, ...], theirs: tuple[Package, ...]) -> tuple[Package, ...]:
        return (*(package for package in ours if package.name not in names), *theirs)

    return Plan(merged(plan.link, alone.link), (), merged(plan.fetch, alone.fetch))


def _anywhere(entry: CondaRequirement) -> str:
    """Return a requirement without its channel, which may be one with credentials."""
    return replace(entry, channel="").text


def _remember(prefix: Path, requested: Sequence[str]) -> None:
    """Note what was asked for: packages from an explicit list tell no solver why they are there."""
    file = prefix / "conda-meta" / _REQUESTED
    file.write_text(json.dumps(sorted(set(requested))), encoding="utf-8")


def _requested(prefix: Path) -> list[str]:
    try:
        read = json.loads((prefix / "conda-meta" / _REQUESTED).read_bytes())
    except (OSError, ValueError):
        return []
    return [text for text in read if isinstance(text, str)] if isinstance(read, list) else []
