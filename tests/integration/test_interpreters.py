"""The real uv finds the interpreters of this machine, whatever lies on PATH beside them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import interpreters
from wetlands._backends.interpreters import find_interpreter, installed_interpreters
from wetlands._backends.uv import find_uv
from wetlands._platform.layout import pythons
from wetlands._spec.python import parse_python
from wetlands.exceptions import ProvisioningError

pytestmark = pytest.mark.integration

UV = find_uv(os.environ)


def with_path(*folders: Path) -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]])}


def test_every_python_on_path_is_found() -> None:
    folders = {python.parent for python in interpreters.found().values()}

    found = installed_interpreters(uv=UV, env=with_path(*sorted(folders)))

    assert set(interpreters.found()) <= {f"{one.version.major}.{one.version.minor}" for one in found}


def test_an_interpreter_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    broken = pythons(tmp_path, "conda")[0]
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("#!/bin/sh\necho 'the version is not installed' >&2\nexit 127\n", encoding="utf-8")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)

    found = installed_interpreters(uv=UV, env=with_path(broken.parent))

    assert found
    assert broken not in [one.path for one in found]


def test_an_environment_on_path_is_not_taken_for_an_installation(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True, timeout=60)
    python = pythons(tmp_path / "env", "venv")[0]
    env = {**with_path(python.parent), "VIRTUAL_ENV": str(tmp_path / "env")}

    assert python.parent not in [one.path.parent for one in installed_interpreters(uv=UV, env=env)]


def test_the_one_that_is_found_is_the_one_that_runs(interpreter: Path) -> None:
    ask = "import platform; print(platform.python_version())"
    version = subprocess.run(
        [str(interpreter), "-c", ask], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    minor = ".".join(version.split(".")[:2])

    chosen = find_interpreter(parse_python(minor), uv=UV, env=with_path(interpreter.parent))

    answer = subprocess.run(
        [str(chosen.path), "-c", ask], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert str(chosen.version) == answer.strip()
    assert answer.startswith(f"{minor}.")


@pytest.mark.parametrize("uv", ["no-such-uv", sys.executable], ids=["missing", "failing"])
def test_a_uv_that_cannot_list_them_is_an_error_that_says_so(uv: str) -> None:
    with pytest.raises(ProvisioningError, match="could not be listed with uv"):
        installed_interpreters(uv=Path(uv), env=os.environ)
