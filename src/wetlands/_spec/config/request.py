"""What is asked of a config file beside its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands._spec.checks import check_flag, kind
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Request", "check_optional", "project_folder"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a config file.

    Attributes:
        environment: The environment to take where the file defines several.
        optional: The extras, groups or features wanted beside what is always installed.
        project: The folder of the project to install; None to install none.
        editable: Whether its sources are linked instead of copied.
    """

    environment: str = "default"
    optional: tuple[str, ...] = ()
    project: Path | None = None
    editable: bool = False


def check_optional(value: object) -> tuple[str, ...]:
    """Check the names of optional dependencies.

    Raises:
        InvalidDependencyError: They are no list of texts.
    """
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidDependencyError(f'optional_dependencies must be a list such as ["gui"], not {kind(value)}.')
    return tuple(dict.fromkeys(_names(value)))


def _names(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        if not isinstance(value, str):
            raise InvalidDependencyError(f"an entry of optional_dependencies must be text, not {kind(value)}.")
        yield value


def project_folder(base: Path, path: object, *, install: object, editable: object) -> Path | None:
    """Return the folder of the project to install, or None.

    Raises:
        InvalidDependencyError: A folder or a manner is given for a project that is not to be installed.
    """
    wanted = check_flag(install, "install_project")
    if check_flag(editable, "project_editable") and not wanted:
        raise InvalidDependencyError("project_editable means nothing without install_project=True.")
    if path is not None and not wanted:
        raise InvalidDependencyError("project_path means nothing without install_project=True.")
    return (base if path is None else base / str(path)) if wanted else None
