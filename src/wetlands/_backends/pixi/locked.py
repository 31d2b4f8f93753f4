"""Builds from a lock with pixi, which says whether it fits the manifest (``--locked``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._backends.locks.build import check_lock
from wetlands._backends.locks.model import Lock
from wetlands._backends.locks.text import lock_text
from wetlands._backends.pixi.backend import PixiBackend
from wetlands._backends.pixi.errors import is_outdated
from wetlands._backends.pixi.manifest import left_to_uv
from wetlands.exceptions import CommandFailedError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.locks.model import LockedPlatform
    from wetlands._backends.pixi.commands import LockUse, Workspace
    from wetlands._backends.tools.toolbox import Toolbox
    from wetlands._spec.model import Spec

__all__ = ["LockedPixiBackend"]


class LockedPixiBackend(PixiBackend):
    """Builds a workspace with a lock file from the packages of a lock: nothing is solved.

    Args:
        locked: The packages for this machine.
        env: The environment variables to work with, proxies included.
        base: What relative paths of the recipe begin at.
        toolbox: Finds or fetches pixi.
    """

    def __init__(self, locked: LockedPlatform, env: Mapping[str, str], *, base: Path, toolbox: Toolbox) -> None:
        super().__init__(env, base=base, toolbox=toolbox)
        self._packages = locked
        self._channels_of_recipe: tuple[str, ...] = ()

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a workspace with exactly these packages.

        Raises:
            LockError: The lock does not fit the recipe.
            ProvisioningError: The recipe has what a manifest cannot say; or as `PixiBackend.build`.
        """
        check_lock(spec, self._packages)
        reason = left_to_uv(spec) or ("packages without their dependencies" if _wants_alone(spec) else "")
        if reason:
            raise ProvisioningError(
                f"The recipe has what a manifest of pixi cannot say ({reason}), so pixi would refuse every lock of it. "
                'Build it with manager="rattler" or "micromamba", or leave the lock out.'
            )
        self._channels_of_recipe = self._channels().all_of(spec)
        super().build(spec, prefix, observer)

    def _run(
        self,
        workspace: Workspace,
        observer: BuildObserver,
        asked: Sequence[str],
        *,
        pypi: str,
        lock: LockUse | None = "--locked",
    ) -> None:
        text = lock_text(Lock((self._packages,), self._channels_of_recipe), workspace.root)
        workspace.lock.write_text(text, encoding="utf-8", newline="\n")
        try:
            super()._run(workspace, observer, asked, pypi=pypi, lock=lock)
        except CommandFailedError as error:
            if not is_outdated(error):
                raise
            # Other tools leave out what pixi notes for itself; the packages fit all the same.
            observer.output("pixi would lock anew; the lock was checked here and fits, so it is installed as it is.")
            super()._run(workspace, observer, asked, pypi=pypi, lock="--frozen")


def _wants_alone(spec: Spec) -> bool:
    return not all([*(entry.dependencies for entry in spec.conda), *(entry.dependencies for entry in spec.pypi)])
