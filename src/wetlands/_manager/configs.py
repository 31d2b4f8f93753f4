"""Reads config files for the verbs of a manager, and logs what cannot be honoured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._manager.building import Building
from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wetlands._spec import Spec

__all__ = ["Configs"]


class Configs(Building):
    """The part of a manager that reads config files."""

    def _read_config(
        self,
        path: Path,
        *,
        name: str,
        optional: Sequence[str] | None,
        platforms: Sequence[str],
        commands: tuple[str, ...] = (),
        project: tuple[bool, str | Path | None, bool] = (False, None, False),
    ) -> dict[str, Spec]:
        """Return the recipe of a config file on each platform; what it holds beyond that is logged, each remark once.

        Raises:
            InvalidDependencyError: It cannot be understood.
        """
        from wetlands._spec.config import from_config  # noqa: PLC0415 - programs with recipes of their own need none of it

        install_project, project_path, project_editable = project
        read = {
            platform: from_config(
                path,
                name=name,
                optional=optional,
                commands=commands,
                platform=platform,
                environ=self._variables(),
                install_project=install_project,
                project_path=project_path,
                project_editable=project_editable,
            )
            for platform in platforms
        }
        self._open_logs()
        for remark in dict.fromkeys(remark for config in read.values() for remark in config.remarks):
            logger.log_environment(
                remark.level, "%s", remark.text, env_name=name, stage="create", instance=self.log_instance
            )
        return {platform: config.spec for platform, config in read.items()}
