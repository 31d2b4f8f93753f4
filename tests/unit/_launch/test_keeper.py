"""What a keeper that is ending is to a program that comes just then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE
from wetlands._launch.keeper import Keeper
from wetlands.exceptions import AttachError
from wetlands_worker.doors import Door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = os.urandom(32)
PATIENCE = 0.3


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """What stands for a keeper: it ends with its stdin."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as made:
        yield made
        made.kill()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """It lets everybody in, and hangs up."""
    made = Door.open(str(tmp_path / "doors"), "door", tcp=True)
    made.serve(KEY, lambda sock, _purpose: sock.close())
    yield made
    made.close()


def seconds_of_claim(address: str, pid: int, patience: float) -> float:
    begin = time.monotonic()
    with pytest.raises(AttachError, match=f"their keeper, process {pid}, (has ended|cannot be reached)"):
        Keeper.claim(address, pid, KEY, patience, "tested")
    return time.monotonic() - begin


def test_a_keeper_that_has_hung_up_is_waited_for_until_its_process_is_gone(
    door: Door, process: subprocess.Popen[bytes]
) -> None:
    assert seconds_of_claim(door.address, process.pid, PATIENCE) >= PATIENCE
    assert process.stdin is not None
    process.stdin.close()
    assert seconds_of_claim(door.address, process.pid, DEADLINE) < DEADLINE
    assert process.poll() is not None


def test_a_keeper_that_does_not_listen_any_more_is_waited_for_as_well(
    door: Door, process: subprocess.Popen[bytes]
) -> None:
    door.close()
    assert seconds_of_claim(door.address, process.pid, PATIENCE) >= PATIENCE
