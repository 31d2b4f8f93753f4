"""What an external environment decides without a process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from wetlands._backends.prefix import Prefix
from wetlands._store.usage import Mark
from wetlands.exceptions import NotLaunchedError
from wetlands.external_environment import ExternalEnvironment

if TYPE_CHECKING:
    from wetlands.environment_manager import EnvironmentManager


def a_prefix(generation: str) -> Prefix:
    path = Path("envs", "cells", generation)
    return Prefix(path, path / "bin" / "python", "venv")


class ReplacedWhileMarked:
    """A manager in which another thread replaces the environment between the mark and the look at its prefix."""

    accept = "any"

    def __init__(self, gates: Path) -> None:
        self.gates = gates
        self.marked: list[str] = []
        self.replacements = [a_prefix("22222222")]

    def mark_in_use(self, environment: ExternalEnvironment) -> Mark:
        generation = environment.prefix.path.name
        gate = self.gates / f"{generation}.users"
        gate.mkdir(exist_ok=True)
        path = gate / f"mark-{len(self.marked)}"
        path.touch()
        self.marked.append(generation)
        if self.replacements:
            environment._switch(self.replacements.pop(), "22222222")
        return Mark(path)


def test_workers_start_in_the_generation_that_is_kept_for_them(tmp_path: Path) -> None:
    manager = ReplacedWhileMarked(tmp_path)
    environment = ExternalEnvironment("cells", a_prefix("11111111"), cast("EnvironmentManager", manager), "11111111")
    with ExitStack() as undo:
        assert a_prefix("22222222") == environment._kept_prefix(undo)
        assert ["11111111", "22222222"] == manager.marked
        assert [] == list((tmp_path / "11111111.users").iterdir())
        assert 1 == len(list((tmp_path / "22222222.users").iterdir()))
    assert [] == list((tmp_path / "22222222.users").iterdir())


@pytest.mark.parametrize("verb", ["execute", "submit"])
def test_a_call_before_the_launch_says_what_to_do(tmp_path: Path, verb: str) -> None:
    manager = cast("EnvironmentManager", ReplacedWhileMarked(tmp_path))
    environment = ExternalEnvironment("cells", a_prefix("11111111"), manager)
    with pytest.raises(NotLaunchedError, match=r"'cells' is not launched; call launch\(\) first"):
        getattr(environment, verb)("os.path", "basename", ("a/b",))


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "2"])
def test_a_number_of_workers_that_is_none_is_refused_before_anything_starts(tmp_path: Path, count: int) -> None:
    manager = cast("EnvironmentManager", ReplacedWhileMarked(tmp_path))
    environment = ExternalEnvironment("cells", a_prefix("11111111"), manager)
    with pytest.raises(ValueError, match="max_workers is a number from 1 up"):
        environment.launch(max_workers=count)
