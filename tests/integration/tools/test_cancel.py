"""A cancelled build leaves no process of a tool, nor of what the tool has started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from wetlands._backends.choose import choose
from wetlands._platform.names import current_platform
from wetlands._platform.process import identify, is_alive
from wetlands._spec import parse
from wetlands.exceptions import ProvisioningCanceledError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.tools.pins import Tool

pytestmark = pytest.mark.integration

# Says its version; everything else starts a process that starts a process, both deaf to polite requests, and waits.
PROGRAM = """#!/bin/sh
if [ "$1" = --version ]; then echo {version}; exit 0; fi
trap '' TERM INT HUP
sh -c 'trap "" TERM INT HUP; echo $$ > "{pids}.new"; mv "{pids}.new" "{pids}"; sleep 300; sleep 300' &
wait
"""


@pytest.mark.parametrize("tool, version", [("pixi", "pixi 0.73.0"), ("micromamba", "2.8.1")])
def test_cancelling_kills_the_whole_tree(tmp_path: Path, tool: Tool, version: str) -> None:
    pids = tmp_path / "pids"
    program = tmp_path / tool
    program.write_text(PROGRAM.format(version=version, pids=pids))
    program.chmod(0o755)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    spec = parse({"conda": ["numpy"]}, platform=current_platform(), base=tmp_path)
    backend = choose(spec, conda_path=program, env=env, base=tmp_path).backend
    begun = time.monotonic()

    with pytest.raises(ProvisioningCanceledError):
        backend.build(spec, tmp_path / "1", RecordingObserver(stop_when=lambda _: pids.exists()))

    left = identify(int(pids.read_text()))
    assert left is None or not is_alive(left)  # where nobody collects it, a dead process keeps its number
    assert time.monotonic() - begun < 30
