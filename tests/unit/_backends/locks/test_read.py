from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform
from wetlands._backends.locks.read import read_lock
from wetlands._backends.locks.text import lock_text
from wetlands.exceptions import LockError

if TYPE_CHECKING:
    from pathlib import Path

OF_OLDER_PIXI = """
version: 6
environments:
  default:
    channels:
    - url: https://conda.test/forge/
    packages:
      linux-64:
      - conda: https://conda.test/forge/noarch/pebble-1.0-h_0.conda
      - pypi: https://files.test/six-1.16.0-py2.py3-none-any.whl
      - pypi: ./mine
  docs:
    channels:
    - url: https://conda.test/forge/
    packages:
      linux-64:
      - conda: https://conda.test/forge/noarch/pebble-1.0-h_0.conda
packages:
- conda: https://conda.test/forge/noarch/pebble-1.0-h_0.conda
  sha256: "0000000000000000000000000000000000000000000000000000000000000001"
  md5: "00000000000000000000000000000001"
  size: 1
- pypi: https://files.test/six-1.16.0-py2.py3-none-any.whl
  name: six
  version: 1.16.0
  sha256: "0000000000000000000000000000000000000000000000000000000000000002"
- pypi: ./mine
  name: mine
  version: '1.0'
  sha256: "0000000000000000000000000000000000000000000000000000000000000003"
  editable: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "pixi.lock"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_lock_of_an_older_pixi_is_read(tmp_path: Path) -> None:
    lock = read_lock(written(tmp_path, OF_OLDER_PIXI), environment="tools")

    found = lock.platform("linux-64")
    assert found is not None
    assert ["mine", "pebble", "six"] == [package.name for package in found.packages]
    assert ["local", "conda", "pypi"] == [package.kind for package in found.packages]
    assert str(tmp_path / "mine") == found.packages[0].location
    assert "1".zfill(64) == found.packages[1].sha256
    assert "2".zfill(64) == found.packages[2].sha256


def test_the_environment_of_the_name_is_taken(tmp_path: Path) -> None:
    found = read_lock(written(tmp_path, OF_OLDER_PIXI), environment="docs").platform("linux-64")

    assert found is not None
    assert ["pebble"] == [package.name for package in found.packages]


def test_without_the_environment_and_a_default_those_that_are_there_are_named(tmp_path: Path) -> None:
    other = OF_OLDER_PIXI.replace("  default:", "  tests:")

    with pytest.raises(LockError, match=r"no environment 'tools' and no 'default' \(it has: 'docs', 'tests'\)"):
        read_lock(written(tmp_path, other), environment="tools")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "missing `version`"),
        ("hello", "missing `version`"),
        ("version: 99\n", "newer lockfile format version 99"),
        (OF_OLDER_PIXI[:300], "cannot be read as a lock"),
        ("version: 7\nenvironments: 3\n", "cannot be read as a lock"),
    ],
)
def test_what_is_no_lock_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(LockError, match=reason):
        read_lock(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"nowhere\.lock cannot be used: there is no such file"):
        read_lock(tmp_path / "nowhere.lock")


def test_the_python_of_a_lock_without_conda_packages_is_known(tmp_path: Path) -> None:
    package = LockedPackage("six", "1.16.0", "pypi", "https://files.test/six.whl", sha256="2".zfill(64))
    lock = Lock((LockedPlatform("linux-64", (package,), "3.11.7"), LockedPlatform("win-64", (), "3.12.0")))

    found = read_lock(written(tmp_path, lock_text(lock, tmp_path)))

    assert lock.platforms == found.platforms
