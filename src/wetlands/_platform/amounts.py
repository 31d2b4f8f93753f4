"""Amounts of memory, as people write and read them."""

from __future__ import annotations

import re

__all__ = ["amount_of", "gigabytes"]

_UNITS = {"": 1, "B": 1} | {
    f"{letter}{middle}B": base**power
    for middle, base in (("", 1000), ("I", 1024))
    for power, letter in enumerate("KMGT", start=1)
}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def amount_of(text: str) -> int | None:
    """The bytes that a text such as ``2GB`` or ``512MiB`` means; None when it means none."""
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2].upper() not in _UNITS:
        return None
    return int(float(match[1]) * _UNITS[match[2].upper()])


def gigabytes(amount: int) -> str:
    """An amount of memory for people."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if amount >= size:
            return f"{amount / size:.3g} {unit}"
    return f"{amount} bytes"
