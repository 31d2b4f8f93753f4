from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.tools.pins import ASSETS, executable_name, pinned
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from wetlands._backends.tools.pins import Tool

EVERYWHERE: list[tuple[Tool, str]] = [(tool, platform) for tool in ASSETS for platform in ASSETS[tool]]


@pytest.mark.parametrize("tool, platform", EVERYWHERE)
def test_every_asset_is_pinned(tool: Tool, platform: str) -> None:
    pin = pinned(tool, platform)

    assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)
    assert pin.url.startswith("https://github.com/")
    assert pin.url.endswith(f"/{pin.version}/{pin.asset}")


def test_a_mirror_stands_for_the_site_of_the_releases() -> None:
    pin = pinned("pixi", "linux-64", mirror="https://mirror.example/github/")

    expected = "https://mirror.example/github/prefix-dev/pixi/releases/download/"
    assert f"{expected}{pin.version}/{pin.asset}" == pin.url


def test_a_machine_without_a_release_is_named_with_the_way_out() -> None:
    with pytest.raises(ProvisioningError, match=r"no pixi to download for freebsd-64.*conda_path"):
        pinned("pixi", "freebsd-64")


def test_windows_has_its_own_ending() -> None:
    assert "pixi.exe" == executable_name("pixi", "win-64")
    assert "micromamba" == executable_name("micromamba", "osx-arm64")
