from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from watched import FakeCall, FakeEnvironment, seen_program
from wetlands._cli import rows as row_texts
from wetlands._cli import watching
from wetlands._cli.rows import duration
from wetlands._store.keys import auth_key
from wetlands._view import answers as answering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watching, "_MEASURE_SECONDS", 0)
    return tmp_path / "instance (ü)"


def test_every_worker_is_listed_with_what_it_runs(wetlands: Run, root: Path) -> None:
    with seen_program(
        root, FakeEnvironment("cellpose", FakeCall(), None), FakeEnvironment("stardist", None, pid=os.getppid())
    ):
        done = wetlands("ps")

    assert 0 == done.exit_code
    heading, _, busy, idle, other = [line for line in done.stdout.splitlines() if line.strip()]
    assert [
        "environment",
        "#",
        "pid",
        "runs",
        "for",
        "progress",
        "message",
        "memory",
        "cpu",
        "program",
    ] == heading.split()
    assert f"cellpose 0 {os.getpid()} segment:run 2m00s 75% third image" in " ".join(busy.split())
    assert f"cellpose 1 {os.getpid()} idle" in " ".join(idle.split())
    assert "stardist" in other
    assert busy.rstrip().endswith(str(os.getpid()))


def test_the_list_is_json_for_programs(wetlands: Run, root: Path) -> None:
    with seen_program(root, FakeEnvironment("cellpose", FakeCall(), None)):
        busy, idle = json.loads(wetlands("ps", "--json").stdout)

    assert ("cellpose", 0, "busy", "segment:run", "abc-1") == tuple(
        busy[name] for name in ("environment", "worker", "state", "target", "task")
    )
    assert ("third image", 3, 4, False) == tuple(busy[name] for name in ("message", "current", "maximum", "persistent"))
    assert 119 < busy["seconds"] < 180
    assert busy["since"].endswith("+00:00")
    assert busy["memory"] > 1e6
    assert ("idle", None, os.getpid()) == tuple(idle[name] for name in ("state", "target", "program_pid"))


def test_one_environment_alone_is_listed(wetlands: Run, root: Path) -> None:
    with seen_program(root, FakeEnvironment("cellpose", None), FakeEnvironment("stardist", None, pid=os.getppid())):
        assert ["stardist"] == [
            row["environment"] for row in json.loads(wetlands("ps", "-n", "stardist", "--json").stdout)
        ]


def test_calls_that_wait_are_counted(wetlands: Run, root: Path) -> None:
    with seen_program(root, FakeEnvironment("cellpose", FakeCall(), queued=3, starting=1)):
        listed, (row,) = wetlands("ps").stdout, json.loads(wetlands("ps", "--json").stdout)

    assert listed.splitlines()[-1].endswith(f"{os.getpid()}: 1 starting, 3 waiting")
    assert 3 == row["queued"]


def test_where_nothing_runs_that_is_said_and_no_error(wetlands: Run, root: Path) -> None:
    done = wetlands("ps")

    assert (0, "") == (done.exit_code, done.stdout)
    assert "No workers run in" in done.stderr
    assert "[]" == wetlands("ps", "--json").stdout.strip()
    assert not (root / "state").exists()


def test_with_a_key_that_others_may_read_nobody_is_asked_and_what_was_written_down_is_shown(
    wetlands: Run, root: Path
) -> None:
    with seen_program(root, FakeEnvironment("cellpose", FakeCall())):
        auth_key(root)[0].chmod(0o644)
        listed = wetlands("ps")
        stacks = wetlands("stack", "-n", "cellpose")

    assert (0, 1) == (listed.exit_code, stacks.exit_code)
    assert "cellpose" in listed.stdout
    assert "(no answer)" in listed.stdout
    assert "Other users may read the key" in listed.stderr
    assert "Other users may read the key" in stacks.stderr


def test_stacks_are_shown_by_worker(wetlands: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        answering, "all_stacks", lambda workers: {worker.index: f"in worker {worker.index}" for worker in workers}
    )
    with seen_program(root, FakeEnvironment("cellpose", None, None)):
        both = wetlands("stack", "-n", "cellpose")
        one = wetlands("stack", "-n", "cellpose", "-w", "1", "--json")
        none = wetlands("stack", "-n", "cellpose", "-w", "7")
        other = wetlands("stack", "-n", "other")

    assert 0 == both.exit_code
    assert "Worker 0 of cellpose, program" in both.stdout
    assert "in worker 0\nWorker 1" in both.stdout
    assert [{"worker": 1, "program_pid": os.getpid(), "stack": "in worker 1"}] == json.loads(one.stdout)
    assert (1, 1) == (none.exit_code, other.exit_code)
    assert "No worker 7 of 'cellpose' answers" in none.stderr


@pytest.mark.parametrize(
    "seconds, text",
    [(None, ""), (0, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (90061, "1d01h")],
)
def test_times_are_short(seconds: float | None, text: str) -> None:
    assert text == duration(seconds)
    assert "" == row_texts.size(None)
