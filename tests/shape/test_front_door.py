"""What `import wetlands` offers, and what it costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import wetlands

# Each costs tens of milliseconds, and a program that imports us may need none of them.
HEAVY = {"asyncio", "filelock", "multiprocessing", "numpy", "psutil", "rattler", "rich", "uv"}
WHERE_1_X_PROGRAMS_IMPORT_FROM = {
    "wetlands.environment": ["Environment"],
    "wetlands.environment_manager": ["EnvironmentManager"],
    "wetlands.external_environment": ["ExternalEnvironment"],
    "wetlands.internal_environment": ["InternalEnvironment"],
    "wetlands.task": ["Task", "TaskEvent", "TaskEventType", "TaskStatus"],
}


def test_the_names_offered_are_sorted_and_told_apart() -> None:
    assert sorted(set(wetlands.__all__)) == list(wetlands.__all__)


@pytest.mark.parametrize("name", wetlands.__all__)
def test_every_name_offered_is_there(name: str) -> None:
    assert getattr(wetlands, name) is not None
    assert name in dir(wetlands)


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(wetlands, "no_such_name")  # noqa: B009 - mypy knows that it is missing


def test_importing_the_package_imports_nothing_heavy() -> None:
    question = "import sys; before = set(sys.modules); import wetlands; print(*(set(sys.modules) - before))"
    command = [sys.executable, "-I", "-c", question]

    imported = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()

    assert "wetlands" in imported
    assert set() == HEAVY & set(imported)


@pytest.mark.parametrize("module", WHERE_1_X_PROGRAMS_IMPORT_FROM)
def test_a_public_module_offers_what_the_front_door_offers(module: str) -> None:
    for name in WHERE_1_X_PROGRAMS_IMPORT_FROM[module]:
        assert getattr(importlib.import_module(module), name) is getattr(wetlands, name)


@pytest.mark.parametrize("module", ["rich", "ssl", "http.client", "rattler", "filelock"])
def test_what_takes_long_to_import_is_imported_only_where_it_is_used(module: str) -> None:
    program = (
        f"import sys, wetlands.environment_manager as m; m.EnvironmentManager('x'); print({module!r} in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert "False" == ended.stdout.strip()
