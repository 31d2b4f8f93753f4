"""What lies on disk after a tool built from a channel with credentials in its address: none of them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from conda_server import served
from tools import program, variables
from wetlands.environment_manager import EnvironmentManager

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._backends.tools.pins import Tool

pytestmark = pytest.mark.integration

TOKEN = "to-ken-77"  # noqa: S105 - no secret of anybody


@pytest.mark.parametrize("tool", ["pixi", "micromamba"])
def test_the_token_of_a_channel_is_stored_nowhere(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool
) -> None:
    folder = tmp_path / "served"
    shutil.copytree(channel.main, folder / "t" / TOKEN / "private", copy_function=os.link)
    own = {"RATTLER_CACHE_DIR": str(tmp_path / "cache"), "CONDA_PKGS_DIRS": str(tmp_path / "pkgs")}
    for name, value in variables(channel, tmp_path / "home", **own).items():
        monkeypatch.setenv(name, value)
    program(tool, tmp_path / tool)

    with served(folder) as server, EnvironmentManager(tmp_path / "instance", tmp_path / tool, debug=True) as manager:
        address = f"{server.url}/t/{TOKEN}/private"
        environment = manager.create("tools", {"conda": ["herald"], "channels": [address, "nodefaults"]})
        assert "herald" in {package["name"] for package in manager.get_installed_packages(environment)}
        manager.exit()

    found = [
        path.relative_to(tmp_path).as_posix()
        for path in (tmp_path / "instance").rglob("*")
        if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert [] == found
