"""Reads one feature of a pixi workspace: the dependencies and settings that environments are put together from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wetlands._spec.checks import kind
from wetlands._spec.config.keys import keys
from wetlands._spec.config.pypi_tables import add_table, specifier
from wetlands._spec.config.requirements import format_name
from wetlands._spec.config.selectors import rank, selects
from wetlands._spec.config.tables import text_at
from wetlands._spec.config.uv_table import word
from wetlands._spec.config.wanted import package_place
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wetlands._spec.config.draft import Draft
    from wetlands._spec.config.tables import Table

__all__ = [
    "ACTIVATION_KEYS",
    "CONDA_KEYS",
    "FEATURE_KEYS",
    "LIBC_KEYS",
    "PYPI_OPTIONS",
    "SYSTEM_KEYS",
    "TARGET_KEYS",
    "add_feature",
    "add_pypi_options",
    "add_system_requirements",
]

_BUILD = "conda packages are not built from sources. Name a channel that has the package."
_STRICTLY = "channels are searched strictly in their order."
_CONDA_TABLES = ("dependencies", "host-dependencies", "build-dependencies")
TARGET_KEYS = keys(
    " ".join((*_CONDA_TABLES, "pypi-dependencies activation")),
    about="tasks",
    refused={"constraints": "limits on packages that are not asked for cannot be had.", "dev": _BUILD},
)
FEATURE_KEYS = TARGET_KEYS | keys(
    "target channels platforms system-requirements pypi-options solve-strategy", warned={"channel-priority": _STRICTLY}
)
CONDA_KEYS = keys(
    "version build channel",
    refused={
        "url path git branch tag rev subdirectory lfs": _BUILD,
        "build-number file-name subdir md5 sha256 license license-family track-features extras flags when": (
            "this condition cannot be had. Use version, build and channel."
        ),
    },
)
ACTIVATION_KEYS = keys(
    "env", warned={"scripts": "scripts are not run. Give their lines to launch(additional_activate_commands=...)."}
)
SYSTEM_KEYS = keys(
    "cuda linux macos libc", warned={"archspec": "the processor is not checked.", "unix windows": "it is not checked."}
)
LIBC_KEYS = keys("family version")
PYPI_OPTIONS = keys(
    "index-url extra-index-urls find-links no-build no-binary no-build-isolation index-strategy prerelease-mode"
    " dependency-overrides",
    warned={"skip-wheel-filename-check exclude-newer": "this setting is not passed on."},
)
_LINK_KEYS = keys("path url")
_LISTS = {"no-build": "only_binary", "no-binary": "no_binary", "no-build-isolation": "no_build_isolation"}


def add_feature(table: Table, draft: Draft) -> None:
    """Add a feature: its dependencies with those for this platform, and its settings.

    Raises:
        InvalidDependencyError: It cannot be understood.
    """
    parts = [table, *_targets(table, draft)]
    for name in _CONDA_TABLES:
        for key, holder in _latest(parts, name).items():
            _add_conda(key, holder, draft)
    for key, holder in _latest(parts, "pypi-dependencies").items():
        _add_pypi(key, holder, draft)
    for part in parts:
        variables = part.table("activation").check(ACTIVATION_KEYS).table("env")
        for key in variables:
            draft.add_variable(key, variables.get(key), variables.place(key))
            if any(sign in str(variables.get(key)) for sign in "$%"):
                draft.remarks.warn(variables.place(key), "$NAME and %NAME% in it are not replaced.")
    add_pypi_options(table.table("pypi-options"), draft)
    add_system_requirements(table.table("system-requirements").check(SYSTEM_KEYS), draft)
    if "solve-strategy" in table:
        add_solve_strategy(table, draft)


def add_pypi_options(table: Table, draft: Draft) -> None:
    """Add the settings of ``[pypi-options]``.

    Raises:
        InvalidDependencyError: They cannot be understood.
    """
    table.check(PYPI_OPTIONS)
    settings, source = draft.settings, draft.source
    if "index-url" in table:
        settings = replace(settings, index_url=package_place(table.text("index-url"), table.place("index-url"), source))
    extra = [package_place(text_at(entry, at), at, source) for entry, at in table.entries("extra-index-urls")]
    links = [_link(entry, draft) for entry in table.tables("find-links")]
    settings = replace(
        settings,
        extra_index_urls=(*settings.extra_index_urls, *extra),
        find_links=(*settings.find_links, *links),
        overrides=(*settings.overrides, *_overrides(table.table("dependency-overrides"), draft)),
    )
    for key, setting in _LISTS.items():
        names = [format_name(name, table.place(key)) for name in table.flag_or_texts(key)]
        settings = replace(settings, **{setting: (*getattr(settings, setting), *names)})  # type: ignore[arg-type]  # texts
    for key, setting in (("index-strategy", "index_strategy"), ("prerelease-mode", "prerelease")):
        if key in table:
            settings = replace(settings, **{setting: word(table, key)})  # type: ignore[arg-type]  # a text
    draft.settings = settings


def add_system_requirements(table: Table, draft: Draft) -> None:
    """Ask for what the machine must have, as conda's virtual packages.

    Raises:
        InvalidDependencyError: It cannot be understood.
    """
    system = draft.source.platform.partition("-")[0]
    wanted = [("__cuda", table.text("cuda"), "cuda")]
    if system == "linux":
        wanted += [("__linux", table.text("linux"), "linux"), ("__glibc", _glibc(table, draft), "libc")]
    elif system == "osx":
        wanted.append(("__osx", table.text("macos"), "macos"))
    for name, version, key in wanted:
        if version:
            draft.add_conda(f"{name} >={version}", table.place(key))


def add_solve_strategy(table: Table, draft: Draft) -> None:
    """Take over which versions are chosen; for conda packages it is always the highest."""
    strategy = word(table, "solve-strategy")
    if strategy != "highest":
        draft.settings = replace(draft.settings, resolution=strategy)
        draft.remarks.warn(table.place("solve-strategy"), "of conda packages the highest versions are taken.")


def _targets(table: Table, draft: Draft) -> list[Table]:
    """The parts for this platform, the widest first, so that the narrower ones win."""
    targets = table.table("target")
    found = []
    for name in targets:
        place = rank(name)
        if place is None:
            draft.remarks.warn(targets.place(name), "this is no system or platform known here. It is left out.")
        elif selects(name, draft.source.platform):
            found.append((place, name))
    return [targets.table(name).check(TARGET_KEYS) for _, name in sorted(found)]


def _latest(parts: Iterable[Table], name: str) -> dict[str, Table]:
    """Which table says what holds for each key: the last one that has it."""
    tables = [part.table(name) for part in parts]
    return {key: table for table in tables for key in table}


def _add_conda(name: str, holder: Table, draft: Draft) -> None:
    value, where = holder.get(name), holder.place(name)
    if isinstance(value, str):
        draft.add_conda(f"{name} {_compact(value)}", where)
        return
    if not isinstance(value, dict):
        raise InvalidDependencyError(f"{where} must be text or a table, not {kind(value)}.")
    table = holder.table(name).check(CONDA_KEYS, strict=True)
    channel, build = table.text("channel"), table.text("build")
    version = _compact(table.text("version")) or "*"
    draft.add_conda(f"{f'{channel}::' if channel else ''}{name} {version} {build}".strip(), where)


def _compact(version: str) -> str:
    return "".join(version.split())


def _add_pypi(name: str, holder: Table, draft: Draft) -> None:
    value, where = holder.get(name), holder.place(name)
    if isinstance(value, str):
        draft.add_pypi(f"{name}{specifier(value)}", where)
    elif isinstance(value, dict):
        add_table(name, holder.table(name), draft)
    else:
        raise InvalidDependencyError(f"{where} must be text or a table, not {kind(value)}.")


def _link(table: Table, draft: Draft) -> str:
    table.check(_LINK_KEYS, strict=True)
    key = "url" if "url" in table else "path"
    return package_place(table.text(key), table.place(key), draft.source)


def _overrides(table: Table, draft: Draft) -> Iterator[str]:
    for name in table:
        if not isinstance(table.get(name), str):
            raise InvalidDependencyError(f"{table.place(name)}: write the version as text.")
        yield draft.pypi_requirement(f"{name}{specifier(table.text(name))}", table.place(name)).text


def _glibc(table: Table, draft: Draft) -> str:
    if not isinstance(table.get("libc"), dict):
        return table.text("libc")
    libc = table.table("libc").check(LIBC_KEYS, strict=True)
    if libc.text("family") in {"", "glibc"}:
        return libc.text("version")
    draft.remarks.warn(libc.place("family"), "another C library than glibc is not checked.")
    return ""
