"""The log that a keeper writes is the one that programs write, and bounded as theirs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from wetlands_worker import keeper_log
from wetlands_worker.keeper_log import KeeperLog, Lines

if TYPE_CHECKING:
    from pathlib import Path

MARK = b"\x1enonce:"
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"


def marked(task: str) -> bytes:
    return MARK + task.encode() + b"\x1e"


def test_lines_are_cut_where_they_end_and_go_to_the_task_that_is_marked() -> None:
    lines = Lines(MARK)

    found = [*lines.feed(b"before\nbe" + marked("s-1")), *lines.feed(b"first\r\nsec"), *lines.feed(b"ond\rthird\n")]
    found += lines.feed(marked("") + b"nobody\n")

    assert [("", "before"), ("", "be"), ("s-1", "first"), ("s-1", "second"), ("s-1", "third"), ("", "nobody")] == found


@pytest.mark.parametrize("cut", range(1, 30))
def test_it_does_not_matter_how_the_bytes_come(cut: int) -> None:
    text = b"one\n" + marked("s-12") + b"two\n" + marked("") + b"rest"
    lines = Lines(MARK)

    found = [*lines.feed(text[:cut]), *lines.feed(text[cut:]), *lines.feed(b"")]

    assert [("", "one"), ("s-12", "two"), ("", "rest")] == found


def test_what_a_program_wrote_down_itself_only_tells_the_task() -> None:
    lines = Lines(MARK)
    lines.skip(b"begun" + marked("s-2") + b"gone")

    assert [("s-2", "here")] == lines.feed(b"here\n")


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    lines = Lines(MARK)

    found = lines.feed(b"x" * (1 << 17))

    assert [1 << 17] == [len(line) for _, line in found]


def test_the_lines_of_the_file_are_those_of_a_program(tmp_path: Path) -> None:
    path = tmp_path / "environments.log"
    log = KeeperLog(str(path), "cellpose")
    log.hide(["hunter2", "hunter22"])

    log.wrote(1, "stderr", [("s-3", "the password is hunter22"), ("", "plain")])
    log.say("hello", "WARNING")

    first, second, third = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"{STAMP} INFO    cellpose worker 1 task s-3 stderr: the password is \*\*\*", first)
    assert re.fullmatch(rf"{STAMP} INFO    cellpose worker 1 stderr: plain", second)
    assert re.fullmatch(rf"{STAMP} WARNING cellpose: hello", third)


def test_a_full_file_is_begun_anew_and_three_earlier_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_log, "_MOST_BYTES", 100)
    log = KeeperLog(str(tmp_path / "environments.log"), "e")

    for number in range(8):
        log.say(f"{number} " + "x" * 40)

    assert ["environments.log", *(f"environments.log.{number}" for number in (1, 2, 3))] == sorted(
        path.name for path in tmp_path.iterdir()
    )
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    KeeperLog(str(tmp_path / "gone" / "environments.log"), "e").say("hello")
    KeeperLog("", "e").say("hello")

    assert [] == list(tmp_path.iterdir())
