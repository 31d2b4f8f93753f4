"""Environments of the uv backend, with packages from the registry, in a folder whose name is a nuisance."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import CommandFailedError, EnvironmentReuseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._spec import Dependencies
    from wetlands.environment import Environment

pytestmark = [pytest.mark.integration, pytest.mark.network]

TINY: Dependencies = {"pip": ["iniconfig==2.0.0"]}
NEWER: Dependencies = {"pip": ["iniconfig>2.0.0"]}


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "an instance (été, 环境)"


@pytest.fixture
def manager(instance: Path) -> Iterator[EnvironmentManager]:
    with EnvironmentManager(instance) as made:
        yield made


def version(environment: Environment) -> str:
    """The version of iniconfig, as the interpreter of the environment sees it."""
    manager = environment.environment_manager
    process = manager.execute_commands(
        environment,
        ["python -c \"from importlib.metadata import version; print(version('iniconfig'))\""],
        wait=True,
    )
    assert process.returncode == 0, manager.get_process_logger(process).get_output()
    return manager.get_process_logger(process).get_output()[-1]


def installed(environment: Environment) -> dict[str, str]:
    packages = environment.environment_manager.get_installed_packages(environment)
    return {package["name"]: package["version"] for package in packages if package["kind"] == "pypi"}


def test_an_environment_is_created_reused_replaced_changed_and_deleted(
    manager: EnvironmentManager, instance: Path
) -> None:
    environment = manager.create("tiny (1)", TINY)
    assert version(environment) == "2.0.0"
    assert installed(environment) == {"iniconfig": "2.0.0"}

    with EnvironmentManager(instance) as other:
        assert other.create("tiny (1)", TINY).path == environment.path
        with pytest.raises(EnvironmentReuseError, match=r"iniconfig==2\.0\.0 is now iniconfig>2\.0\.0"):
            other.create("tiny (1)", NEWER)

    old = environment.path
    assert manager.create("tiny (1)", NEWER, replace_existing=True) is environment
    assert old != environment.path
    assert version(environment) != "2.0.0"

    output = manager.install(environment, {"pip": ["iniconfig==2.0.0"]}, ["python -c 'print(6 * 7)'"])
    assert "42" in output
    assert version(environment) == "2.0.0"
    with pytest.raises(EnvironmentReuseError, match=r"install\(\) added iniconfig==2\.0\.0"):
        manager.create("tiny (1)", NEWER)

    manager.update_environment(environment)
    assert version(environment) != "2.0.0"

    manager.delete_environment(environment)
    assert not manager.environment_exists("tiny (1)")
    assert manager._store.reclaimer.wait(30)
    assert not list(instance.glob("envs/*/*"))[1:]  # the lock file is all that stays


def test_a_package_that_does_not_exist_leaves_the_environment_as_it_was(manager: EnvironmentManager) -> None:
    environment = manager.create("tiny", TINY)

    with pytest.raises(CommandFailedError) as caught:
        manager.create("tiny", {"pip": ["iniconfig==0.0.0.0.1"]}, replace_existing=True)
    with pytest.raises(CommandFailedError):
        manager.install(environment, {"pip": ["iniconfig==0.0.0.0.1"]})

    assert "iniconfig" in "\n".join(caught.value.output)
    assert manager.create("tiny", TINY) is environment
    assert version(environment) == "2.0.0"


def test_a_virtual_environment_of_others_is_loaded_and_installed_into(
    manager: EnvironmentManager, tmp_path: Path
) -> None:
    place = tmp_path / "theirs (2)"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)

    environment = manager.load("theirs", place)
    manager.install(environment, TINY)

    assert version(environment) == "2.0.0"
    assert installed(environment) == {"iniconfig": "2.0.0"}


def test_the_files_of_an_environment_stay_while_its_workers_run(
    manager: EnvironmentManager, instance: Path, tmp_path: Path
) -> None:
    module = tmp_path / "places.py"
    module.write_text("import sys\n\ndef prefix():\n    return sys.prefix\n", encoding="utf-8")
    environment = manager.create("tiny", TINY)
    environment.launch()
    before = environment.execute(module, "prefix")

    with EnvironmentManager(instance) as other:
        other.create("tiny", TINY, replace_existing=True)

    assert before == environment.execute(module, "prefix")
    environment.exit()
    environment.launch()
    assert environment.execute(module, "prefix") == str(environment.path)
    manager.exit()
