from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands.environment_manager import EnvironmentManager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Wetlands = Callable[..., Result]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The verbs that a command called, with what it gave them."""
    heard: list[tuple[object, ...]] = []

    def hear(verb: str) -> None:
        def call(_manager: object, *given: object, **options: object) -> object:
            heard.append((verb, *given, options))
            return given[1]

        monkeypatch.setattr(EnvironmentManager, verb, call)

    for verb in ("lock", "lock_config", "export_lock"):
        hear(verb)
    return heard


def test_the_lock_of_an_environment_is_exported(
    wetlands: Wetlands, calls: list[tuple[object, ...]], tmp_path: Path
) -> None:
    wetlands("create", "one", "--pip", "numpy")

    result = wetlands("lock", "one", "-o", str(tmp_path / "one.lock"))

    assert 0 == result.exit_code, result.output
    ((verb, environment, path, options),) = calls
    assert ("export_lock", "one", tmp_path / "one.lock", {}) == (verb, getattr(environment, "name", ""), path, options)
    assert str(tmp_path / "one.lock") == result.stdout.strip()


def test_packages_are_locked_for_several_platforms(
    wetlands: Wetlands, calls: list[tuple[object, ...]], tmp_path: Path
) -> None:
    words = ("--pip", "numpy", "--python", "3.12", "--exclude-newer", "7d", "-o", str(tmp_path / "a.lock"))

    assert 0 == wetlands("lock", "--platform", "linux-64", "--platform", "win-64", *words).exit_code

    recipe = {"python": "3.12", "pip": ["numpy"]}
    options = {"platforms": ("linux-64", "win-64"), "exclude_newer": "7d"}
    assert [("lock", recipe, tmp_path / "a.lock", options)] == calls


def test_a_config_file_is_locked(wetlands: Wetlands, calls: list[tuple[object, ...]], tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy\n", encoding="utf-8")

    assert 0 == wetlands("lock", "--file", str(file), "-o", str(tmp_path / "a.lock")).exit_code

    options = {"optional_dependencies": (), "platforms": None, "exclude_newer": None}
    assert [("lock_config", file, tmp_path / "a.lock", options)] == calls


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("one", "--pip", "numpy"),
        ("one", "--platform", "win-64"),
        ("one", "--exclude-newer", "7d"),
        ("--extra", "gpu"),
        ("--platform", "win-64"),
    ],
)
def test_what_is_to_be_locked_is_said_once(
    wetlands: Wetlands, calls: list[tuple[object, ...]], words: tuple[str, ...]
) -> None:
    assert 2 == wetlands("lock", *words).exit_code
    assert [] == calls


def test_create_passes_the_lock_and_the_limit_on(
    wetlands: Wetlands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard: list[dict[str, object]] = []
    create = EnvironmentManager.create

    def listening(manager: EnvironmentManager, name: str, recipe: object, **options: object) -> object:
        heard.append(options)
        return create(manager, name)

    monkeypatch.setattr(EnvironmentManager, "create", listening)
    lock = tmp_path / "pixi.lock"
    lock.touch()

    assert 0 == wetlands("create", "one", "--lock", str(lock), "--exclude-newer", "7d").exit_code
    assert [{"replace_existing": False, "lock": lock, "exclude_newer": "7d"}] == heard
