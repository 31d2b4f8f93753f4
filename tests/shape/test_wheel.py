"""What a user installs: two packages in one wheel, typed, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

import sources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.integration
@pytest.mark.network
def test_the_wheel_holds_the_two_packages_with_their_type_markers_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(sources.ROOT)]
    subprocess.run(command, check=True, timeout=100, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    src = sources.ROOT / "src"
    expected = {path.relative_to(src).as_posix() for path in sources.files() if path.is_relative_to(src)}

    assert {"wetlands/py.typed", "wetlands_worker/py.typed"} <= packed
    assert expected == packed
