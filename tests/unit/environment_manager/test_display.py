"""The display of builds on a terminal."""

from __future__ import annotations

import io
from contextlib import ExitStack

import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from wetlands._backends.api import Progress
from wetlands._manager.display import Display, counts_of, is_wanted
from wetlands._store.progress import BuildState, LoggedBuild


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        super().isatty()  # raises when it is closed
        return True


def closed() -> Terminal:
    stream = Terminal()
    stream.close()
    return stream


def bars(made: list[Bars], terminal: Terminal) -> Bars:
    line = "{task.fields[name]}|{task.fields[stage]}|{task.description}|{task.fields[counts]}"
    columns = [TextColumn(line, markup=False)]
    console = Console(file=terminal, force_terminal=True, width=100)
    made.append(Bars(*columns, console=console, auto_refresh=False, transient=True, redirect_stdout=False))
    return made[-1]


def shown(progress: Bars) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(progress.get_renderable())
    return [line.rstrip() for line in capture.get().splitlines() if line.strip()]


@pytest.mark.parametrize(
    "stream, env, expected",
    [
        (Terminal(), {"TERM": "xterm-256color"}, True),
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (closed(), {"TERM": "xterm"}, False),
        (None, {"TERM": "xterm"}, False),
    ],
)
def test_only_a_terminal_that_can_move_its_cursor_shows_builds(
    stream: io.StringIO | None, env: dict[str, str], expected: bool
) -> None:
    assert expected == is_wanted(stream, env)


@pytest.mark.parametrize(
    "state, expected",
    [
        (BuildState("solve", "Solving"), ""),
        (BuildState("download", "", 12_340_000, 56_000_000, "bytes"), "12.3/56.0 MB"),
        (BuildState("link", "", 3, 12, "packages"), "3/12 packages"),
    ],
)
def test_counts_are_written_for_people(state: BuildState, expected: str) -> None:
    assert expected == counts_of(state)


def test_each_build_has_a_line_while_it_is_under_way() -> None:
    made: list[Bars] = []
    display = Display(lambda: bars(made, Terminal()))
    one, two = LoggedBuild("one", "create"), LoggedBuild("two", "create")
    with ExitStack() as first:
        first.enter_context(display.line(one))
        one.stage("install", "Installing dask[array]")
        with display.line(two):
            two.stage("download", "Downloading python")
            two.progress(Progress("download", 1_000_000, 4_000_000, "bytes"))
            lines = ["one|install|Installing dask[array]|", "two|download|Downloading python|1.0/4.0 MB"]
            assert lines == shown(made[0])
        assert 1 == len(shown(made[0]))
    assert 1 == len(made)
    assert [] == shown(made[0])


def test_a_display_that_fails_harms_no_build() -> None:
    def fail() -> Bars:
        raise OSError("a strange terminal")

    built = []
    with Display(fail).line(LoggedBuild("one", "create")):
        built.append("one")

    assert ["one"] == built


def test_a_build_that_fails_leaves_no_display() -> None:
    made: list[Bars] = []
    with pytest.raises(KeyboardInterrupt), Display(lambda: bars(made, Terminal())).line(LoggedBuild("one", "create")):
        raise KeyboardInterrupt

    assert not made[0].live.is_started
