"""What a reader of config files has to say about what it did not honour."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from wetlands._spec.secrets import masked

__all__ = ["Remark", "Remarks"]


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence for the log.

    Attributes:
        level: A level of `logging`: WARNING for what may make the environment another one, INFO for the rest.
        text: The place and the sentence, credentials hidden.
    """

    level: int
    text: str


class Remarks:
    """Collects remarks, each once."""

    def __init__(self) -> None:
        self._remarks: dict[Remark, None] = {}

    def warn(self, where: str, text: str) -> None:
        """Say that something is not honoured which may make the environment another one."""
        self._remarks[Remark(logging.WARNING, masked(f"{where}: {text}"))] = None

    def note(self, where: str, text: str) -> None:
        """Say that something is not honoured which makes no difference to what is installed."""
        self._remarks[Remark(logging.INFO, masked(f"{where}: {text}"))] = None

    def all(self) -> tuple[Remark, ...]:
        """Return them in the order they were made."""
        return tuple(self._remarks)
