"""What is found out before a conda build downloads anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from conda_builds import build, versions
from conda_server import served, wait_for_downloads
from wetlands._backends import rattler
from wetlands._backends.conda.preflight import Room, check_room, default_packages_folder
from wetlands.exceptions import DiskSpaceError, DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from conda_channel import Channel
    from wetlands._spec import Dependencies

DISK = Path("/disk")


def test_a_disk_with_too_little_room_is_refused_with_both_figures() -> None:
    with pytest.raises(
        DiskSpaceError, match=r"need 3\.00 GB on the disk of \S+, which has 1\.00 GB free.*RATTLER_CACHE"
    ):
        check_room([Room(DISK, 3_000_000_000, 9_000_000_000)], free=lambda folder: 1_000_000_000)


def test_a_disk_that_is_probably_too_small_is_only_told() -> None:
    (doubt,) = check_room([Room(DISK, 3_000_000_000, 9_000_000_000)], free=lambda folder: 5_000_000_000)

    assert "9.00 GB" in doubt
    assert () == check_room([Room(DISK, 3, 9)], free=lambda folder: 9)


@pytest.mark.parametrize(
    "platform, env, expected",
    [
        ("linux-64", {"XDG_CACHE_HOME": "/c", "HOME": "/h"}, Path("/c/rattler/cache/pkgs")),
        ("linux-64", {"HOME": "/h"}, Path("/h/.cache/rattler/cache/pkgs")),
        ("osx-arm64", {"HOME": "/h"}, Path("/h/Library/Caches/rattler/cache/pkgs")),
        ("win-64", {"LOCALAPPDATA": "/l"}, Path("/l/rattler/cache/pkgs")),
        ("win-64", {"HOME": "/h"}, None),
        ("linux-64", {}, None),
    ],
)
def test_the_cache_of_the_engine_is_known_on_each_platform(
    platform: str, env: dict[str, str], expected: Path | None
) -> None:
    assert expected == default_packages_folder(env, platform)


def test_too_little_room_is_found_before_anything_is_downloaded(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rattler, "check_room", lambda wanted: check_room(wanted, free=lambda folder: 1000))
    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}
        with pytest.raises(DiskSpaceError) as refused:
            build(channel, recipe, tmp_path / "prefix", RATTLER_CACHE_DIR=str(tmp_path / "cache"))

    assert 1000 == refused.value.free
    assert 0 == server.times_asked("*.conda") + server.times_asked("*.tar.bz2")
    assert not (tmp_path / "prefix").exists()


def test_without_a_network_what_the_cache_holds_is_built_again(channel: Channel, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}
        build(channel, recipe, tmp_path / "first", RATTLER_CACHE_DIR=cache)
    observer = RecordingObserver()

    # nobody listens there any more
    build(channel, recipe, tmp_path / "second", observer, RATTLER_CACHE_DIR=cache)
    build(channel, recipe, tmp_path / "third", CONDA_OFFLINE="1", RATTLER_CACHE_DIR=cache)

    assert {"herald": "1.0"} == versions(tmp_path / "second") == versions(tmp_path / "third")
    assert "The host 127.0.0.1 could not be reached: trying with what the cache holds" in observer.messages
    wait_for_downloads(tmp_path)


def test_without_a_network_a_package_that_the_cache_lacks_is_named(channel: Channel, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}
        build(channel, recipe, tmp_path / "first", RATTLER_CACHE_DIR=cache)
        (tmp_path / "cache" / "pkgs" / "herald-1.0-pyh_0" / "info" / "index.json").unlink()
        with pytest.raises(DownloadError, match=r"The network is not used .*the cache does not hold herald 1\.0"):
            build(channel, recipe, tmp_path / "second", CONDA_OFFLINE="1", RATTLER_CACHE_DIR=cache)


def test_the_variable_that_pretends_a_machine_is_named(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(UnsatisfiableError, match="CONDA_OVERRIDE_CUDA=<version>"):
        build(channel, {"conda": ["thunder"]}, tmp_path / "prefix")
