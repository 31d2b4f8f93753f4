from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wetlands._cli.cleaning import _Size, _size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Wetlands = Callable[..., Result]


def names(wetlands: Wetlands) -> list[str]:
    return [row["name"] for row in json.loads(wetlands("list", "--json").stdout)]


@pytest.fixture
def two(wetlands: Wetlands) -> Wetlands:
    for name in ("one", "two"):
        assert 0 == wetlands("create", name, "--pip", "numpy").exit_code
    return wetlands


def test_without_a_limit_there_is_nothing_to_remove(two: Wetlands) -> None:
    result = two("gc")

    assert 0 == result.exit_code
    assert "There is nothing to remove." in result.stderr
    assert ["one", "two"] == names(two)


def test_what_would_go_is_shown_and_goes_when_the_answer_is_yes(two: Wetlands) -> None:
    refused = two("gc", "--max-age", "0", "--keep", "two", answer="n\n")
    assert 1 == refused.exit_code
    assert "not used since" in refused.stdout
    assert ["one", "two"] == names(two)

    accepted = two("gc", "--max-age", "0", "--keep", "two", answer="y\n")

    assert 0 == accepted.exit_code
    assert "Removed 1." in accepted.stdout
    assert ["two"] == names(two)


def test_a_dry_run_neither_asks_nor_removes(two: Wetlands) -> None:
    result = two("gc", "--max-size", "0", "--dry-run", "--yes")

    assert 0 == result.exit_code
    assert "used longest ago" in result.stdout
    assert ["one", "two"] == names(two)


def test_programs_read_json_and_remove_only_with_yes(two: Wetlands) -> None:
    shown = json.loads(two("gc", "--max-age", "0", "--json").stdout)
    assert (True, ["one", "two"]) == (shown["dry_run"], [item["name"] for item in shown["removed"]])
    assert ["one", "two"] == names(two)

    removed = json.loads(two("gc", "--max-age", "0", "--json", "--yes").stdout)
    assert (False, ["one", "two"]) == (removed["dry_run"], [item["name"] for item in removed["removed"]])
    assert [] == names(two)


@pytest.mark.parametrize("words", [("--max-size", "many"), ("--max-size", "-1"), ("--max-age", "-1")])
def test_what_is_no_limit_is_refused(wetlands: Wetlands, words: tuple[str, str], tmp_path: Path) -> None:
    assert 2 == wetlands("gc", *words).exit_code


@pytest.mark.parametrize(
    "text, size", [("0", 0), ("12", 12), ("1.5kB", 1500), ("500 MB", 500_000_000), ("2G", 2 * 10**9)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert size == _Size().convert(text, None, None)


@pytest.mark.parametrize("size, text", [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2 * 10**9, "2.0 GB")])
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert text == _size(size)
