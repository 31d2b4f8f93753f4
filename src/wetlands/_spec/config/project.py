"""Reads ``[project]`` (PEP 621) and ``[dependency-groups]`` (PEP 735)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from packaging.utils import canonicalize_name

from wetlands._spec.checks import kind, quoted
from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys, nearest
from wetlands._spec.config.tables import Table, text_at
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wetlands._spec.config.remarks import Remarks

__all__ = ["INCLUDE_KEYS", "PROJECT_KEYS", "Project"]

PROJECT_KEYS = keys(
    "name dependencies optional-dependencies requires-python dynamic",
    about="version description readme license license-files authors maintainers keywords classifiers urls scripts"
    " gui-scripts entry-points import-names import-namespaces",
)
INCLUDE_KEYS = keys("include-group")
Requirements: TypeAlias = "Iterator[tuple[str, str]]"
"""Requirements, each with its place."""


class Project:
    """The project of a ``pyproject.toml``.

    Args:
        document: The file.
        remarks: Where to note what is not honoured.
        more_groups: Entries of groups that other tables define, by name.

    Raises:
        InvalidDependencyError: It cannot be understood.
    """

    def __init__(
        self, document: Table, remarks: Remarks, more_groups: dict[str, list[tuple[object, str]]] | None = None
    ) -> None:
        self._table = document.table("project").check(PROJECT_KEYS)
        self.name = canonicalize_name(self._table.text("name"))
        self.dynamic = frozenset(self._table.texts("dynamic"))
        extras, groups = self._table.table("optional-dependencies"), document.table("dependency-groups")
        self._extras: dict[str, list[tuple[object, str]]] = {
            canonicalize_name(name): extras.entries(name) for name in extras
        }
        self._groups: dict[str, list[tuple[object, str]]] = {
            canonicalize_name(name): groups.entries(name) for name in groups
        }
        for name, entries in (more_groups or {}).items():
            self._groups[name] = [*self._groups.get(name, []), *entries]
        self._remarks = remarks

    @property
    def requires_python(self) -> tuple[str, str]:
        """What it asks of Python, with the place; empty when it asks nothing."""
        return self._table.text("requires-python"), self._table.place("requires-python")

    @property
    def extras(self) -> tuple[str, ...]:
        """The names of its extras."""
        return tuple(self._extras)

    @property
    def optional(self) -> tuple[str, ...]:
        """The names of its extras and groups."""
        return tuple(dict.fromkeys((*self._extras, *self._groups)))

    def dependencies(self) -> Requirements:
        """Yield what it always needs."""
        yield from self._expanded(self._table.entries("dependencies"), frozenset())

    def optional_dependencies(self, name: str) -> Requirements:
        """Yield what an extra, a group, or both of that name need.

        Raises:
            InvalidDependencyError: There is neither; those there are are listed.
        """
        key = canonicalize_name(name)
        if key not in self._extras and key not in self._groups:
            known = ", ".join(self.optional) or "none"
            raise InvalidDependencyError(
                f"There are no optional dependencies {quoted(name)}.{nearest(key, self.optional)} Known: {known}."
            )
        if key in self._extras:
            yield from self._extra(key, frozenset())
        if key in self._groups:
            yield from self._group(key, ())

    def _extra(self, name: str, seen: frozenset[str]) -> Requirements:
        if name not in seen:
            yield from self._expanded(self._extras[name], seen | {name})

    def _group(self, name: str, path: tuple[str, ...]) -> Requirements:
        if name in path:
            raise InvalidDependencyError(f"dependency-groups: {' includes '.join((*path, name))}.")
        for entry, where in self._groups[name]:
            if isinstance(entry, str):
                yield from self._expanded([(entry, where)], frozenset())
                continue
            if not isinstance(entry, dict):
                raise InvalidDependencyError(f"{where} must be text or a table, not {kind(entry)}.")
            include = Table(entry, where, self._remarks).check(INCLUDE_KEYS, strict=True).text("include-group")
            if canonicalize_name(include) not in self._groups:
                known = ", ".join(self._groups)
                raise InvalidDependencyError(f"{where}: there is no group {quoted(include)}. Known: {known}.")
            yield from self._group(canonicalize_name(include), (*path, name))

    def _expanded(self, entries: Iterable[tuple[object, str]], seen: frozenset[str]) -> Requirements:
        """Yield requirements; one on an extra of the project itself is replaced by what that extra needs."""
        for entry, where in entries:
            text = text_at(entry, where)
            requirement = Draft.pypi_requirement(text, where)
            if not self.name or requirement.name != self.name or requirement.url:
                yield text, where
                continue
            for extra in requirement.extras:
                if extra not in self._extras:
                    known = ", ".join(self._extras) or "none"
                    raise InvalidDependencyError(f"{where}: there is no extra {extra!r}. Known: {known}.")
                yield from self._extra(extra, seen)
