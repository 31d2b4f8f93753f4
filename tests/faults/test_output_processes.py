"""Processes that write in every way that has broken a reader before."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from wetlands._launch.output import ProcessLogger
from wetlands._logs.instance import InstanceLogs
from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 60.0
MARKER = b"\x1en0nce:"


def start(program: str, *, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
    )


def finish(process: subprocess.Popen[bytes], output: ProcessLogger) -> None:
    assert 0 == process.wait(DEADLINE)
    assert output.join(DEADLINE)


def test_a_print_without_a_newline_is_read_when_the_process_ends() -> None:
    process = start("print('no newline', end='')")
    output = ProcessLogger(process, log=False)
    finish(process, output)

    assert ["no newline"] == output.get_output()


def test_a_print_without_a_newline_belongs_to_its_task() -> None:
    process = start(f"""
import os
for task in (b"1", b"2", b""):
    os.write(1, {MARKER!r} + task + b"\\x1e")
    os.write(1, b"printed by " + (task or b"nobody"))
""")
    found: list[tuple[str, object]] = []
    output = ProcessLogger(process, log=False, marker=MARKER)
    output.subscribe(lambda line, context: found.append((line, context["task_id"])))
    finish(process, output)

    assert [("printed by 1", "1"), ("printed by 2", "2"), ("printed by nobody", None)] == found


def test_a_flood_on_stderr_neither_blocks_the_process_nor_fills_the_memory(tmp_path: Path) -> None:
    logs = InstanceLogs(tmp_path)
    logs.open()
    process = start("""
import os
block = b"".join(b"line %07d of a flood, as a library writes that warns in a loop\\n" % n for n in range(1000))
for _ in range(100 * 1024 * 1024 // len(block)):
    view = memoryview(block)
    while view:
        view = view[os.write(2, view):]
os.write(1, b"survived\\n")
""")
    before = psutil.Process().memory_info().rss
    output = ProcessLogger(process, {"env_name": "flood", "instance": logs.instance})
    peak = before
    while not output.join(0.05):
        peak = max(peak, psutil.Process().memory_info().rss)
    finish(process, output)
    logs.close()

    assert ["survived"] == output.get_stdout_output()
    assert 10_000 == len(output.get_stderr_output())
    assert peak - before < 60 * 1024 * 1024
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 50 * 1024 * 1024
    newest = (tmp_path / "environments.log").read_text()[-1024 * 1024 :]  # two readers: not in one order
    assert "flood stderr: line 0000999 of" in newest
    assert "flood stdout: survived\n" in newest


def test_a_hundred_thousand_lines_reach_a_subscriber_without_a_gap() -> None:
    process = start("print('\\n'.join(map(str, range(100_000))))")
    found: list[str] = []
    output = ProcessLogger(process, log=False)
    output.subscribe(lambda line, _: found.append(line))
    finish(process, output)

    assert [str(number) for number in range(100_000)] == found


def test_a_hundred_thousand_lines_are_read_logged_and_written_in_a_moment(tmp_path: Path) -> None:
    logs = InstanceLogs(tmp_path)
    logs.open()
    process = start("import sys; sys.stdout.write('a line of output, as programs write them\\n' * 100_000)")
    began = time.perf_counter()
    output = ProcessLogger(process, {"instance": logs.instance})
    finish(process, output)
    took = time.perf_counter() - began
    logs.close()

    assert 100_000 == (tmp_path / "environments.log").read_text().count("\n")
    assert took < 5  # about 0.1 s on an idle machine


def test_a_hundred_megabytes_without_a_newline_are_cut_and_not_gathered() -> None:
    process = start("""
import os
for _ in range(1600):
    view = memoryview(b"x" * 65536)
    while view:
        view = view[os.write(1, view):]
""")
    before = psutil.Process().memory_info().rss
    output = ProcessLogger(process, log=False)
    finish(process, output)

    assert all(len(line) <= 65536 for line in output.get_output())
    assert psutil.Process().memory_info().rss - before < 60 * 1024 * 1024


def test_two_streams_that_write_in_turn_are_both_read_whole() -> None:
    process = start("""
import sys
for number in range(3000):
    print("out", number)
    print("err", number, file=sys.stderr)
""")
    output = ProcessLogger(process, log=False)
    finish(process, output)

    assert [f"out {number}" for number in range(3000)] == output.get_stdout_output()
    assert [f"err {number}" for number in range(3000)] == output.get_stderr_output()


def test_merged_streams_keep_the_order_in_which_they_were_written() -> None:
    process = start(
        "import sys\nfor n in range(100): print('out', n); print('err', n, file=sys.stderr)", stderr=subprocess.STDOUT
    )
    output = ProcessLogger(process, log=False)
    finish(process, output)

    assert [f"{name} {n}" for n in range(100) for name in ("out", "err")] == output.get_output()


def test_a_log_handler_that_stands_still_does_not_stop_the_process() -> None:
    release = threading.Event()

    def stand_still(_: logging.LogRecord) -> None:
        release.wait(DEADLINE)

    handler = attach_log_handler(stand_still, logging.INFO)
    process = start("print(('x' * 100 + '\\n') * 2000)")  # more than a pipe holds, less than the queue
    output = ProcessLogger(process)

    assert 0 == process.wait(DEADLINE)
    release.set()
    assert output.join(DEADLINE)
    logger.removeHandler(handler)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_keeps_the_pipe_is_read_until_it_ends() -> None:
    process = start("""
import os, time
if os.fork() == 0:
    time.sleep(0.3)
    print("child")
""")
    output = ProcessLogger(process, log=False)
    assert 0 == process.wait(DEADLINE)

    assert "child" == output.wait_for_line("child".__eq__, DEADLINE)
    assert output.join(DEADLINE)
