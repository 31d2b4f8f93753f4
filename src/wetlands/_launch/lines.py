"""Bytes of a process, as they come, into lines, each with the task that wrote it."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

MARK_END = "\x1e"
LONGEST_LINE = 64 * 1024

_LONGEST_TASK_ID = 256
_ENDS = re.compile(r"\r*\n|\r+")  # `\r\r\n` is what two translations of a newline make of it


class TaskLines(NamedTuple):
    """Lines, without their ends, that one task wrote; ``None`` where no task was running."""

    task_id: str | None
    lines: list[str]


class LineSplitter:
    r"""Splits what is read from a process into lines; how the bytes are cut into reads does not matter.

    * ``\n``, ``\r\n`` and a lone ``\r`` end a line. A lone ``\r`` is how progress bars redraw themselves: what stood
      there is a line at once, and nothing is no line.
    * A line longer than `longest` letters is cut into pieces, so what is kept is bounded.
    * Bytes that do not decode become U+FFFD.
    * ``<marker><task id>\x1e`` anywhere says that what follows is by that task (an empty id: by none). What stood
      before it is a line of the earlier task, also without its newline. The mark itself is never part of a line.

    Args:
        marker: How a mark begins: ``\x1e``, a word that only this process knows, a colon. ``None``: there are no marks.
        encoding: How the process encodes its text.
        longest: The letters of a line before it is cut.
    """

    def __init__(self, *, marker: bytes | None = None, encoding: str = "utf-8", longest: int = LONGEST_LINE) -> None:
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._marker = None if marker is None else marker.decode("ascii")
        self._longest = longest
        self._task: str | None = None
        self._undecided = ""  # the end of the last read, which may be the beginning of a mark
        self._begun: list[str] = []  # the pieces of an unfinished line
        self._begun_length = 0
        self._after_return: bool | None = None  # the last read ended in a lone `\r`: whether that ended a line

    def feed(self, data: bytes) -> list[TaskLines]:
        """The lines that these bytes complete."""
        return self._split(self._undecided + self._decode(data, False), final=False)  # noqa: FBT003 - C signature

    def end(self) -> list[TaskLines]:
        """What remains when nothing more comes: the last line may lack its newline."""
        return self._split(self._undecided + self._decode(b"", True), final=True)  # noqa: FBT003 - C signature

    def _split(self, text: str, *, final: bool) -> list[TaskLines]:
        found: list[TaskLines] = []
        lines: list[str] = []
        position = 0
        while (mark := self._next_mark(text, position)) is not None:
            start, end = mark
            self._add(text[position:start], lines)
            self._finish(lines)
            if lines:
                found.append(TaskLines(self._task, lines))
            lines = []
            self._task = text[start + len(self._marker or "") : end] or None
            position = end + 1
        undecided = self._undecided_from(text, position)
        if final:
            self._add(text[position : undecided if self._is_mark(text, undecided) else None], lines)
            self._finish(lines)
            undecided = len(text)
        else:
            self._add(text[position:undecided], lines)
        self._undecided = text[undecided:]
        if lines:
            found.append(TaskLines(self._task, lines))
        return found

    def _next_mark(self, text: str, position: int) -> tuple[int, int] | None:
        """Where the next complete mark starts, and where the letter that ends it is."""
        if self._marker is None:
            return None
        while (start := text.find(self._marker, position)) >= 0:
            name = start + len(self._marker)
            end = text.find(MARK_END, name, name + _LONGEST_TASK_ID + 1)
            if end >= 0:
                return start, end
            position = name
        return None

    def _undecided_from(self, text: str, position: int) -> int:
        """Where text begins that the next read may complete to a mark; the end of the text if nothing can."""
        if self._marker is None:
            return len(text)
        longest = len(self._marker) + _LONGEST_TASK_ID
        start = text.rfind(MARK_END, max(position, len(text) - longest))
        if start >= 0 and (self._marker.startswith(text[start:]) or text.startswith(self._marker, start)):
            return start
        return len(text)

    def _is_mark(self, text: str, start: int) -> bool:
        return self._marker is not None and text.startswith(self._marker, start)

    def _add(self, text: str, lines: list[str]) -> None:
        """Append the lines that a text without marks completes."""
        if self._after_return is not None and text:
            text = self._continue_return(text, lines)
        if "\r" in text:
            text = self._add_with_returns(text, lines)
        *complete, begun = text.split("\n")
        if complete:
            self._complete(complete[0], lines)
            if len(text) <= self._longest:  # then so is each of its lines: the usual case, and the fast one
                lines += complete[1:]
            else:
                for line in complete[1:]:
                    self._complete(line, lines)
        self._begin(begun, lines)

    def _continue_return(self, text: str, lines: list[str]) -> str:
        """Decide what a lone carriage return at the end of the last read was, now that more is known."""
        rest = text.lstrip("\r")
        if not rest:
            return ""
        if rest.startswith("\n"):
            if not self._after_return:
                lines.append("")
            rest = rest[1:]
        self._after_return = None
        return rest

    def _add_with_returns(self, text: str, lines: list[str]) -> str:
        position = 0
        for end in _ENDS.finditer(text):
            line = text[position : end.start()]
            position = end.end()
            lone = end.group()[-1] == "\r"
            written = bool(line or self._begun)
            if written or not lone:
                self._complete(line, lines)
            if lone and position == len(text):
                self._after_return = written
        return text[position:]

    def _complete(self, line: str, lines: list[str]) -> None:
        if self._begun:
            line = "".join((*self._begun, line))
            self._begun.clear()
            self._begun_length = 0
        while len(line) > self._longest:
            lines.append(line[: self._longest])
            line = line[self._longest :]
        lines.append(line)

    def _begin(self, text: str, lines: list[str]) -> None:
        """Keep the beginning of a line, never more of it than one line may have."""
        if not text:
            return
        self._begun.append(text)
        self._begun_length += len(text)
        if self._begun_length > self._longest:
            line = "".join(self._begun)
            whole = (len(line) - 1) // self._longest * self._longest
            lines += [line[i : i + self._longest] for i in range(0, whole, self._longest)]
            self._begun = [line[whole:]]
            self._begun_length = len(line) - whole

    def _finish(self, lines: list[str]) -> None:
        """End the line that was begun, if there is one."""
        if self._begun:
            self._complete("", lines)
        self._after_return = None
