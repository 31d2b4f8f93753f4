from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from wetlands._cli.app import _code, app
from wetlands.exceptions import EnvironmentNotFoundError, EnvironmentReuseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from fake_backend import FakeBackend
    from wetlands.environment_manager import EnvironmentManager

    Wetlands = Callable[..., Result]


def test_without_environments_the_list_says_so_and_json_is_empty(wetlands: Wetlands, tmp_path: Path) -> None:
    assert "No environments in" in wetlands("list").stderr
    assert [] == json.loads(wetlands("list", "--json").stdout)
    assert not (tmp_path / "instance (ü)").exists()


def test_what_is_created_is_listed_for_people_and_for_programs(wetlands: Wetlands, tmp_path: Path) -> None:
    created = wetlands("create", "cellpose", "--python", "3.11", "--pip", "numpy>=2", "--pip", "scipy")

    assert 0 == created.exit_code
    (row,) = json.loads(wetlands("list", "--json").stdout)
    assert ("cellpose", "ready", "3.11.7", "fake") == (row["name"], row["state"], row["python"], row["backend"])
    assert created.stdout.strip() == row["path"]
    table = wetlands("list").stdout
    assert "cellpose" in table
    assert "ready" in table


def test_creating_again_reuses_and_replace_builds_anew(wetlands: Wetlands, backend: FakeBackend) -> None:
    first = wetlands("create", "one", "--pip", "numpy")
    again = wetlands("create", "one", "--pip", "numpy")
    anew = wetlands("create", "one", "--pip", "numpy", "--replace")

    assert first.stdout == again.stdout != anew.stdout
    assert 2 == backend.builds


def test_another_recipe_is_the_error_of_the_library(wetlands: Wetlands) -> None:
    wetlands("create", "one", "--pip", "numpy")

    assert isinstance(wetlands("create", "one", "--pip", "scipy").exception, EnvironmentReuseError)


def test_a_file_and_packages_are_not_mixed(wetlands: Wetlands, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy\n")

    assert 2 == wetlands("create", "one", "--file", str(file), "--pip", "scipy").exit_code
    assert 2 == wetlands("create", "one", "--extra", "gpu").exit_code
    assert 0 == wetlands("create", "one", "--file", str(file)).exit_code


def test_what_install_adds_changes_the_state(wetlands: Wetlands) -> None:
    wetlands("create", "one", "--pip", "numpy")

    assert 2 == wetlands("install", "one").exit_code
    assert 0 == wetlands("install", "one", "--pip", "scipy").exit_code
    (row,) = json.loads(wetlands("list", "--json").stdout)
    assert "changed" == row["state"]


def test_a_damaged_record_and_a_missing_interpreter_are_told(wetlands: Wetlands, tmp_path: Path) -> None:
    wetlands("create", "damaged")
    wetlands("create", "broken")
    folder = tmp_path / "instance (ü)" / "envs"
    (folder / "damaged" / "environment.json").write_text("{")
    path = next(row["path"] for row in json.loads(wetlands("list", "--json").stdout) if row["name"] == "broken")
    for python in (folder / "broken" / path).glob("bin/python*"):
        python.unlink()

    rows = {row["name"]: row for row in json.loads(wetlands("list", "--json").stdout)}

    assert "damaged" == rows["damaged"]["state"]
    assert "broken" == rows["broken"]["state"]
    assert "environment.json" in wetlands("list").stderr


def test_remove_asks_first(wetlands: Wetlands, new_manager: Callable[[], EnvironmentManager]) -> None:
    wetlands("create", "one")
    wetlands("create", "two")

    assert 1 == wetlands("remove", "one", answer="n\n").exit_code
    assert 2 == len(json.loads(wetlands("list", "--json").stdout))
    assert 0 == wetlands("remove", "one", answer="y\n").exit_code
    assert 0 == wetlands("remove", "two", "--yes").exit_code
    assert [] == json.loads(wetlands("list", "--json").stdout)


def test_nothing_is_removed_when_one_of_the_names_is_wrong(wetlands: Wetlands) -> None:
    wetlands("create", "one")

    assert isinstance(wetlands("remove", "-y", "one", "other").exception, EnvironmentNotFoundError)
    assert 1 == len(json.loads(wetlands("list", "--json").stdout))


def test_the_shell_completes_names(wetlands: Wetlands, tmp_path: Path) -> None:
    from click.shell_completion import ShellComplete

    wetlands("create", "cellpose")
    wetlands("create", "stardist")
    complete = ShellComplete(app, {}, "wetlands", "_WETLANDS_COMPLETE")

    found = complete.get_completions(["-wip", str(tmp_path / "instance (ü)"), "run"], "cell")

    assert ["cellpose"] == [item.value for item in found]


def _ending(error: BaseException) -> click.Command:
    @click.command()
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error, code, said",
    [
        (EnvironmentNotFoundError("There is none."), 1, "Error: There is none."),
        (FileNotFoundError(2, "No such file", "x"), 1, "Error: [Errno 2] No such file: 'x'"),
        (click.UsageError("Not so."), 2, "Error: Not so."),
        (click.Abort(), 1, "Aborted."),
        (KeyboardInterrupt(), 130, "Aborted."),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    error: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["wetlands"])

    assert code == _code(_ending(error))
    assert said in capsys.readouterr().err


def test_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["wetlands"])

    with pytest.raises(ZeroDivisionError):
        _code(_ending(ZeroDivisionError()))
