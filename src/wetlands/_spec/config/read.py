"""Reads any config file: which format it is, and what beside its content is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.config.environment_yml import read_environment_yml
from wetlands._spec.config.pixi import read_pixi
from wetlands._spec.config.pyproject import read_pyproject
from wetlands._spec.config.request import Request, check_optional, project_folder
from wetlands._spec.config.requirements import read_requirements
from wetlands._spec.config.script import read_script
from wetlands._spec.config.source import Source, read_text
from wetlands._spec.local import local_package
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wetlands._spec.config.draft import Draft
    from wetlands._spec.config.remarks import Remark
    from wetlands._spec.model import Spec

__all__ = ["Config", "from_config", "read_config"]

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Config:
    """What a config file says.

    Attributes:
        spec: The recipe.
        remarks: What was not honoured.
    """

    spec: Spec
    remarks: tuple[Remark, ...]


def from_config(  # noqa: PLR0913 - what `create_from_config` takes, and what it knows of the machine
    path: Path,
    *,
    name: str = _DEFAULT,
    optional: object = None,
    commands: tuple[str, ...] = (),
    platform: str,
    environ: Mapping[str, str],
    install_project: object = False,
    project_path: object = None,
    project_editable: object = False,
) -> Config:
    """Read a config file of this machine.

    Args:
        path: It, absolute.
        name: The environment of a pixi workspace to take, where there is one of that name.
        optional: The names of optional dependencies, unchecked; None for none.
        commands: Shell lines to run after installing.
        platform: The platform to read it for, in conda's words.
        environ: The environment variables that ``${NAME}`` refers to.
        install_project: Whether the project is installed too; unchecked, as what follows.
        project_path: Its folder, relative to that of the file; None for that folder.
        project_editable: Whether its sources are linked instead of copied.

    Raises:
        InvalidDependencyError: The file is not there, cannot be understood, or is of no known format.
    """
    project = project_folder(path.parent, project_path, install=install_project, editable=project_editable)
    request = Request(name, check_optional(optional), project, project_editable is True)
    return read_config(Source(path, platform, environ, read_text), request, commands=commands)


def read_config(source: Source, request: Request, *, commands: tuple[str, ...] = ()) -> Config:
    """Read a config file, whose format its name tells.

    Args:
        source: The file.
        request: What of it is asked for.
        commands: Shell lines to run after installing.

    Raises:
        InvalidDependencyError: It cannot be understood, or is of no known format.
    """
    draft = _reader(source)(source.read(source.path), source, request)
    if request.project is not None:
        _add_project(draft, request)
    return Config(draft.spec(commands), draft.remarks.all())


def _reader(source: Source) -> Callable[[str, Source, Request], Draft]:
    name = source.path.name.lower()
    if name == "pyproject.toml":
        return read_pyproject
    if name == "pixi.toml":
        return read_pixi
    readers = {
        ".txt": read_requirements,
        ".in": read_requirements,
        ".yml": read_environment_yml,
        ".yaml": read_environment_yml,
        ".py": read_script,
    }
    read = readers.get(source.path.suffix.lower())
    if read is None:
        raise InvalidDependencyError(
            f"{source.path.name} is no config file known here: requirements.txt, environment.yml, pyproject.toml, "
            "pixi.toml, or a Python script with a header."
        )
    return lambda text, source, request: read(_without_options(text, source, request), source)


def _without_options(text: str, source: Source, request: Request) -> str:
    if request.optional:
        raise InvalidDependencyError(
            f"{source.path.name} has no optional dependencies: only pyproject.toml and pixi.toml have."
        )
    return text


def _add_project(draft: Draft, request: Request) -> None:
    """Add the project itself, in place of what the file may say of it."""
    # The extras of the project are among its requirements already, unless only its build knows them.
    package = local_package(
        str(request.project),
        draft.source.base,
        "project_path",
        editable=request.editable,
        extras=draft.left_to_build,
    )
    draft.local = [entry for entry in draft.local if entry.name != package.name]
    draft.pypi = [entry for entry in draft.pypi if canonicalize_name(entry.name) != package.name]
    draft.local.append(package)
