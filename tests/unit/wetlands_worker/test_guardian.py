"""The guardian of a pool: whom it kills, and whom it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wetlands_worker import guardian

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")

WAITS = "import signal; signal.pause()"
LEAVES_A_CHILD = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITS!r}]); print('started', flush=True)"
)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", WAITS], start_new_session=True) as process:
        yield process
        process.kill()


def test_it_follows_who_is_a_worker() -> None:
    own = os.getpid()
    assert {own: guardian.started(own)} == guardian.watch([f"+{own}\n", "+999999999\n", "-999999999\n"])


def test_a_process_that_is_not_there_was_started_at_no_time() -> None:
    assert "" == guardian.started(999_999_999)


def test_a_worker_that_does_not_end_itself_is_killed(worker: subprocess.Popen[bytes]) -> None:
    guardian.end({worker.pid: guardian.started(worker.pid)}, grace=0.05)
    assert -9 == worker.wait(10)


def test_a_process_that_got_the_number_of_a_worker_is_left_alone(worker: subprocess.Popen[bytes]) -> None:
    guardian.end({worker.pid: "another time"}, grace=0.05)
    assert worker.poll() is None


def test_what_a_worker_left_behind_is_killed_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_CHILD], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        start = guardian.started(worker.pid)
        worker.wait(10)
        guardian.end({worker.pid: start or "was there"}, grace=0.05)
        assert "" == worker.stdout.read()  # it ends when the child does, which holds the other end
