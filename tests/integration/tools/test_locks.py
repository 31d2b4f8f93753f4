"""Locks and the tools, beyond what every backend keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from tools import pixi_backend
from wetlands._backends.locks.describe import describe
from wetlands._backends.pixi import backend as building
from wetlands._backends.pixi.locked import LockedPixiBackend
from wetlands._backends.tool import run_tool
from wetlands._platform.names import current_platform
from wetlands._spec import parse

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel

pytestmark = pytest.mark.integration


def test_a_lock_that_pixi_would_write_otherwise_is_installed_as_it_is_and_that_is_said(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = parse({"conda": ["greeter=1.*"]}, platform=current_platform(), base=tmp_path)
    backend = pixi_backend(channel, tmp_path)
    backend.build(spec, tmp_path / "1", RecordingObserver())
    platform = describe(spec, tmp_path / "1", RecordingObserver(), env=backend._env, base=tmp_path).platforms[0]
    locked = LockedPixiBackend(platform, backend._env, base=tmp_path, toolbox=backend._toolbox)
    used = []

    def doubting(argv: list[str], **options: object) -> list[str]:
        used.append(argv[-1])
        lock = tmp_path / "2" / "pixi.lock"
        text = lock.read_text()
        if argv[-1] == "--locked":
            lock.write_text("version: 6\nenvironments: {}\npackages: []\n")
        try:
            return run_tool(argv, **options)  # type: ignore[arg-type]
        finally:
            lock.write_text(text)

    monkeypatch.setattr(building, "run_tool", doubting)
    observer = RecordingObserver()

    locked.build(spec, tmp_path / "2", observer)

    assert ["--locked", "--frozen"] == used
    assert any("installed as it is" in line for line in observer.lines)
    again = describe(spec, tmp_path / "2", RecordingObserver(), env=backend._env, base=tmp_path).platforms[0]
    assert platform.identity == again.identity
