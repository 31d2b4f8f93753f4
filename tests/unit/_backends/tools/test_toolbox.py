from __future__ import annotations

from pathlib import Path

import pytest

from wetlands._backends.tools.found import places_in
from wetlands._backends.tools.toolbox import Toolbox, _executable


@pytest.mark.parametrize(
    "home, name, expected",
    [
        ("/i/tools/pixi-v1", "pixi", "/i/tools/pixi-v1/bin/pixi"),
        ("/my/pixi", "pixi", "/my/pixi/bin/pixi"),
        ("/usr/local/bin/pixi", "pixi", "/usr/local/bin/pixi"),
        ("/my/bin/pixi.exe", "pixi.exe", "/my/bin/pixi.exe"),
        ("/my/pixi", "pixi.exe", "/my/pixi/bin/pixi.exe"),
    ],
)
def test_a_tool_is_installed_in_the_folder_or_as_the_file_that_is_named(home: str, name: str, expected: str) -> None:
    assert Path(expected) == _executable(Path(home), name)


def test_a_path_may_mean_an_executable_or_an_installation() -> None:
    found = [place.as_posix() for place in places_in(Path("/p"), "micromamba.exe")]

    assert ["/p", "/p/micromamba.exe", "/p/bin/micromamba.exe", "/p/Library/bin/micromamba.exe"] == found


def test_making_a_toolbox_touches_nothing(tmp_path: Path) -> None:
    Toolbox("pixi", env={}, folder=tmp_path / "tools", conda_path=tmp_path / "pixi")

    assert [] == list(tmp_path.iterdir())
