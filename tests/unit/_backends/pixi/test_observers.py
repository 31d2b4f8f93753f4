from __future__ import annotations

from typing import TYPE_CHECKING

from backends import RecordingObserver
from wetlands._backends.pixi.commands import Workspace, tool_variables
from wetlands._backends.pixi.observers import Milestones, conda_packages_in

if TYPE_CHECKING:
    from pathlib import Path

LOCK = """version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: https://host/a.conda
      - conda: https://host/b.conda
      - pypi: https://host/c.whl
      osx-64:
      - conda: https://host/a.conda
  other:
    packages:
      linux-64:
      - conda: https://host/a.conda
packages:
- conda: https://host/a.conda
"""


def test_the_packages_of_one_environment_are_counted() -> None:
    assert 2 == conda_packages_in(LOCK, "default", "linux-64")
    assert 1 == conda_packages_in(LOCK, "other", "linux-64")
    assert 0 == conda_packages_in(LOCK, "none", "linux-64")


def test_milestones_become_stages_and_what_is_for_people_is_passed_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "pixi.toml")
    workspace.lock.write_text(LOCK)
    meta = workspace.prefix / "conda-meta"
    meta.mkdir(parents=True)
    observer = RecordingObserver()
    milestones = Milestones(observer, workspace, "linux-64", pypi="six")

    milestones.output(
        " INFO pixi_core::lock_file::update: resolved conda environment for environment 'default' 'x' in 1s"
    )
    (meta / "a.json").touch()
    assert not milestones.cancel_requested
    (meta / "b.json").touch()
    milestones.output(" INFO pixi_core::environment: updated conda packages in the 'default' prefix in 2s")
    milestones.output(" WARN pixi: something is odd")
    milestones.output("✔ The default environment has been installed.")
    milestones.begin_pypi()

    assert ["link", "install"] == observer.stages
    assert ["Linking 2 packages", "Installing six"] == observer.messages
    assert [(1, 2), (2, 2)] == [(step.current, step.maximum) for step in observer.steps]
    assert [" WARN pixi: something is odd", "✔ The default environment has been installed."] == observer.lines


def test_variables_that_would_change_a_command_do_not_reach_pixi() -> None:
    env = {
        "PIXI_FROZEN": "true",
        "PIXI_NO_INSTALL": "1",
        "PIXI_IN_SHELL": "1",
        "PIXI_PROJECT_MANIFEST": "/elsewhere",
        "CONDA_PREFIX": "/elsewhere",
        "FORCE_COLOR": "1",
        "PIXI_CACHE_DIR": "/cache",
        "PIXI_HOME": "/home",
        "CONDA_OVERRIDE_CUDA": "12",
        "CONDA_OFFLINE": "1",
    }

    assert {
        "PIXI_CACHE_DIR": "/cache",
        "PIXI_HOME": "/home",
        "CONDA_OVERRIDE_CUDA": "12",
        "PIXI_OFFLINE": "true",
        "PIXI_NO_WRAP": "1",
        "PIXI_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    } == tool_variables(env)
