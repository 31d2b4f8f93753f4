"""A page of the documentation as a program: what its code blocks do, and what they say they print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(
    r"(?:^[ \t]*<!-- (?P<comment>[^\n]*?) -->\n+)?"
    r"^(?P<indent>[ \t]*)```(?P<language>\w*)(?P<options>[^\n]*)\n(?P<body>.*?)^(?P=indent)```[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"not run: (.*)")

Role = Literal["run", "file", "output", "not run", "other"]


@dataclass(frozen=True)
class Block:
    """One fenced block.

    - `run`: Python code, run in the order of the page, all in one program.
    - `file`: a title gives its name; written into the folder where the page runs.
    - `output`: text after code that is run; what that code prints, line by line.
    - `not run`: Python code after a comment `<!-- not run: why -->`.
    - `other`: everything else, such as shell commands.
    """

    line: int
    language: str
    role: Role
    body: str
    name: str = ""
    reason: str = ""


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        indent, language = len(match["indent"]), match["language"]
        body = "".join(part[indent:] or "\n" for part in match["body"].splitlines(keepends=True))
        title = _TITLE.search(match["options"])
        not_run = _NOT_RUN.fullmatch(match["comment"] or "")
        role: Role = "other"
        if title is not None:
            role = "output" if title[1] == "output" else "file"
        elif language == "python":
            role = "run" if not_run is None else "not run"
        yield Block(line, language, role, body, title[1] if title else "", not_run[1].strip() if not_run else "")


@dataclass(frozen=True)
class Program:
    """What a page runs: its files, one script, and the output that the script has to print."""

    files: dict[str, str]
    script: str
    output: str


def program(text: str) -> Program | None:
    """A page as a program, or None if nothing in it is run.

    Line numbers of the script are those of the page, so that a traceback points into it. A page shows all that its code
    prints.
    """
    found = list(blocks(text))
    if not any(block.role == "run" for block in found):
        return None
    script: list[str] = []
    for block in found:
        if block.role == "run":
            script += [""] * (block.line - len(script)) + block.body.splitlines()
    files = {block.name: block.body for block in found if block.role == "file"}
    output = "".join(block.body for block in found if block.role == "output")
    return Program(files, "\n".join(script) + "\n", output)
