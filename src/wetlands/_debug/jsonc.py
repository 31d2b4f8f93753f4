"""JSON with comments and trailing commas, as VS Code writes it: where its values stand in the text.

A file that people edit is changed by replacing pieces of its text, so their comments and layout stay. What JSON is, RFC
8259 says; VS Code adds ``//`` and ``/* */`` comments, and a comma after the last element.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JsoncError", "Span", "elements", "members", "value", "whole"]

_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_PLAIN = re.compile(r"[^\s,\[\]{}:\"/]+")
_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[\]}])')
_CLOSING = {"{": "}", "[": "]"}


class JsoncError(ValueError):
    """The text is not JSON with comments; the message says where."""


@dataclass(frozen=True)
class Span:
    """A piece of a text.

    Attributes:
        start: Where it begins.
        end: Where it ends; this place does not belong to it.
    """

    start: int
    end: int


def value(text: str) -> object:
    """Return what the text means.

    Raises:
        JsoncError: It is not JSON with comments.
    """

    def unless_string(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith('"') else ""

    plain = _COMMA_OR_STRING.sub(unless_string, _COMMENT_OR_STRING.sub(unless_string, text))
    try:
        found: object = json.loads(plain)
    except json.JSONDecodeError as error:
        raise JsoncError(str(error)) from error
    return found


def whole(text: str) -> Span:
    """Return where the one value of a text stands.

    Raises:
        JsoncError: There is none.
    """
    start = _after_blank(text, 0)
    return Span(start, _end(text, start))


def members(text: str, span: Span) -> dict[str, Span]:
    """Return where the values of an object stand, by their keys.

    Raises:
        JsoncError: There is no object at that place.
    """
    found: dict[str, Span] = {}
    for key in _items(text, span, "{"):
        colon = _after_blank(text, key.end)
        if text[colon : colon + 1] != ":":
            raise _wrong(text, colon, "a colon")
        start = _after_blank(text, colon + 1)
        found[json.loads(text[key.start : key.end])] = Span(start, _end(text, start))
    return found


def elements(text: str, span: Span) -> list[Span]:
    """Return where the elements of an array stand.

    Raises:
        JsoncError: There is no array at that place.
    """
    return list(_items(text, span, "["))


def _items(text: str, span: Span, opening: str) -> Iterator[Span]:
    """Yield what follows the opening and each comma: an element, or the key of a member."""
    if text[span.start : span.start + 1] != opening:
        raise _wrong(text, span.start, repr(opening))
    place = _after_blank(text, span.start + 1)
    while text[place : place + 1] != _CLOSING[opening]:
        item = Span(place, _end(text, place))
        yield item
        place = _after_blank(text, item.end)
        if text[place : place + 1] == ":":  # a member: go on after its value
            place = _after_blank(text, _end(text, _after_blank(text, place + 1)))
        if text[place : place + 1] == ",":
            place = _after_blank(text, place + 1)
        elif text[place : place + 1] != _CLOSING[opening]:
            raise _wrong(text, place, f"a comma or {_CLOSING[opening]!r}")


def _end(text: str, start: int) -> int:
    """Return where the value that begins there ends."""
    first = text[start : start + 1]
    if first in _CLOSING and first:
        last = start + 1
        for item in _items(text, Span(start, len(text)), first):
            last = item.end
            colon = _after_blank(text, last)
            if first == "{":
                last = _end(text, _after_blank(text, colon + 1))
        last = _after_blank(text, last)
        if text[last : last + 1] == ",":
            last = _after_blank(text, last + 1)
        return last + 1
    match = (_STRING if first == '"' else _PLAIN).match(text, start)
    if match is None:
        raise _wrong(text, start, "a value")
    return match.end()


def _after_blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return place if match is None else match.end()


def _wrong(text: str, place: int, wanted: str) -> JsoncError:
    line = text.count("\n", 0, place) + 1
    return JsoncError(f"line {line}: {wanted} is expected, and there is {text[place : place + 20]!r}")
