from __future__ import annotations

import io
import json
import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from watched import FakeCall, FakeEnvironment, seen_program
from wetlands._cli.rows import rows
from wetlands._cli.top import Frame
from wetlands._platform.process import ProcessIdentity
from wetlands._store.parties import Party
from wetlands._tasks.events import Progress
from wetlands._view.meter import Load
from wetlands._view.survey import SeenEnvironment, SeenWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Run = Callable[..., Result]

PROGRAM = Party("program", ProcessIdentity(4711, 1.0), "analysis.py", "unix:/a", 2, 1.0, ())
BUSY = SeenWorker(0, 4712, "busy", "segment:run", "abc-1", 940.0, "third image", 3, 4)


def frame(*seen: SeenEnvironment, loads: dict[int, Load] | None = None) -> Frame:
    return Frame(Path("/data/wetlands"), seen, rows(seen, loads or {}, now=1000.0), "12:34:56")


def screen(shown: Frame, width: int = 120, height: int | None = 30) -> list[str]:
    """The lines on a terminal of that size."""
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(shown.rendered(width, height, foot="q quits"))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def cellpose(*workers: SeenWorker, queued: int = 0, starting: int = 0, problem: str | None = None) -> SeenEnvironment:
    return SeenEnvironment("cellpose", PROGRAM, workers, queued, starting, problem)


def test_a_frame_shows_environments_workers_tasks_and_progress() -> None:
    idle = SeenWorker(1, 4713, "idle")
    loads = {4712: Load(1_234_000_000, 98.7, stopped=False), 4713: Load(5_000_000, 0.0, stopped=False)}
    lines = screen(frame(cellpose(BUSY, idle, queued=3, starting=1), loads=loads))

    assert "wetlands top  12:34:56  /data/wetlands" == lines[0]
    assert "1 program · 1 environment · 2 workers, 1 busy · 3 calls waiting" == lines[1]
    busy, second, waiting = (line.split() for line in lines[5:8])
    expected = [
        "cellpose",
        "0",
        "4712",
        "segment:run",
        "1m00s",
        "75%",
        "━━━━━━━━──",
        "third",
        "image",
        "1.23",
        "GB",
        "99%",
    ]
    assert expected == busy
    assert ["analysis.py", "4711", "1", "4713", "idle", "5", "MB", "0%"] == second
    assert ["1", "starting,", "3", "waiting"] == waiting
    assert "q quits" == lines[-1]


def test_where_nothing_runs_that_is_said() -> None:
    lines = screen(frame())

    assert "0 programs · 0 environments · 0 workers, 0 busy · 0 calls waiting" == lines[1]
    assert "No workers run here." in lines


@pytest.mark.parametrize("width", [40, 60, 80, 99, 100, 200])
def test_no_line_is_longer_than_the_window_is_wide_and_none_is_broken(width: int) -> None:
    long = replace(BUSY, target="a_module_with_a_long_name:and_a_function", message="a long message " * 20)
    seen = [replace(cellpose(long, queued=2), environment="an environment with a long name"), cellpose(BUSY)]
    lines = screen(frame(*seen), width)

    assert max(map(len, lines)) <= width
    assert len(screen(frame(*seen), 200)) == len(lines)


@pytest.mark.parametrize("height", [12, 14, 20])
def test_what_is_higher_than_the_window_is_counted(height: int) -> None:
    workers = [replace(BUSY, index=index, pid=index) for index in range(50)]
    lines = screen(frame(cellpose(*workers, queued=1)), height=height)
    hidden = next(line for line in lines if line.startswith("…"))

    assert len(lines) <= height
    shown = sum("segment:run" in line for line in lines)
    assert f"… and {50 - shown} more; a higher window shows them" == hidden


def test_a_program_that_does_not_answer_is_named_and_so_are_stopped_workers() -> None:
    silent = cellpose(SeenWorker(0, 4712), problem="late")
    lines = screen(frame(silent))
    assert any("(no answer)" in line for line in lines)
    assert "Program analysis.py (pid 4711) does not answer: late." in lines

    stopped = screen(frame(cellpose(BUSY), loads={4712: Load(1, 0.0, stopped=True)}))
    assert any("segment:run (stopped)" in line for line in stopped)


def test_two_managers_of_one_program_are_told_apart() -> None:
    lines = screen(frame(cellpose(BUSY), cellpose(replace(BUSY, pid=4799))))

    assert [1, 1] == [sum(f" {pid} " in line for line in lines) for pid in (4712, 4799)]


def test_counts_without_an_end_are_shown_as_they_are() -> None:
    lines = screen(frame(cellpose(replace(BUSY, maximum=None))))
    assert any("3 third image" in line for line in lines)


def test_persistent_workers_without_a_program_are_kept() -> None:
    keeper = replace(PROGRAM, kind="keeper", program="cellpose")
    idle = SeenWorker(1, 4713, "idle", kept=2)
    lines = screen(frame(SeenEnvironment("cellpose", keeper, (BUSY, idle))))
    assert any("(kept) 4711" in line and "idle, keeps 2 results" in line for line in lines)


def test_once_is_once(wetlands: Run, tmp_path: Path) -> None:
    call = FakeCall(progress=Progress("third image", 3, 4))
    with seen_program(tmp_path / "instance (ü)", FakeEnvironment("cellpose", call)):
        done = wetlands("top", "--once")

    assert 0 == done.exit_code
    assert "segment:run" in done.stdout
    assert str(os.getpid()) in done.stdout


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept; the third time, Ctrl-C is pressed."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    return waits


def test_without_a_terminal_one_text_follows_the_other_until_ctrl_c(wetlands: Run, waits: list[float]) -> None:
    done = wetlands("top", "-i", "0.5")

    assert (0, [0.5, 0.5, 0.5]) == (done.exit_code, waits)
    assert 3 == done.stdout.count("wetlands top")


def test_once_as_json_is_one_line(wetlands: Run, tmp_path: Path) -> None:
    call = FakeCall(progress=Progress("third image", 3, 4))
    with seen_program(tmp_path / "instance (ü)", FakeEnvironment("cellpose", call)):
        one = wetlands("top", "--once", "--json")

    (line,) = one.stdout.splitlines()
    told = json.loads(line)
    assert [("cellpose", "busy", "third image", 3)] == [
        (row["environment"], row["state"], row["message"], row["current"]) for row in told["workers"]
    ]
    assert [] == told["problems"]
    assert datetime.fromisoformat(told["time"]).tzinfo is not None


def test_as_json_each_look_is_one_line_until_ctrl_c(wetlands: Run, waits: list[float]) -> None:
    done = wetlands("top", "--json", "-i", "0.5")
    assert [0.5, 0.5, 0.5] == waits
    assert (0, [[], [], []]) == (done.exit_code, [json.loads(line)["workers"] for line in done.stdout.splitlines()])
