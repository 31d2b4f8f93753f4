"""Reads ``[tool.uv]``: indexes, settings, and where single packages come from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.config.keys import keys
from wetlands._spec.config.pypi_tables import UV_SOURCE, add_from, joined_markers
from wetlands._spec.config.requirements import format_name
from wetlands._spec.config.tables import text_at
from wetlands._spec.config.wanted import marker_text, package_place
from wetlands._spec.cutoff import parse_cutoff
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wetlands._spec.config.draft import Draft
    from wetlands._spec.config.tables import Table

__all__ = ["INDEX_KEYS", "UV_KEYS", "UvTable", "word"]

_LEFT_OUT = "this setting of uv is not passed on."
UV_KEYS = keys(
    "index index-url extra-index-url find-links no-index index-strategy resolution prerelease exclude-newer sources"
    " constraint-dependencies override-dependencies no-build no-build-package no-binary no-binary-package"
    " no-build-isolation no-build-isolation-package dev-dependencies",
    about="managed package conflicts environments required-environments cache-dir cache-keys concurrent-builds"
    " concurrent-downloads concurrent-installs link-mode compile-bytecode offline no-cache preview preview-features"
    " publish-url trusted-publishing check-url build-backend reinstall reinstall-package upgrade upgrade-package"
    " native-tls system-certs add-bounds required-version python-install-mirror pypy-install-mirror"
    " python-downloads-json-url python-downloads python-preference",
    noted={"default-groups": "a group is installed when optional_dependencies names it."},
    warned={
        "workspace": "members of a workspace are not installed.",
        "allow-insecure-host": "a host is not trusted by a file. Set UV_INSECURE_HOST if you must.",
        "http-proxy https-proxy no-proxy": "set the proxy with set_proxies().",
        "keyring-provider": "set UV_KEYRING_PROVIDER instead.",
        "build-constraint-dependencies exclude-dependencies config-settings config-settings-package"
        " extra-build-dependencies extra-build-variables dependency-metadata no-sources no-sources-package"
        " fork-strategy torch-backend pip exclude-newer-package": _LEFT_OUT,
    },
)
INDEX_KEYS = keys(
    "name url default explicit format",
    about="publish-url",
    warned={"authenticate cache-control ignore-error-codes exclude-newer": _LEFT_OUT},
)
_TEXTS = {"index-strategy": "index_strategy", "prerelease": "prerelease", "resolution": "resolution"}
_FORMATS = {"no-build": "only_binary", "no-binary": "no_binary"}


class UvTable:
    """The settings of ``[tool.uv]``, which apply to a project or a script.

    Args:
        table: The table.
        draft: The recipe, to which the settings are added.

    Raises:
        InvalidDependencyError: They cannot be understood.
    """

    def __init__(self, table: Table, draft: Draft) -> None:
        self._draft = draft
        self._table = table.check(UV_KEYS)
        self._sources = table.table("sources")
        self._indexes: dict[str, str] = {}
        self._read_indexes()
        self._read_settings()
        for text, where in table.entries("constraint-dependencies"):
            draft.constraints.append(draft.pypi_requirement(text_at(text, where), where))

    @property
    def dev_dependencies(self) -> list[tuple[object, str]]:
        """The entries of what was the group ``dev`` before there were groups."""
        return self._table.entries("dev-dependencies")

    def add(self, text: str, where: str) -> None:
        """Add a requirement, from its source where ``[tool.uv.sources]`` names one.

        Raises:
            InvalidDependencyError: It, or its source, cannot be understood.
        """
        requirement = self._draft.pypi_requirement(text, where)
        sources: dict[str, str] = {canonicalize_name(name): name for name in self._sources}
        if requirement.name not in sources or requirement.url:
            self._draft.add_pypi(text, where)
            return
        key = sources[requirement.name]
        several = isinstance(self._sources.get(key), list)
        for source in self._sources.tables(key) if several else [self._sources.table(key)]:
            source.check(UV_SOURCE, strict=True)
            marker = marker_text(source.text("marker"), source.place("marker")) if "marker" in source else ""
            wanted = joined_markers(requirement.marker, marker)
            if "index" in source:
                plain = replace(requirement, marker=wanted)
                self._draft.add_pypi(plain.text, where, index=self._index(source))
            else:
                add_from(requirement.name, ",".join(requirement.extras), wanted, source, self._draft)

    def _index(self, source: Table) -> str:
        name = source.text("index")
        if name not in self._indexes:
            known = ", ".join(self._indexes) or "none"
            raise InvalidDependencyError(f"{source.place('index')}: there is no index {name!r}. Known: {known}.")
        return self._indexes[name]

    def _read_indexes(self) -> None:
        for entry in self._table.tables("index"):
            entry.check(INDEX_KEYS)
            place = package_place(entry.text("url"), entry.place("url"), self._draft.source)
            self._indexes[entry.text("name")] = place
            if entry.flag("explicit"):
                continue
            if entry.text("format") == "flat":
                self._append("find_links", [place])
            elif entry.flag("default"):
                self._set(index_url=place)
            else:
                self._append("extra_index_urls", [place])
        source = self._draft.source
        if "index-url" in self._table:
            self._set(index_url=package_place(self._table.text("index-url"), self._table.place("index-url"), source))
        for key, setting in (("extra-index-url", "extra_index_urls"), ("find-links", "find_links")):
            entries = self._table.entries(key)
            self._append(setting, [package_place(text_at(text, where), where, source) for text, where in entries])

    def _read_settings(self) -> None:
        table = self._table
        for key, setting in _TEXTS.items():
            if key in table:
                self._set(**{setting: word(table, key)})
        if "exclude-newer" in table:
            self._set(exclude_newer=parse_cutoff(table.text("exclude-newer"), table.place("exclude-newer")))
        if table.flag("no-index"):
            self._set(no_index=True)
        for key, setting in _FORMATS.items():
            everything = [":all:"] if table.flag(key) else []
            entries = table.entries(f"{key}-package")
            self._append(setting, [*everything, *(format_name(text_at(text, where), where) for text, where in entries)])
        isolated = table.flag_or_texts("no-build-isolation") + tuple(table.texts("no-build-isolation-package"))
        self._append("no_build_isolation", isolated)
        overrides = table.entries("override-dependencies")
        self._append(
            "overrides", [self._draft.pypi_requirement(text_at(text, where), where).text for text, where in overrides]
        )

    def _set(self, **changes: object) -> None:
        self._draft.settings = replace(self._draft.settings, **changes)  # type: ignore[arg-type]  # by their names

    def _append(self, setting: str, values: Iterable[str]) -> None:
        self._set(**{setting: (*getattr(self._draft.settings, setting), *values)})


_WORDS = {
    "index-strategy": ("first-index", "unsafe-first-match", "unsafe-best-match"),
    "prerelease": ("disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"),
    "resolution": ("highest", "lowest", "lowest-direct"),
}
_ALIASES = {"prerelease-mode": "prerelease", "solve-strategy": "resolution"}


def word(table: Table, key: str) -> str:
    """Return the value of a key that takes one of a few words.

    Raises:
        InvalidDependencyError: It is another one.
    """
    text, known = table.text(key), _WORDS[_ALIASES.get(key, key)]
    if text not in known:
        raise InvalidDependencyError(f"{table.place(key)}: {text!r} is not one of {', '.join(known)}.")
    return text
