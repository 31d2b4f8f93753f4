"""What a recipe says beside names and versions, in the words of uv: options, variables and files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wetlands._spec import REFERENCE, newest_allowed
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wetlands._spec import LocalRequirement, PypiRequirement, PypiSettings, Spec

__all__ = [
    "check_references",
    "extra_files",
    "local_line",
    "pinned_project",
    "requirement_line",
    "settings_options",
    "with_settings",
]

_ALL = ":all:"


def requirement_line(entry: PypiRequirement) -> str:
    """Return a line of a requirements file."""
    return " ".join((entry.text, *(f"--hash={value}" for value in entry.hashes)))


def local_line(entry: LocalRequirement, base: Path) -> str:
    """Return a line of a requirements file.

    It holds an address instead of a path: blanks, parentheses and "#" of a path mean something else there.
    """
    marker = f" ; {entry.marker}" if entry.marker else ""
    return f"{'-e ' if entry.editable else ''}{entry.wanted} @ {entry.folder(base).as_uri()}{marker}"


def pinned_project(entries: Sequence[PypiRequirement], base: Path, env: Mapping[str, str]) -> str:
    """Return the ``pyproject.toml`` that wants packages each from its own index: no option of uv can say that.

    Raises:
        ProvisioningError: The address of an index names a variable that is not set.
    """
    indexes = {entry.index: f"index-{number}" for number, entry in enumerate(entries)}
    sources: dict[str, dict[str, None]] = {}
    for entry in entries:
        marker = f", marker = {_toml(entry.marker)}" if entry.marker else ""
        sources.setdefault(entry.name, {})[f"{{ index = {_toml(indexes[entry.index])}{marker} }}"] = None
    lines = ["[project]", 'name = "wanted"', 'version = "0"', "dependencies = ["]
    lines += [f"  {_toml(entry.text)}," for entry in entries]
    lines += ["]", "[tool.uv.sources]"]
    lines += [f"{_toml(name)} = [{', '.join(tables)}]" for name, tables in sources.items()]
    for address, name in indexes.items():
        place = _place(address, base, env)
        lines += ["[[tool.uv.index]]", f"name = {_toml(name)}", f"url = {_toml(place)}", "explicit = true"]
    return "".join(f"{line}\n" for line in lines)


def extra_files(spec: Spec, folder: Path) -> tuple[str, ...]:
    """Write the constraints and overrides of a recipe into a folder, and return the options that name them."""
    options: list[str] = []
    contents = (
        ("--constraints", "constraints.txt", [requirement_line(entry) for entry in spec.constraints]),
        ("--overrides", "overrides.txt", spec.settings.overrides),
    )
    for option, name, lines in contents:
        if lines:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            options += [option, str(folder / name)]
    return tuple(options)


def settings_options(settings: PypiSettings) -> tuple[str, ...]:
    """Return the options for what is no secret."""
    words = {
        "--index-strategy": settings.index_strategy,
        "--prerelease": settings.prerelease,
        "--resolution": settings.resolution,
        "--exclude-newer": _until(settings.exclude_newer),
    }
    isolated = (name for name in settings.no_build_isolation if name != _ALL)
    return (
        *(("--no-index",) if settings.no_index else ()),
        *(f"{option}={value}" for option, value in words.items() if value),
        *(f"--no-binary={name}" for name in settings.no_binary),
        *(f"--only-binary={name}" for name in settings.only_binary),
        *(("--no-build-isolation",) if _ALL in settings.no_build_isolation else ()),
        *(f"--no-build-isolation-package={name}" for name in isolated),
    )


def _until(cutoff: str) -> str:
    """Return a limit as a moment: older versions of uv know no ages, and a day means to it one of the local time."""
    newest = newest_allowed(cutoff)
    return "" if newest is None else newest.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_settings(env: Mapping[str, str], settings: PypiSettings, base: Path) -> dict[str, str]:
    """Return the variables for uv with the addresses of a recipe, which may hold secrets: argv is shown to all.

    The index of a recipe replaces the user's default one, as it does for pip; the other places are added to his.

    Args:
        env: The variables uv runs with.
        settings: Of the recipe.
        base: What relative paths in it begin at.

    Raises:
        ProvisioningError: An address names a variable that is not set.
    """
    result = dict(env)
    if settings.index_url:
        result.pop("UV_INDEX_URL", None)
        result["UV_DEFAULT_INDEX"] = _place(settings.index_url, base, env)
    lists = (("UV_INDEX", " ", settings.extra_index_urls), ("UV_FIND_LINKS", ",", settings.find_links))
    for name, separator, places in lists:
        if places:
            addresses = [_place(place, base, env) for place in places]
            result[name] = separator.join(filter(None, [*addresses, env.get(name, "")]))
    return result


def check_references(spec: Spec, env: Mapping[str, str]) -> None:
    """Check that the variables are set which uv will put into the addresses of requirements.

    Raises:
        ProvisioningError: One is not.
    """
    for entry in (*spec.pypi, *spec.constraints):
        _expanded(entry.url, env)


def _place(text: str, base: Path, env: Mapping[str, str]) -> str:
    if "://" in text or REFERENCE.match(text):
        return _expanded(text, env)
    return (base.absolute() / text).as_uri()


def _expanded(text: str, env: Mapping[str, str]) -> str:
    missing = [name for name in _names(text) if not env.get(name)]
    if missing:
        raise ProvisioningError(
            f"The recipe takes packages from {text}, and the environment variable {missing[0]} is not set. Set it."
        )
    return REFERENCE.sub(lambda match: env[match[1]], text)


def _names(text: str) -> Iterable[str]:
    return (match[1] for match in REFERENCE.finditer(text))


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)
