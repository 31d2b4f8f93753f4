"""One spelling for each set of PEP 440 version clauses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.specifiers import Specifier

__all__ = ["specifier_text"]

_ORDER = ("===", "==", "~=", ">=", ">", "<=", "<", "!=")  # as people write them: what is wanted, then what is not
_ARBITRARY = re.compile(r"[A-Za-z0-9._+!-]+")  # PEP 440 lets `===` compare any text; versions need no more than this


def specifier_text(clauses: Iterable[Specifier]) -> str:
    """Write clauses in one order, each once, every version in its normal form.

    Returns:
        The text, such as ``">=1.20,<2"``; empty when there is no clause.

    Raises:
        ValueError: A version cannot be read.
    """
    texts = {(_ORDER.index(clause.operator), clause.operator + _version(clause)) for clause in clauses}
    return ",".join(text for _, text in sorted(texts))


def _version(clause: Specifier) -> str:
    text = clause.version
    if clause.operator == "===":
        if not _ARBITRARY.fullmatch(text):
            raise ValueError(f"{text!r} is not a version")
        return text
    if text.endswith(".*"):
        return f"{Version(text.removesuffix('.*'))}.*"
    return str(Version(text))
