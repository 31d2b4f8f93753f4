"""How a worker died, as far as can be found out."""

from __future__ import annotations

import signal
from dataclasses import dataclass

__all__ = ["UNKNOWN_CODE", "Autopsy"]

UNKNOWN_CODE = 256
"""Stands for the return code of a process that has ended and that nobody could wait for; no process has it."""


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What a dead worker left behind.

    Attributes:
        exit_code: Its exit code, or None when a signal ended it.
        signal: The number of that signal, or None.
        stderr: The last lines of its stderr, a trace of ``faulthandler`` included.
        peak: The most bytes of memory that it held, or None where that is not known.
        shortage: Why it was probably killed for lack of memory, or None.
    """

    exit_code: int | None
    signal: int | None
    stderr: tuple[str, ...]
    peak: int | None = None
    shortage: str | None = None

    @classmethod
    def of(
        cls, code: int | None, stderr: tuple[str, ...], *, peak: int | None = None, shortage: str | None = None
    ) -> Autopsy:
        """Make one of a return code as `subprocess` gives it."""
        if code is None or code == UNKNOWN_CODE:
            return cls(None, None, stderr, peak, shortage)
        return cls(None, -code, stderr, peak, shortage) if code < 0 else cls(code, None, stderr, peak, shortage)

    def __str__(self) -> str:
        """How it died, as the end of a sentence that begins with whose death it was."""
        if self.signal is None:
            return "died in an unknown way" if self.exit_code is None else f"died with exit code {self.exit_code}"
        try:
            name = f" ({signal.Signals(self.signal).name})"
        except ValueError:
            name = ""
        return f"died with signal {self.signal}{name}{self._for_lack_of_memory}"

    @property
    def _for_lack_of_memory(self) -> str:
        if self.shortage is None:
            return ""
        held = "" if self.peak is None else f"; it held up to {self.peak / 1e6:,.0f} MB"
        return f", probably for lack of memory: {self.shortage}{held}"

    @property
    def last_words(self) -> str | None:
        """What it wrote to stderr at last, and how much memory it held, as paragraphs; None when nothing is known."""
        lines = [] if self.peak is None else [f"The worker held up to {self.peak / 1e6:,.0f} MB of memory."]
        if self.stderr:
            lines += ["The last lines that the worker wrote to stderr:", *self.stderr]
        return "\n".join(lines) or None
