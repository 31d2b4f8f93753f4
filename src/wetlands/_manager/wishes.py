"""What a caller asks for beside a recipe: how new packages may be, and exactly which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._spec import parse_cutoff
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._backends.locks.model import LockedPlatform
    from wetlands._spec import Cutoff, Spec

__all__ = ["Wishes", "limited"]


@dataclass(frozen=True)
class Wishes:
    """What a caller asks for beside a recipe.

    Attributes:
        lock: The file that says exactly which packages.
        exclude_newer: How new packages may be.
    """

    lock: str | Path | None = None
    exclude_newer: Cutoff | None = None

    def apply(self, spec: Spec, name: str) -> tuple[Spec, LockedPlatform | None]:
        """Return the recipe with its limit, and the packages that the lock has for this machine.

        Args:
            spec: The recipe.
            name: The environment in the lock; ``"default"`` where it has none of that name.

        Raises:
            InvalidDependencyError: The limit is no date and no age; or pixi alone knows what the recipe says.
            LockError: The lock cannot be read, does not cover this machine, or does not satisfy the recipe.
        """
        if spec.manifest is not None and self != Wishes():
            raise InvalidDependencyError(
                "A manifest that pixi read itself says alone what is wanted: write a limit into it, and give a lock to "
                "create_from_config(..., lock=..., replace_existing=True)."
            )
        wanted = limited(spec, self.exclude_newer)
        if self.lock is None:
            return wanted, None
        # Not at the top: they import the engine of conda, and few programs give a lock.
        from wetlands._backends.locks.build import check_lock  # noqa: PLC0415
        from wetlands._backends.locks.read import for_this_machine, read_lock  # noqa: PLC0415

        locked = for_this_machine(read_lock(Path(self.lock).expanduser().absolute(), environment=name))
        check_lock(wanted, locked)
        return wanted, locked


def limited(spec: Spec, exclude_newer: Cutoff | None) -> Spec:
    """Return a recipe that sees nothing newer; None leaves what the recipe says itself.

    Raises:
        InvalidDependencyError: The limit is no date and no age.
    """
    if exclude_newer is None:
        return spec
    return replace(spec, settings=replace(spec.settings, exclude_newer=parse_cutoff(exclude_newer)))
