"""The interpreter ends while threads of the conda engine tell us something: the program ends well all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_server import served
from registry import without_proxies

if TYPE_CHECKING:
    from conda_channel import Channel

PROGRAM = Path(__file__).with_name("saboteur_end.py")
DEADLINE = 60.0


@pytest.mark.parametrize("what", ["result", "progress"])
def test_a_program_that_ends_while_the_engine_tells_something_does_not_crash(
    channel: Channel, tmp_path: Path, what: str
) -> None:
    env = {**os.environ, **without_proxies(), "PYTHONPATH": str(PROGRAM.parent.parent)}
    with served(channel.main) as server:
        server.fail("*/python-*", "slow")
        command = [sys.executable, str(PROGRAM), str(tmp_path), server.url, what]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE, check=False)

    assert (0, "") == (ended.returncode, ended.stderr)
