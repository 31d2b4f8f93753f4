"""The pixi and micromamba that tests run with: the real ones where variables name them, else our stand-ins."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from registry import without_proxies
from wetlands._backends.micromamba.backend import MicromambaBackend
from wetlands._backends.pixi.backend import PixiBackend
from wetlands._backends.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from conda_channel import Channel
    from wetlands._backends.tools.pins import Tool

_HERE = Path(__file__).resolve().parent


def real(tool: Tool) -> Path | None:
    """The real program, as `WETLANDS_TEST_PIXI` or `WETLANDS_TEST_MICROMAMBA` names it."""
    named = os.environ.get(f"WETLANDS_TEST_{tool.upper()}")
    return Path(named).resolve() if named else None


def program(tool: Tool, folder: Path, *, version: str = "") -> Path:
    """An executable in a folder: the real program, or a script that starts its stand-in."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / tool
    found = real(tool)
    if found is not None and not version:
        shutil.copy2(found, path)
        return path
    folders = [str(_HERE), str(_HERE.parent / "src")]
    script = str(_HERE / "standins" / f"{tool}.py")
    start = f"import runpy, sys; sys.path[:0] = {folders!r}; runpy.run_path({script!r}, run_name='__main__')"
    chosen = f"STANDIN_VERSION={version} " if version else ""
    path.write_text(f'#!/bin/sh\n{chosen}exec {shlex.quote(sys.executable)} -c {shlex.quote(start)} "$@"\n')
    path.chmod(0o755)
    return path


def variables(channel: Channel, home: Path, **more: str) -> dict[str, str]:
    """What tools run with in tests: a home of their own, the caches of the tests, no network."""
    home.mkdir(parents=True, exist_ok=True)
    own = {"HOME": str(home), "UV_OFFLINE": "1", "CONDA_PKGS_DIRS": str(channel.packages / "mamba")}
    return {**os.environ, **without_proxies(), **channel.variables, **own, **more}


def pixi_backend(channel: Channel, folder: Path, *, version: str = "", **more: str) -> PixiBackend:
    """A backend that finds its program in a folder."""
    program("pixi", folder / "programs (é)", version=version)
    env = variables(channel, folder / "home", **more)
    box = Toolbox("pixi", env=env, folder=folder / "tools", conda_path=folder / "programs (é)")
    return PixiBackend(env, base=folder, toolbox=box)


def micromamba_backend(channel: Channel, folder: Path, *, version: str = "", **more: str) -> MicromambaBackend:
    """A backend that finds its program in a folder."""
    program("micromamba", folder / "programs (é)", version=version)
    env = variables(channel, folder / "home", **more)
    box = Toolbox("micromamba", env=env, folder=folder / "tools", conda_path=folder / "programs (é)")
    return MicromambaBackend(env, base=folder, toolbox=box)
