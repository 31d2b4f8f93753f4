"""Reads ``environment.yml``: conda's format, with the selectors of micromamba."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._spec.checks import kind, quoted
from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys
from wetlands._spec.config.requirements import Requirements
from wetlands._spec.config.selectors import selects
from wetlands._spec.config.tables import Table, text_at
from wetlands._spec.config.yaml import yaml_document
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.source import Source

__all__ = ["KEYS", "read_environment_yml"]

KEYS = keys(
    "channels dependencies variables",
    noted={
        "name": "the environment has the name that the program gives it.",
        "prefix": "the environment lies where this library keeps it.",
    },
    warned={
        "platforms": "packages are installed for this machine, whether it is among these or not.",
        "channel_priority channel-priority": "channels are searched strictly in their order.",
        "category": "all that the file lists is installed.",
    },
)
_SELECTOR = re.compile(r"sel\(\s*([^()]*?)\s*\)")
_SYSTEMS = ("unix", "linux", "osx", "win")


def read_environment_yml(text: str, source: Source) -> Draft:
    """Read an ``environment.yml``.

    Raises:
        InvalidDependencyError: It cannot be understood; the message begins with the place.
    """
    draft = Draft(source)
    content = yaml_document(text, source.path.name)
    if isinstance(content, dict):
        content = {
            key: value for key, value in content.items() if value != ""
        }  # "dependencies:" with nothing behind it
    document = Table(content, f"{source.path.name}: ", draft.remarks).check(KEYS)
    draft.channels += document.texts("channels")
    requirements = Requirements(draft)
    for entry, where in document.entries("dependencies"):
        _dependency(entry, where, requirements, draft)
    variables = document.table("variables")
    for name in variables:
        draft.add_variable(name, variables.get(name), variables.place(name))
    return draft


def _dependency(entry: object, where: str, requirements: Requirements, draft: Draft) -> None:
    if isinstance(entry, str):
        draft.add_conda(entry, where)
        return
    if not isinstance(entry, dict):
        raise InvalidDependencyError(f'{where} must be text or a table such as "pip:", not {kind(entry)}.')
    table = Table(entry, where, draft.remarks)
    for key in table:
        selector = _SELECTOR.fullmatch(key)
        if key == "pip":
            for line, place in _list(table, key):
                requirements.line(text_at(line, place), place, folder=draft.source.base)
        elif selector is None:
            raise InvalidDependencyError(f'{table.place(key)}: only "pip" and "sel(system)" may stand here.')
        elif selector[1] not in _SYSTEMS:
            known = ", ".join(_SYSTEMS)
            raise InvalidDependencyError(f"{where}: {quoted(selector[1])} is not a system. Known: {known}.")
        elif selects(selector[1], draft.source.platform):
            for selected, place in _list(table, key):
                _dependency(selected, place, requirements, draft)


def _list(table: Table, key: str) -> list[tuple[object, str]]:
    """The entries of a list; a lone text is one entry, and nothing is none."""
    value = table.get(key)
    if isinstance(value, list):
        return table.entries(key)
    return [(value, table.place(key))] if value else []
