"""The logical lines of a requirements file, as pip reads them: continued lines joined, comments gone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Line", "logical_lines"]

# https://pip.pypa.io/en/stable/reference/requirements-file-format/
_COMMENT = re.compile(r"(^|\s+)#.*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line.

    Attributes:
        number: The number of its first line in the file, from 1.
        text: It, without comments and blanks around it; never empty.
    """

    number: int
    text: str


def logical_lines(text: str) -> Iterator[Line]:
    r"""Yield the logical lines of a requirements file.

    A line that ends in ``\`` goes on in the next one. A ``#`` begins a comment at the start of a line or behind a
    blank; a comment line ends a line that goes on, whether it ends in ``\`` or not.
    """
    parts: list[str] = []
    first = 0
    for number, physical in enumerate(text.splitlines(), start=1):
        is_comment = _COMMENT.match(physical) is not None
        first = first if parts else number
        if physical.endswith("\\") and not is_comment:
            parts.append(physical.strip("\\"))  # at both ends, as pip does
            continue
        parts.append(f" {physical}" if is_comment else physical)  # a comment behind a continued line needs its blank
        yield from _line(first, "".join(parts))
        parts = []
    yield from _line(first, "".join(parts))


def _line(number: int, text: str) -> Iterator[Line]:
    bare = _COMMENT.sub("", text).strip()
    if bare:
        yield Line(number, bare)
