"""The verbs of an environment about its packages; its manager performs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.integrity.damage import Damage
    from wetlands._backends.locks.difference import PackageChange
    from wetlands._spec import Commands, Cutoff, Dependencies
    from wetlands.task import Task

__all__ = ["PackageVerbs"]


class PackageVerbs(Environment):
    """An environment whose packages can be changed, looked at and compared."""

    def install(self, dependencies: Dependencies, additional_install_commands: Commands | None = None) -> list[str]:
        """Add packages; see `EnvironmentManager.install`."""
        return self.environment_manager.install(self, dependencies, additional_install_commands)

    def install_async(
        self, dependencies: Dependencies, additional_install_commands: Commands | None = None, *, start: bool = True
    ) -> Task[list[str]]:
        """Add packages, and go on; see `EnvironmentManager.install_async`."""
        return self.environment_manager.install_async(self, dependencies, additional_install_commands, start=start)

    def update(
        self,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
    ) -> None:
        """Build the environment anew, from new dependencies or the same; running workers go on with the old one.

        Everything is resolved again unless a lock is given; see `EnvironmentManager.update_environment`.
        """
        self.environment_manager.update_environment(
            self, dependencies, additional_install_commands, lock=lock, exclude_newer=exclude_newer
        )

    def update_async(
        self,
        dependencies: Dependencies | None = None,
        additional_install_commands: Commands | None = None,
        *,
        lock: str | Path | None = None,
        exclude_newer: Cutoff | None = None,
        start: bool = True,
    ) -> Task[Environment]:
        """Build the environment anew, and go on; see `update` and `EnvironmentManager.update_environment_async`."""
        return self.environment_manager.update_environment_async(
            self, dependencies, additional_install_commands, lock=lock, exclude_newer=exclude_newer, start=start
        )

    def lock(self, path: str | Path) -> Path:
        """Write exactly what is in it as a lock; see `EnvironmentManager.export_lock`."""
        return self.environment_manager.export_lock(self, path)

    def diff(self, other: Environment | str | Path | None = None) -> tuple[PackageChange, ...]:
        """Say what changed since another environment, a lock, or what it was; see `EnvironmentManager.diff`."""
        return self.environment_manager.diff(self, other)

    def rollback(self) -> None:
        """Go back to what it was before it was last updated; see `EnvironmentManager.rollback_environment`."""
        self.environment_manager.rollback_environment(self)

    def rollback_async(self, *, start: bool = True) -> Task[Environment]:
        """Go back to what it was, and go on; see `rollback` and `EnvironmentManager.rollback_environment_async`."""
        return self.environment_manager.rollback_environment_async(self, start=start)

    def check(self, *, thorough: bool = False) -> list[Damage]:
        """Find files that are missing or changed; see `EnvironmentManager.check_environment`."""
        return self.environment_manager.check_environment(self, thorough=thorough)

    def repair(self) -> list[Damage]:
        """Install damaged packages anew; see `EnvironmentManager.repair_environment`."""
        return self.environment_manager.repair_environment(self)

    def delete(self) -> None:
        """Remove the environment from the disk.

        Raises:
            EnvironmentInUseError: Workers use it; exit them first.
        """
        self.environment_manager.delete_environment(self)
