"""A recipe as the user wrote it turned into a frozen spec, once, with every error it can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wetlands._spec.channels import parse_channels
from wetlands._spec.checks import check_entries, check_flag, check_keys, check_text, kind, quoted
from wetlands._spec.commands import parse_commands
from wetlands._spec.conda import parse_conda
from wetlands._spec.local import parse_local
from wetlands._spec.model import Spec
from wetlands._spec.platforms import parse_platforms
from wetlands._spec.pypi import parse_pypi
from wetlands._spec.python import ANY_PYTHON, parse_python
from wetlands.exceptions import IncompatibilityException, InvalidDependencyError, UnsupportedPythonError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.dependencies import Commands, Dependencies
    from wetlands._spec.local import LocalRequirement
    from wetlands._spec.pypi import PypiRequirement

__all__ = ["parse"]

_KEYS = ("python", "conda", "channels", "pip", "local")
_REQUIREMENT_KEYS = ("name", "platforms", "optional", "dependencies")


def parse(dependencies: Dependencies | None, *, commands: Commands | None = None, platform: str, base: Path) -> Spec:
    """Turn a recipe into a spec for one platform.

    Nothing is read or written, except that the folders of local packages are looked at.

    Args:
        dependencies: The recipe; None is the empty one.
        commands: Shell lines to run after installing.
        platform: The platform to make it for, in conda's words (``current_platform()``).
        base: The folder that relative paths of local packages begin at, and that they are recorded relative to.

    Raises:
        InvalidDependencyError: The recipe cannot be understood; the message quotes the offending part.
        IncompatibilityException: A requirement that is not optional excludes the platform.
        UnsupportedPythonError: It asks for a Python older than 3.8.
    """
    if dependencies is not None and not isinstance(dependencies, Mapping):
        raise InvalidDependencyError(
            f'dependencies must be a dict such as {{"pip": ["numpy==2.2.4"]}}, not {kind(dependencies)}.'
        )
    recipe = check_keys({} if dependencies is None else dependencies, _KEYS, "dependencies")
    conda = tuple(_conda(recipe.get("conda", []), platform))
    return Spec(
        python=parse_python(recipe["python"]) if "python" in recipe else ANY_PYTHON,
        conda=conda,
        channels=_channels(recipe.get("channels", []), conda),
        pypi=tuple(_pypi(recipe.get("pip", []), platform)),
        local=_local(recipe.get("local", []), base),
        commands=parse_commands(commands, platform, "additional_install_commands"),
    )


def _conda(value: object, platform: str) -> Iterator[CondaRequirement]:
    for index, entry in enumerate(check_entries(value, '"conda"')):
        where = f'"conda"[{index}]'
        text, conditions = _named(entry, where)
        requirement = parse_conda(text, where=where, dependencies=_with_dependencies(conditions, where))
        if requirement.name == "python" and requirement.version:
            _check_conda_python(requirement.version, where)
        if _is_wanted(text, conditions, platform, where):
            yield requirement


def _pypi(value: object, platform: str) -> Iterator[PypiRequirement]:
    for index, entry in enumerate(check_entries(value, '"pip"')):
        where = f'"pip"[{index}]'
        text, conditions = _named(entry, where)
        requirement = parse_pypi(text, where=where, dependencies=_with_dependencies(conditions, where))
        if _is_wanted(text, conditions, platform, where):
            yield requirement


def _named(entry: object, where: str) -> tuple[str, Mapping[str, object]]:
    """Split an entry into its requirement and its conditions."""
    if isinstance(entry, str):
        return check_text(entry, where), {}
    if not isinstance(entry, Mapping):
        raise InvalidDependencyError(f'{where} must be text or a dict with "name", not {kind(entry)}.')
    conditions = check_keys(entry, _REQUIREMENT_KEYS, where)
    if "name" not in conditions:
        raise InvalidDependencyError(f'{where} has no "name". Write {{"name": "package", ...}}.')
    return check_text(conditions["name"], f'"name" of {where}'), conditions


def _with_dependencies(conditions: Mapping[str, object], where: str) -> bool:
    return check_flag(conditions.get("dependencies", True), f'"dependencies" of {where}')


def _is_wanted(text: str, conditions: Mapping[str, object], platform: str, where: str) -> bool:
    """Tell whether a requirement is for this platform.

    Raises:
        IncompatibilityException: It is not, and is not optional either.
    """
    optional = check_flag(conditions.get("optional", False), f'"optional" of {where}')
    if "platforms" not in conditions:
        return True
    platforms = parse_platforms(conditions["platforms"], f'"platforms" of {where}')
    if platform in platforms:
        return True
    if optional:
        return False
    raise IncompatibilityException(text, platform, platforms)


def _check_conda_python(version: str, where: str) -> None:
    """Refuse a Python named among the conda packages when all its versions are too old.

    What a PEP 440 specifier cannot say is left to the solver.
    """
    refusals = [_python_refusal(alternative, where) for alternative in version.split("|")]
    if refusals[0] is not None and None not in refusals:
        raise refusals[0]


def _python_refusal(version: str, where: str) -> UnsupportedPythonError | None:
    try:
        parse_python(version, where)
    except UnsupportedPythonError as error:
        return error
    except InvalidDependencyError:
        return None
    return None


def _channels(value: object, conda: tuple[CondaRequirement, ...]) -> tuple[str, ...]:
    channels = parse_channels(value, '"channels"', default_wanted=bool(conda))
    lost = next((entry for entry in conda if not entry.channel), None)
    if lost is not None and not channels:
        raise InvalidDependencyError(
            f'"channels" names none beside "nodefaults", so {quoted(lost.text)} is nowhere to be found. '
            'Add a channel, or remove "nodefaults".'
        )
    return channels


def _local(value: object, base: Path) -> tuple[LocalRequirement, ...]:
    entries = check_entries(value, '"local"')
    packages = [parse_local(entry, base, f'"local"[{index}]') for index, entry in enumerate(entries)]
    places: dict[str, LocalRequirement] = {}
    for package in packages:
        if places.setdefault(package.name, package) != package:
            raise InvalidDependencyError(
                f'"local" names {package.name!r} twice and differently: {places[package.name].text}; {package.text}.'
            )
    return tuple(packages)
