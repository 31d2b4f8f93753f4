"""Environments made by somebody else are opened, and run whatever the host's own variables say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.prefix import python_version
from wetlands._backends.uv import UvBackend
from wetlands._launch.activation import activate
from wetlands._platform.layout import pythons
from wetlands._spec import parse
from wheels import write_wheel

if TYPE_CHECKING:
    from wetlands._backends.prefix import Prefix
    from wetlands._platform.layout import PrefixKind

pytestmark = pytest.mark.integration

VERSION = "{}.{}.{}".format(*sys.version_info)


def make_venv(folder: Path) -> Path:
    """Make a virtual environment by hand, as a user would."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return folder


def make_conda_prefix(folder: Path) -> Path:
    """Make what looks like a conda prefix: a history, a record of Python, and an interpreter."""
    python = pythons(folder, "conda")[0]
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    (folder / "conda-meta").mkdir()
    (folder / "conda-meta" / "history").touch()
    record = {"name": "python", "version": VERSION, "build": "h1_0", "files": []}
    (folder / "conda-meta" / f"python-{VERSION}-h1_0.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def make(kind: PrefixKind, folder: Path) -> Prefix:
    return adopt(make_venv(folder) if kind == "venv" else make_conda_prefix(folder))


def run(prefix: Prefix, env: dict[str, str], *arguments: str) -> str:
    command = [str(prefix.python), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_an_environment_of_somebody_else_is_opened_and_runs(kind: PrefixKind, tmp_path: Path) -> None:
    prefix = make(kind, tmp_path / "theirs (é)")

    assert kind == prefix.kind
    assert VERSION == python_version(prefix)
    assert VERSION == run(
        prefix, activate(prefix, os.environ), "-c", "import platform; print(platform.python_version())"
    )


def test_packages_of_an_environment_of_somebody_else_are_listed(tmp_path: Path) -> None:
    prefix = make("venv", tmp_path / "theirs")
    wheel = write_wheel(tmp_path, "greeter")
    spec = parse({"pip": [f"greeter @ {wheel.as_uri()}"]}, platform="linux-64", base=tmp_path)

    UvBackend(os.environ, base=tmp_path).install(spec, prefix.path, RecordingObserver())

    assert [{"name": "greeter", "version": "1.0", "kind": "pypi"}] == installed_packages(prefix)
    assert [{"name": "python", "version": VERSION, "kind": "conda"}] == installed_packages(
        make("conda", tmp_path / "conda")
    )


LOOK = """
import json, os, sys
json.dump({"prefix": sys.prefix, "path": sys.path, "PATH": os.environ["PATH"], "json": json.__file__}, sys.stdout)
"""


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_hostile_variables_of_the_host_do_not_reach_an_activated_environment(kind: PrefixKind, tmp_path: Path) -> None:
    prefix = make(kind, tmp_path / "theirs")
    hostile = tmp_path / "hostile"
    (hostile / "bin").mkdir(parents=True)
    for module in ("json", "os", "sitecustomize"):
        (hostile / f"{module}.py").write_text("raise SystemExit('a module of the host was imported')", encoding="utf-8")
    names = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "PYTHONSTARTUP", "PYTHONPLATLIBDIR")
    host = {
        **os.environ,
        **dict.fromkeys((*names, "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"), str(hostile)),
        "PYTHONUSERBASE": str(hostile),
        "PYTHONINSPECT": "1",
        "PATH": os.pathsep.join([str(hostile / "bin"), os.environ["PATH"]]),
    }

    seen = json.loads(run(prefix, activate(prefix, host), "-c", LOOK))

    assert str(hostile) not in json.dumps(seen)
    assert str(prefix.python.parent) == seen["PATH"].split(os.pathsep)[0]
    if kind == "venv":
        assert str(prefix.path) == seen["prefix"]


def test_without_activation_those_variables_would_have_broken_it(tmp_path: Path) -> None:
    """The test above can fail: the same variables, handed on as they are, stop the interpreter."""
    prefix = make("venv", tmp_path / "theirs")

    with pytest.raises(subprocess.CalledProcessError):
        run(prefix, {**os.environ, "PYTHONHOME": str(tmp_path)}, "-c", LOOK)
