"""The pixi backend: one manifest and one ``pixi install`` for conda, PyPI and local packages together."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from wetlands._backends.conda.privacy import forget_credentials as forget_in_prefix
from wetlands._backends.conda_words import Channels, requirements
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.offline import is_offline
from wetlands._backends.pixi.commands import CONFIGURATION, Workspace, tool_variables
from wetlands._backends.pixi.errors import translated
from wetlands._backends.pixi.files import (
    MARK,
    forget_credentials,
    is_ours,
    read_manifest,
    restored_on_error,
    write_private,
)
from wetlands._backends.pixi.manifest import generated, left_to_uv, merged, system_requirements, without_mapping
from wetlands._backends.pixi.native import installs_pypi, moved
from wetlands._backends.pixi.observers import Milestones
from wetlands._backends.pixi.toml import toml_text
from wetlands._backends.tool import run_tool
from wetlands._backends.uv import UvBackend
from wetlands._platform.names import current_platform
from wetlands._spec.pixi_manifest import PixiManifest
from wetlands._spec.secrets import masked
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.pixi.commands import LockUse
    from wetlands._backends.pixi.manifest import Document
    from wetlands._backends.tools.toolbox import Toolbox
    from wetlands._spec.model import Spec

__all__ = ["PixiBackend"]


class PixiBackend:
    """Builds environments with the program pixi, each in a workspace of its own.

    The prefix of a build is the folder of the workspace; `existing.adopt` finds the environment in it. What the user
    configured for pixi applies (mirrors, credentials, proxies, caches), except that the environment always lies in its
    workspace. Channels have strict priority.

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
        return "pixi"

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a workspace and install its environment.

        Raises:
            UnsatisfiableError: No set of conda packages fits.
            DownloadError: A channel, a package or pixi itself could not be had.
            CommandFailedError: PyPI packages do not fit, or pixi or uv failed for another reason.
            ProvisioningCanceledError: The observer asked to stop.
        """
        observer.stage("create", "Creating a pixi workspace")
        manifest = spec.manifest or PixiManifest("{}")
        workspace = Workspace(prefix.absolute() / manifest.file, manifest.environment)
        workspace.configuration.parent.mkdir(parents=True)
        workspace.configuration.write_text(CONFIGURATION, encoding="utf-8")
        if spec.manifest is None:
            write_private(workspace.manifest, MARK + toml_text(self._manifest(spec)))
            self._install(spec, workspace, observer)
        else:
            self._install_native(spec.manifest, workspace, observer)

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add the packages of the spec: to the manifest of a workspace of ours, else to the prefix itself.

        After an error the manifest of the workspace is as it was.

        Raises:
            ProvisioningError: As `build`; or the prefix is a virtual environment, which cannot hold conda packages.
            EnvironmentNotFoundError: There is no environment at the prefix.
        """
        workspace = Workspace(prefix.absolute() / "pixi.toml")
        if not is_ours(workspace):
            self._add_beside(spec, adopt(prefix).path, observer)
            return
        with restored_on_error(workspace.manifest, workspace.lock):
            document = merged(read_manifest(workspace.manifest), self._addition(spec))
            write_private(workspace.manifest, MARK + toml_text(document))
            self._install(spec, workspace, observer)

    def _manifest(self, spec: Spec) -> Document:
        document = generated(spec, self._channels(), self._base, platform=current_platform())
        document["system-requirements"] = system_requirements(_machine())
        return without_mapping(document) if is_offline(self._env, "PIXI_OFFLINE") else document

    def _channels(self) -> Channels:
        return Channels.of(self._env, self._base)

    def _addition(self, spec: Spec) -> Document:
        """Return the manifest of what is added: a Python that nobody asked for would change the one that is there."""
        addition = self._manifest(spec)
        wanted = {entry.name for entry in requirements(spec, installed=True)}
        table = addition["dependencies"]
        if isinstance(table, dict):
            addition["dependencies"] = {name: value for name, value in table.items() if name in wanted}
        return addition

    def _install(self, spec: Spec, workspace: Workspace, observer: BuildObserver) -> None:
        before = _present(workspace)
        with_uv = left_to_uv(spec)
        entries = [entry.text for entry in spec.pypi if entry.dependencies] + [entry.text for entry in spec.local]
        wanted = requirements(spec)
        observer.stage("solve", f"Solving for {', '.join(entry.name for entry in wanted)}")
        asked = [masked(entry.text) for entry in wanted]
        self._run(workspace, observer, asked, pypi="" if with_uv else ", ".join(entries))
        _tell_new(workspace, before, observer)
        forget_credentials(workspace.manifest, workspace.lock)
        if self._channels().hold_credentials(spec):
            forget_in_prefix(workspace.prefix)
        self._add_alone(spec, workspace.prefix, observer)
        if with_uv and entries:
            observer.output(f"The PyPI part is installed by uv: a manifest of pixi cannot say {with_uv}.")
            self._uv().install(replace(spec, conda=(), channels=()), workspace.prefix, observer)
        elif any(not entry.dependencies for entry in spec.pypi):
            alone = tuple(entry for entry in spec.pypi if not entry.dependencies)
            rest = replace(spec, conda=(), channels=(), pypi=alone, local=())
            self._uv().install(rest, workspace.prefix, observer)

    def _install_native(self, manifest: PixiManifest, workspace: Workspace, observer: BuildObserver) -> None:
        """Install an environment of a manifest that the user wrote, with the versions of the lock beside it."""
        write_private(workspace.manifest, toml_text(moved(manifest, self._base)))
        workspace.choice.write_text(workspace.environment, encoding="utf-8")
        if (self._base / workspace.lock.name).is_file():
            shutil.copyfile(self._base / workspace.lock.name, workspace.lock)
        asked = f"the environment {workspace.environment!r} of {manifest.file}"
        observer.stage("solve", f"Solving for {asked}")
        self._run(workspace, observer, [asked], pypi="packages of PyPI" if installs_pypi(manifest) else "")
        _tell_new(workspace, set(), observer)

    def _run(
        self,
        workspace: Workspace,
        observer: BuildObserver,
        asked: Sequence[str],
        *,
        pypi: str,
        lock: LockUse | None = None,
    ) -> None:
        """Run ``pixi install`` in a workspace, to its end or to the one that the observer wishes."""
        program = self._toolbox.obtain(observer).path
        milestones = Milestones(observer, workspace, current_platform(), pypi=masked(pypi))
        argv = workspace.install(program, lock=lock)
        try:
            run_tool(argv, env=tool_variables(self._env), observer=milestones, cwd=workspace.root)
        except CommandFailedError as error:
            raise translated(error, asked) from error
        milestones.begin_pypi()
        if observer.cancel_requested:
            raise ProvisioningCanceledError("The build was cancelled.")

    def _add_alone(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add the conda packages wanted without their dependencies, which no manifest can say; by pixi's own engine."""
        alone = tuple(entry for entry in spec.conda if not entry.dependencies)
        if alone:
            observer.output("Packages without their dependencies are linked by rattler: a manifest cannot say that.")
            rest = replace(spec, conda=alone, pypi=(), local=(), python=type(spec.python)())
            self._rattler(rest, prefix, observer)

    def _add_beside(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add to a prefix that belongs to no workspace of ours: nobody's manifest is changed."""
        if spec.has_conda or spec.python.asked:
            observer.output(f"{prefix} is no workspace made here: packages are added by rattler, the engine of pixi.")
            self._rattler(spec, prefix, observer)
        else:
            self._uv().install(spec, prefix, observer)

    def _rattler(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - imports the engine, which takes a while

        RattlerBackend(self._env, base=self._base).install(spec, prefix, observer)

    def _uv(self) -> UvBackend:
        return UvBackend(self._env, base=self._base)


def _machine() -> dict[str, str]:
    """Return the versions of what this machine has that packages may ask for."""
    from wetlands._backends.conda.machine import this_machine  # noqa: PLC0415 - imports the engine

    return {one.name.normalized: str(one.version) for one in this_machine()}


def _tell_new(workspace: Workspace, before: set[str], observer: BuildObserver) -> None:
    for package in sorted(_present(workspace) - before):
        observer.output(f" + {package}")


def _present(workspace: Workspace) -> set[str]:
    if not (workspace.prefix / "conda-meta").is_dir():
        return set()
    packages = installed_packages(adopt(workspace.prefix))
    return {f"{package['name']} {package['version']}" for package in packages}
