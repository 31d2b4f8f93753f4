"""The manifest of a pixi workspace that is generated from a recipe, and what a manifest cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from wetlands._backends.conda_words import DEFAULT_ALIAS, requirements
from wetlands._platform.addresses import path_of
from wetlands._spec import REFERENCE, newest_allowed
from wetlands._spec.local import absolute_path
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.conda_words import Channels
    from wetlands._spec import LocalRequirement, PypiRequirement, PypiSettings
    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.model import Spec

__all__ = ["Document", "conda_table", "generated", "left_to_uv", "merged", "system_requirements", "without_mapping"]

Document = dict[str, object]

_ALL = ":all:"
_GIT = re.compile(r"git\+(?P<address>[^#]+?)(?:@(?P<rev>[^@/#]+))?(?:#subdirectory=(?P<folder>[^&]+))?")


def generated(spec: Spec, channels: Channels, base: Path, *, platform: str) -> Document:
    """Return the manifest for a recipe.

    Packages that are wanted without their dependencies are not in it, and those of PyPI and local ones only where
    `left_to_uv` says nothing.

    Args:
        spec: The recipe.
        channels: Where channels lie.
        base: What relative paths begin at.
        platform: The machine, in conda's words: it is solved for no other.

    Raises:
        ProvisioningError: Two requirements on one conda package contradict each other.
    """
    document: Document = {
        "workspace": {
            "name": "wetlands",
            "channels": [_name(address) for address in channels.all_of(spec)],
            "platforms": [platform],
            "channel-priority": "strict",
            **_limit(spec.settings),
        },
        "dependencies": conda_table(requirements(spec), channels),
    }
    if not left_to_uv(spec):
        wanted = {entry.name: _pypi(entry) for entry in spec.pypi if entry.dependencies}
        wanted.update((entry.name, _local(entry, base)) for entry in spec.local)
        if wanted:
            document["pypi-dependencies"] = wanted
            document["pypi-options"] = _options(spec.settings, base)
    return document


def _limit(settings: PypiSettings) -> Document:
    newest = newest_allowed(settings.exclude_newer)
    return {} if newest is None else {"exclude-newer": newest.strftime("%Y-%m-%dT%H:%M:%SZ")}


def left_to_uv(spec: Spec) -> str:
    """Say why the PyPI part of a recipe is installed by uv, after pixi; nothing when a manifest can say it all."""
    settings = spec.settings
    reasons = (
        (bool(spec.constraints), "constraints"),
        (settings.require_hashes or any(entry.hashes for entry in spec.pypi), "hashes"),
        (settings.no_index, "an installation without an index"),
        (bool(settings.resolution), "a resolution for PyPI alone"),
        (bool(settings.exclude_newer), "a date for PyPI alone"),
        (_refers(spec), "variables in addresses"),
        (_twice(spec), "several requirements on one package"),
        (any(not _is_plain(text) for text in settings.overrides), "overrides with markers or addresses"),
        (any("#" in entry.url and not _git(entry.url) for entry in spec.pypi), "fragments of addresses"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def conda_table(entries: Iterable[CondaRequirement], channels: Channels) -> dict[str, object]:
    """Return what a manifest says of conda packages, those of one name taken together.

    Raises:
        ProvisioningError: Two of them contradict each other.
    """
    table: dict[str, object] = {}
    together: dict[str, list[CondaRequirement]] = {}
    for entry in entries:
        together.setdefault(entry.name, []).append(channels.placed(entry))
    for name, wanted in together.items():
        version = _joined([entry.version for entry in wanted if entry.version]) or "*"
        found: Document = {"version": version}
        for key in ("build", "channel"):
            values = sorted({value for entry in wanted if (value := getattr(entry, key))})
            if len(values) > 1:
                raise ProvisioningError(f"{name!r} is wanted of two {key}s: {' and '.join(values)}. Name one.")
            if values:
                found[key] = _name(values[0]) if key == "channel" else values[0]
        table[name] = found if len(found) > 1 else version
    return table


def merged(document: Document, more: Document) -> Document:
    """Return a manifest with further packages and channels; what both name is as the second has it."""
    result = dict(document)
    for key in ("dependencies", "pypi-dependencies", "pypi-options"):
        tables = [table for table in (document.get(key), more.get(key)) if isinstance(table, dict)]
        if tables:
            result[key] = {name: value for table in tables for name, value in table.items()}
    ours, theirs = (_channels(one) for one in (document, more))
    workspace = document.get("workspace")
    about = workspace if isinstance(workspace, dict) else {}
    result["workspace"] = {**about, "channels": list(dict.fromkeys(ours + theirs))}
    return result


def system_requirements(machine: Mapping[str, str]) -> Document:
    """Return what a manifest says of the machine: else pixi solves for one without CUDA and with an old glibc.

    Args:
        machine: Versions by the names of virtual packages (``__cuda``, ``__glibc``, ``__linux``, ``__osx``).
    """
    keys = {"__cuda": "cuda", "__linux": "linux", "__osx": "macos"}
    found: Document = {key: machine[name] for name, key in keys.items() if machine.get(name, "0") != "0"}
    if "__glibc" in machine:
        found["libc"] = {"family": "glibc", "version": machine["__glibc"]}
    return found


def without_mapping(document: Document) -> Document:
    """Return a manifest with which pixi does not ask the network what conda packages are called on PyPI."""
    workspace = document.get("workspace")
    return {**document, "workspace": {**(workspace if isinstance(workspace, dict) else {}), "conda-pypi-map": {}}}


def _channels(document: Document) -> list[str]:
    workspace = document.get("workspace")
    found = workspace.get("channels") if isinstance(workspace, dict) else None
    return [str(channel) for channel in found] if isinstance(found, list) else []


def _name(address: str) -> str:
    """Return a channel by name where that means the same to pixi, so that it knows its packages on PyPI."""
    name = address.removeprefix(DEFAULT_ALIAS)
    return name if name != address and name else address


def _joined(versions: Sequence[str]) -> str:
    parts = [f"({text})" if "|" in text and len(versions) > 1 else text for text in dict.fromkeys(versions)]
    return ",".join(parts)


def _pypi(entry: PypiRequirement) -> object:
    found: Document = {}
    git = _git(entry.url)
    if git is not None:
        found["git"] = git["address"]
        found.update((key, git[group]) for key, group in (("rev", "rev"), ("subdirectory", "folder")) if git[group])
    elif entry.url.startswith("file:"):
        found["path"] = str(path_of(entry.url))
    elif entry.url:
        found["url"] = entry.url
    else:
        found["version"] = entry.specifier or "*"
    if entry.index:
        found["index"] = entry.index
    return _described(found, entry.extras, entry.marker)


def _local(entry: LocalRequirement, base: Path) -> object:
    folder = entry.folder(base)
    found: Document = {"path": str(folder)}
    if folder.is_dir():
        found["editable"] = entry.editable
    return _described(found, entry.extras, entry.marker)


def _described(found: Document, extras: Sequence[str], marker: str) -> object:
    if extras:
        found["extras"] = list(extras)
    if marker:
        found["env-markers"] = marker
    return found["version"] if list(found) == ["version"] else found


def _options(settings: PypiSettings, base: Path) -> Document:
    found: Document = {
        "index-url": settings.index_url,
        "extra-index-urls": list(settings.extra_index_urls),
        "find-links": [_place(place, base) for place in settings.find_links],
        "index-strategy": settings.index_strategy,
        "prerelease-mode": settings.prerelease,
        "no-binary": _packages(settings.no_binary),
        "no-build": _packages(settings.only_binary),
        "no-build-isolation": _packages(settings.no_build_isolation),
        "dependency-overrides": dict(_override(text) for text in settings.overrides),
    }
    return {key: value for key, value in found.items() if value}


def _packages(names: Sequence[str]) -> object:
    return True if _ALL in names else list(names)


def _place(text: str, base: Path) -> Document:
    return {"url": text} if "://" in text else {"path": str(absolute_path(base, text))}


def _override(text: str) -> tuple[str, str]:
    requirement = Requirement(text)
    return requirement.name, str(requirement.specifier) or "*"


def _is_plain(text: str) -> bool:
    requirement = Requirement(text)
    return not (requirement.marker or requirement.url or requirement.extras)


def _git(url: str) -> re.Match[str] | None:
    return _GIT.fullmatch(url)


def _refers(spec: Spec) -> bool:
    settings = spec.settings
    places = (settings.index_url, *settings.extra_index_urls, *settings.find_links)
    addresses = (address for entry in spec.pypi for address in (entry.url, entry.index))
    return any(REFERENCE.search(text) for text in (*places, *addresses))


def _twice(spec: Spec) -> bool:
    names = [entry.name for entry in spec.pypi] + [entry.name for entry in spec.local]
    return len(set(names)) < len(names)
