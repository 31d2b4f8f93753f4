"""Children are reaped once, by whoever asks first, and what they held is known then."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading

import pytest

from wetlands._platform.child import OwnChild, memory_unit


def child(program: str) -> OwnChild:
    return OwnChild(subprocess.Popen([sys.executable, "-I", "-S", "-c", program], stdin=subprocess.DEVNULL))


@pytest.mark.parametrize("program, code", [("pass", 0), ("raise SystemExit(3)", 3)])
def test_the_return_code_is_that_of_subprocess(program: str, code: int) -> None:
    process = child(program)
    assert code == process.wait(20)
    assert code == process.wait(0)


def test_a_signal_ends_it_and_later_signals_reach_nobody() -> None:
    process = child("import signal; signal.pause()")
    assert process.wait(0) is None
    process.send_signal(signal.SIGTERM)
    assert -signal.SIGTERM == process.wait(20)
    process.send_signal(signal.SIGKILL)
    process.kill()


def test_what_it_held_is_known_if_it_held_more_than_this_process_when_it_began() -> None:
    """Before it became another program it was a copy of this one, and Linux counts that."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * memory_unit()
    large = child(f"held = bytearray(b'x') * {own + 50_000_000}")
    small = child("pass")
    assert (0, 0) == (large.wait(30), small.wait(30))
    assert large.peak is not None
    assert own + 50_000_000 <= large.peak <= own + 150_000_000
    assert small.peak is None or small.peak <= own


def test_many_threads_that_wait_all_see_the_end() -> None:
    process = child("import sys; sys.exit(7)")
    codes: list[int | None] = []
    threads = [threading.Thread(target=lambda: codes.append(process.wait(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [7] * 8 == codes


def test_a_child_that_somebody_else_reaped_has_ended_all_the_same() -> None:
    import os

    process = child("pass")
    os.waitpid(process.pid, 0)
    assert process.wait(20) is not None
