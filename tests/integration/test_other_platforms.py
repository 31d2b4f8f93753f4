"""Packages that a channel has for other platforms only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from conda_builds import backend, build
from conda_server import served
from wetlands._backends.conda.settings import open_engine
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.exceptions import DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies

pytestmark = pytest.mark.integration
OTHER = "osx-64" if current_platform() != "osx-64" else "win-64"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A channel whose packages are there for another platform."""
    channel = tmp_path / "channel"
    for subdir, names in {"noarch": [], OTHER: ["python", "seal"]}.items():
        packages = {f"{name}-3.12.1-h_0.conda": _entry(name, subdir) for name in names}
        (channel / subdir).mkdir(parents=True)
        repodata = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages, "repodata_version": 1}
        (channel / subdir / "repodata.json").write_text(json.dumps(repodata), encoding="utf-8")
    return channel


def _entry(name: str, subdir: str) -> dict[str, object]:
    return {
        "name": name,
        "version": "3.12.1",
        "build": "h_0",
        "build_number": 0,
        "depends": [],
        "subdir": subdir,
        "sha256": "0" * 64,
        "size": 1,
    }


def test_a_package_that_only_other_platforms_have_is_told_to_be_so(
    channel: Channel, folder: Path, tmp_path: Path
) -> None:
    recipe: Dependencies = {"conda": ["seal>=3"], "channels": [folder.as_uri(), channel.url, "nodefaults"]}

    with pytest.raises(UnsatisfiableError, match=rf"seal >=3\S* exists for {OTHER}, and not for {current_platform()}"):
        build(channel, recipe, tmp_path / "prefix")


def test_a_package_that_no_platform_has_is_not_looked_for_in_the_message(
    channel: Channel, folder: Path, tmp_path: Path
) -> None:
    recipe: Dependencies = {"conda": ["walrus"], "channels": [folder.as_uri(), channel.url, "nodefaults"]}

    with pytest.raises(UnsatisfiableError) as refused:
        build(channel, recipe, tmp_path / "prefix")

    assert "" == refused.value.advice


def test_without_a_network_the_packages_of_another_platform_are_found_in_the_cache(
    channel: Channel, folder: Path, tmp_path: Path
) -> None:
    builder = backend(channel, tmp_path, RATTLER_CACHE_DIR=str(tmp_path / "cache"))
    engine = open_engine({"RATTLER_CACHE_DIR": str(tmp_path / "cache")}, base=tmp_path)
    found = []
    with served(folder) as server:
        spec = parse({"conda": ["seal"], "channels": [server.url, "nodefaults"]}, platform=OTHER, base=tmp_path)
        found.append(builder.solve(spec, engine, tmp_path, RecordingObserver(), platform=OTHER))

    engine = open_engine({"RATTLER_CACHE_DIR": str(tmp_path / "cache")}, base=tmp_path)  # nobody listens any more
    found.append(builder.solve(spec, engine, tmp_path, RecordingObserver(), platform=OTHER))

    assert [OTHER, OTHER] == [record.subdir for record in found[1].records]
    assert found[0].records == found[1].records


def test_a_channel_whose_host_has_no_address_is_named(channel: Channel, tmp_path: Path) -> None:
    recipe: Dependencies = {"conda": ["seal"], "channels": ["http://nohost.invalid/main", "nodefaults"]}

    with pytest.raises(DownloadError, match=r"The host nohost\.invalid could not be reached"):
        build(channel, recipe, tmp_path / "prefix", RATTLER_CACHE_DIR=str(tmp_path / "cache"))
