"""Running a tool: what is heard of it, how it is stopped, and that nothing of it is left."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from backends import RecordingObserver
from wetlands._backends.tool import run_tool
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LONG = 600  # seconds that a tool would go on, were it not stopped


def python(source: str, *arguments: str) -> list[str]:
    return [sys.executable, "-u", "-c", source, *arguments]


def run(argv: Sequence[str], observer: RecordingObserver | None = None, cwd: Path | None = None) -> list[str]:
    return run_tool(argv, env=os.environ, observer=observer or RecordingObserver(), cwd=cwd)


def descendants() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


def test_each_line_is_heard_from_both_streams_and_returned() -> None:
    observer = RecordingObserver()

    lines = run(python("import sys; print('out'); print('err', file=sys.stderr); print('last', end='')"), observer)

    assert ["out", "err", "last"] == observer.lines
    assert observer.lines == lines


def test_progress_that_overwrites_its_line_is_heard_step_by_step() -> None:
    assert ["10 %", "20 %", "done"] == run(python(r"print('10 %\r20 %\rdone', end='\r\n')"))


def test_lines_are_heard_while_the_tool_still_runs() -> None:
    # The tool goes on only once the observer has reacted to its first line.
    observer = RecordingObserver(stop_when=lambda seen: seen.lines == ["first"])

    with pytest.raises(ProvisioningCanceledError):
        run(python(f"import time; print('first'); time.sleep({LONG})"), observer)

    assert [] == descendants()


def test_output_that_is_no_utf_8_is_heard_with_replacements() -> None:
    assert ["caf\N{REPLACEMENT CHARACTER}"] == run(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9\n')"))


def test_the_tool_has_no_standard_input_to_wait_for() -> None:
    assert ["''"] == run(python("import sys; print(repr(sys.stdin.read()))"))


def test_the_tool_runs_in_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    assert [str(tmp_path.resolve())] == run(python("import os; print(os.getcwd())"), cwd=tmp_path)


def test_a_failure_carries_exit_code_and_the_end_of_the_output() -> None:
    source = "import sys\nfor n in range(1000): print('line', n)\nsys.exit(3)"

    with pytest.raises(CommandFailedError, match="line 999") as failure:
        run(python(source))

    assert 3 == failure.value.exit_code
    assert "line 999" == failure.value.output[-1]
    assert len(failure.value.output) < 100


def test_credentials_are_masked_in_command_output_and_error() -> None:
    observer = RecordingObserver()
    source = "import sys; print('fetching', sys.argv[1]); sys.exit(1)"

    with pytest.raises(CommandFailedError) as failure:
        run(python(source, "https://me:s3cret@index.example/simple"), observer)

    assert ["fetching https://***@index.example/simple"] == observer.lines
    assert "s3cret" not in str(failure.value) + repr(failure.value)


@pytest.mark.parametrize("source", ["raise SystemExit(1)", f"import time; print('ready'); time.sleep({LONG})"])
def test_arguments_that_are_not_to_be_shown_are_in_no_error(source: str) -> None:
    observer = RecordingObserver(stop_when=lambda seen: "ready" in seen.lines)

    with pytest.raises(ProvisioningError, match="the command of the user") as failure:
        run_tool(python(source, "s3cret"), env=os.environ, observer=observer, label="the command of the user")

    assert "s3cret" not in repr(failure.value)


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(ProvisioningError, match="no-such-tool"):
        run(["no-such-tool", "--version"])


def test_a_tool_is_not_started_when_the_build_is_already_cancelled(tmp_path: Path) -> None:
    with pytest.raises(ProvisioningCanceledError):
        run(python("open('started', 'w').close()"), RecordingObserver(stop_when=lambda _: True), cwd=tmp_path)

    assert [] == list(tmp_path.iterdir())


# A tool that ignores every polite request, with a child that does too.
STUBBORN = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True);"
subprocess.run([sys.executable, "-c", child + "time.sleep({LONG})"])
"""


def test_cancelling_kills_the_tool_and_its_children_whatever_they_ignore() -> None:
    with pytest.raises(ProvisioningCanceledError):
        run(python(STUBBORN), RecordingObserver(stop_when=lambda seen: "ready" in seen.lines))

    assert [] == descendants()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_kills_the_tool_and_its_children_and_goes_on(error: type[BaseException]) -> None:
    class Interrupted(RecordingObserver):
        def output(self, line: str) -> None:
            raise error

    with pytest.raises(error):
        run(python(STUBBORN), Interrupted())

    assert [] == descendants()


def test_a_tool_that_closed_its_output_can_still_be_cancelled() -> None:
    source = f"import os, time; print('bye'); os.close(1); os.close(2); time.sleep({LONG})"
    asked = iter(range(1000))

    with pytest.raises(ProvisioningCanceledError):
        run(python(source), RecordingObserver(stop_when=lambda _: next(asked) > 8))

    assert [] == descendants()


def test_a_child_left_behind_does_not_keep_us_waiting() -> None:
    source = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep({LONG})']); print(1)"
    )

    assert ["1"] == run(python(source))
    assert [] == descendants()
