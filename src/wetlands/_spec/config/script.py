"""Reads the header of a Python script (PEP 723)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys
from wetlands._spec.config.tables import text_at
from wetlands._spec.config.toml_tables import toml_table
from wetlands._spec.config.uv_table import UvTable
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.source import Source

__all__ = ["SCRIPT_KEYS", "read_script"]

SCRIPT_KEYS = keys("dependencies requires-python tool")
# The expression is the one of the specification.
# https://packaging.python.org/en/latest/specifications/inline-script-metadata/
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def read_script(text: str, source: Source) -> Draft:
    """Read what a script says it needs.

    Raises:
        InvalidDependencyError: It has no such header, or one that cannot be understood.
    """
    draft = Draft(source)
    document = toml_table(_header(text, source), draft).check(SCRIPT_KEYS)
    uv = UvTable(document.table("tool").table("uv"), draft)
    if "requires-python" in document:
        draft.add_python(document.text("requires-python"), document.place("requires-python"))
    for entry, where in document.entries("dependencies"):
        uv.add(text_at(entry, where), where)
    return draft


def _header(text: str, source: Source) -> str:
    text = text.replace("\r\n", "\n")
    blocks = [block for block in _BLOCK.finditer(text) if block["type"] == "script"]
    if len(blocks) != 1:
        found = "no" if not blocks else "more than one"
        raise InvalidDependencyError(
            f'{source.path.name} has {found} header that says what it needs. Write "# /// script", its lines as '
            'comments, and "# ///" (PEP 723).'
        )
    lines = blocks[0]["content"].splitlines(keepends=True)
    return "".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
