"""Commands of users, run by a real shell."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wetlands._launch import commands
from wetlands._launch.commands import start_commands
from wetlands._launch.output import ProcessLogger
from wetlands._platform.process import identify, kill_tree
from wetlands._platform.system import CURRENT
from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    import logging

DEADLINE = 60.0

pytestmark = pytest.mark.skipif(CURRENT != "posix", reason="the lines are written for a POSIX shell")


def run(*lines: str, **popen_kwargs: object) -> tuple[int, list[str]]:
    process = start_commands(lines, environment=dict(os.environ), popen_kwargs=popen_kwargs)
    output = ProcessLogger(process, log=False)
    code = process.wait(DEADLINE)
    assert output.join(DEADLINE)
    return code, output.get_output()


@pytest.fixture(params=["/bin/bash", "/bin/sh"], autouse=True)
def shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_BASH", Path(request.param))


def test_lines_run_in_one_shell_until_one_fails() -> None:
    assert (3, ["first", "set"]) == run("echo first", "X=set", "echo $X", "(exit 3)", "echo never")


def test_lines_that_belong_together_may_be_written_apart() -> None:
    assert (0, ["1", "2", "text"]) == run("for i in 1 2; do", "echo $i # a comment", "done", "cat <<END", "text", "END")


def test_quotes_spaces_and_other_scripts_survive(tmp_path: Path) -> None:
    folder = tmp_path / "a (b) 'c' \"d\" é 猫 $HOME"
    folder.mkdir()

    assert (0, [str(folder), "it's"]) == run("pwd", 'echo "it\'s"', cwd=folder)
    assert (0, ["é 猫 (x) $"]) == run("echo 'é 猫 (x) $'")


def test_stderr_comes_with_stdout_and_stdin_is_empty() -> None:
    assert (0, ["out", "err", "end of input"]) == run("echo out; echo err >&2", "read line || echo end of input")


def test_a_variable_of_the_user_is_added_to_those_of_the_environment() -> None:
    process = start_commands(
        ["echo $GIVEN $ADDED"], environment={**os.environ, "GIVEN": "1"}, popen_kwargs={"env": {"ADDED": "2"}}
    )
    assert ("1 2\n", None) == process.communicate(timeout=DEADLINE)


def test_bytes_that_are_no_text_are_replaced() -> None:
    process = start_commands(["printf 'a\\377b\\n'"], environment=dict(os.environ))

    assert ("a\ufffdb\n", None) == process.communicate(timeout=DEADLINE)


def test_the_whole_tree_can_be_stopped() -> None:
    process = start_commands(["sleep 600 & sleep 600 & echo started", "wait"], environment=dict(os.environ))
    output = ProcessLogger(process, log=False)
    assert "started" == output.wait_for_line("started".__eq__, DEADLINE)
    identity = identify(process.pid)
    assert identity is not None

    assert os.getpgid(process.pid) == process.pid
    assert kill_tree(identity)

    assert process.wait(DEADLINE) < 0
    assert output.join(DEADLINE)


def test_nothing_of_the_commands_is_logged() -> None:
    records: list[logging.LogRecord] = []
    handler = attach_log_handler(records.append, "DEBUG")
    process = start_commands(["TOKEN=s3cret", "echo done"], environment={**os.environ, "KEY": "s3cret"})
    output = ProcessLogger(process)
    assert 0 == process.wait(DEADLINE)
    assert output.join(DEADLINE)
    logger.removeHandler(handler)

    assert ["done"] == [record.getMessage() for record in records]


def test_a_folder_that_does_not_exist_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start_commands(["true"], environment=dict(os.environ), popen_kwargs={"cwd": tmp_path / "missing"})


def test_a_powershell_script_that_cannot_be_started_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[bytes] = []

    def refuse(argv: list[str], **_: object) -> None:
        written.append(Path(argv[-1]).read_bytes())
        raise FileNotFoundError(argv[0])

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(FileNotFoundError, match=r"powershell\.exe"):
        start_commands(["echo é"], environment={}, system="windows")

    assert [] == list(tmp_path.iterdir())
    assert written[0].startswith(b"\xef\xbb\xbf")
    assert "echo é\r\n".encode() in written[0]
