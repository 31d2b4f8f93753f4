from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from releases import program, tar, zipped
from wetlands._backends.tools.extract import extract
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = program()


def extracted(folder: Path, content: bytes, asset: str, name: str = "pixi", **options: int) -> bytes:
    archive = folder / "archive"
    archive.write_bytes(content)
    extract(archive, asset, name, folder / "target", **options)
    return (folder / "target").read_bytes()


@pytest.mark.parametrize(
    "content, asset",
    [
        (tar(("pixi", PROGRAM)), "a.tar.gz"),
        (tar(("README", b"x"), ("pixi-0.73/pixi", PROGRAM)), "a.tar.gz"),
        (tar(("bin/pixi", PROGRAM), ending="bz2"), "a.tar.bz2"),
        (zipped(("pixi", PROGRAM), ("LICENSE", b"x")), "a.zip"),
        (PROGRAM, "pixi-x86_64-unknown-linux-musl"),
    ],
)
def test_the_executable_is_taken_out_of_every_format(tmp_path: Path, content: bytes, asset: str) -> None:
    assert PROGRAM == extracted(tmp_path, content, asset)
    assert os.access(tmp_path / "target", os.X_OK)


@pytest.mark.parametrize("path", ["../pixi", "/tmp/pixi", "a/../../pixi", "..\\pixi"])
def test_no_path_of_an_archive_is_written_to(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()

    for content, asset in ((tar((path, PROGRAM)), "a.tar.gz"), (zipped((path, PROGRAM)), "a.zip")):
        (folder / "target").unlink(missing_ok=True)
        assert PROGRAM == extracted(folder, content, asset)
        assert ["archive", "target"] == sorted(entry.name for entry in folder.iterdir())
        assert [folder] == list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["tar.gz", "zip"])
def test_what_is_larger_than_the_limit_is_refused_whatever_the_archive_says(tmp_path: Path, ending: str) -> None:
    bomb = b"\0" * 1_000_001
    content = zipped(("pixi", bomb)) if ending == "zip" else tar(("pixi", bomb))

    with pytest.raises(ProvisioningError, match="larger than 1000000 bytes"):
        extracted(tmp_path, content, f"a.{ending}", largest=1_000_000)


@pytest.mark.parametrize(
    "content, asset, reason",
    [
        (tar(("README", b"x")), "a.tar.gz", "holds 0"),
        (tar(("a/pixi", b"x"), ("b/pixi", b"y")), "a.tar.gz", "holds 2"),
        (b"<html>", "a.tar.gz", "not a gzip file"),
        (b"<html>", "a.zip", "not a zip file"),
        (tar(("pixi", os.urandom(200_000)))[:50_000], "a.tar.gz", "ended before|end of data"),
    ],
    ids=["none", "two", "no gzip", "no zip", "cut off"],  # the contents hold the time: they cannot name them
)
def test_what_is_no_release_is_refused_with_the_reason(tmp_path: Path, content: bytes, asset: str, reason: str) -> None:
    with pytest.raises(ProvisioningError, match=rf"{asset} is not what a release should be.*({reason})"):
        extracted(tmp_path, content, asset)


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")

    with pytest.raises(FileExistsError):
        extracted(tmp_path, PROGRAM, "pixi")
    assert b"precious" == (tmp_path / "target").read_bytes()
