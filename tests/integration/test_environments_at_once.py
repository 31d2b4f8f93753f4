"""Environments that conflict, side by side in one program; and one environment that many programs want at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from registry import without_proxies
from wetlands.environment_manager import EnvironmentManager
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies
    from wetlands.environment import Environment

pytestmark = pytest.mark.integration

RECIPE: Dependencies = {"conda": ["greeter=1.*"]}
MODULE = """
import greeter, helper

def versions():
    return greeter.VERSION, helper.VERSION

def meet(folder, name, other, seconds=60):
    # Returns only if the call in the other environment runs at the same time.
    import pathlib, time
    pathlib.Path(folder, name).touch()
    deadline = time.monotonic() + seconds
    while not pathlib.Path(folder, other).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(other)
        time.sleep(0.005)
    return versions()
"""
PROGRAM = """
import sys
from wetlands import EnvironmentManager
with EnvironmentManager(sys.argv[1], log_file_path=None) as manager:
    env = manager.create("tools", {"conda": ["greeter=1.*"]})
    env.launch()
    print(env.path.name, *env.execute(sys.argv[2], "versions"))
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "asks.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


@pytest.fixture
def instance(tmp_path: Path, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in channel.variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "instance (of é)"


@pytest.fixture
def manager(instance: Path) -> Iterator[EnvironmentManager]:
    with EnvironmentManager(instance) as made:
        yield made


def use_both(old: Environment, new: Environment, module: Path) -> list[object]:
    """What each answers in turn, then both at the same time."""
    with old, new:
        old.launch()
        new.launch()
        in_turn = [environment.execute(module, "versions") for environment in (old, new, old)]
        tasks = [
            old.submit(module, "meet", (str(module.parent), "old", "new")),
            new.submit(module, "meet", (str(module.parent), "new", "old")),
        ]
        return [*in_turn, *(task.wait_for(60).result for task in tasks)]


def test_two_conda_environments_with_conflicting_versions_serve_one_program(
    manager: EnvironmentManager, module: Path
) -> None:
    old = manager.create("old", {"conda": ["greeter=1.*"]})
    new = manager.create("new", {"conda": ["greeter=2.*"]})

    answers = use_both(old, new, module)

    first, second = ("1.1", "1.5"), ("2.0", "2.0")
    assert [first, second, first, first, second] == answers


def test_two_pypi_environments_with_conflicting_versions_serve_one_program(
    manager: EnvironmentManager, module: Path, tmp_path: Path
) -> None:
    recipes: list[Dependencies] = []
    for version in ("1.0", "2.0"):
        wheels = [
            write_wheel(tmp_path / "wheels", "helper", version),
            write_wheel(tmp_path / "wheels", "greeter", version, requires=[f"helper=={version}"]),
        ]
        recipes.append({"pip": [f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}" for wheel in wheels]})

    answers = use_both(manager.create("old", recipes[0]), manager.create("new", recipes[1]), module)

    first, second = ("1.0", "1.0"), ("2.0", "2.0")
    assert [first, second, first, first, second] == answers


def test_eight_programs_that_create_one_environment_all_work_in_it(instance: Path, module: Path) -> None:
    env = {**os.environ, **without_proxies()}
    command = [sys.executable, "-c", PROGRAM, str(instance), str(module)]
    programs = [subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE) for _ in range(8)]
    answers = [program.communicate(timeout=120)[0].split() for program in programs]

    (generation,) = {path.name for path in (instance / "envs" / "tools").iterdir() if path.name.isalnum()}
    assert [[generation, "1.1", "1.5"]] * 8 == answers


def test_two_managers_in_threads_build_once_and_both_work(
    instance: Path, module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="wetlands")
    both = threading.Barrier(2)

    def work(_number: int) -> tuple[str, object]:
        with EnvironmentManager(instance) as manager:
            both.wait(60)
            environment = manager.create("tools", RECIPE)
            environment.launch()
            return str(environment.path), environment.execute(module, "versions")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, range(2))

    assert first == second
    assert ("1.1", "1.5") == first[1]
    assert 1 == sum("Solving for" in record.getMessage() for record in caplog.records)
