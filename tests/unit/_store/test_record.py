from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fake_backend import spec_of
from wetlands._store.paths import Layout, is_generation, new_generation
from wetlands._store.record import Record
from wetlands._store.store import Store
from wetlands.exceptions import RecordError

if TYPE_CHECKING:
    from pathlib import Path

RECORD = Record(
    name="tools",
    generation="0123abcd",
    spec=spec_of("numpy>=2", commands=["echo é"]),
    base="/programs/mine",
    backend="uv",
    reason="all packages come from PyPI",
    python_version="3.11.7",
    created="2025-01-31T12:00:00+00:00",
    changes=("install() added scipy",),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "environment.json"


def test_a_record_that_was_stored_reads_back_equal(path: Path) -> None:
    path.write_text(RECORD.to_text(), encoding="utf-8")

    assert Record.read(path) == RECORD


def test_no_file_is_no_record(path: Path) -> None:
    assert Record.read(path) is None
    assert Record.read(path / "below a file that is none") is None


@pytest.mark.parametrize("length", [0, 1, 40, 200])
def test_a_truncated_record_is_an_error_that_names_the_file_and_the_way_out(path: Path, length: int) -> None:
    path.write_text(RECORD.to_text()[:length], encoding="utf-8")

    with pytest.raises(RecordError, match="replace_existing=True") as caught:
        Record.read(path)
    assert caught.value.path == path
    assert "complete JSON" in caught.value.reason


def test_a_record_that_is_no_text_is_an_error(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00garbage")

    with pytest.raises(RecordError, match="it is not text"):
        Record.read(path)


def test_a_record_that_cannot_be_opened_is_an_error(path: Path) -> None:
    path.mkdir()

    with pytest.raises(RecordError):
        Record.read(path)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"format": 99}, "format 99"),
        ({"format": None}, "format None"),
        ({"generation": 7}, "'generation' is of another type"),
        ({"generation": "../../other"}, "not the name of a generation"),
        ({"backend": None}, "'backend' is missing"),
        ({"changes": "text"}, "'changes' is of another type"),
        ({"spec": {"format": 1}}, "a stored recipe lacks"),
        ({"spec": []}, "'spec' is of another type"),
    ],
)
def test_a_damaged_record_is_an_error_that_says_what_is_wrong(
    path: Path, change: dict[str, object], reason: str
) -> None:
    path.write_text(json.dumps({**json.loads(RECORD.to_text()), **change}), encoding="utf-8")

    with pytest.raises(RecordError) as caught:
        Record.read(path)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "7", "null", '"text"', "[" * 100_000])
def test_json_that_is_no_record_is_an_error(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

    with pytest.raises(RecordError):
        Record.read(path)


def test_fields_that_a_later_version_added_are_passed_over(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(RECORD.to_text()), "later": 1}), encoding="utf-8")

    assert Record.read(path) == RECORD


def test_a_record_in_the_folder_of_another_environment_is_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.layout.environment("copy").mkdir(parents=True)
    store.layout.record("copy").write_text(RECORD.to_text(), encoding="utf-8")

    with pytest.raises(RecordError, match="written for the environment 'tools'"):
        store.record("copy")


def test_what_is_installed_later_makes_an_environment_unmanaged() -> None:
    before = Record(**{**vars(RECORD), "changes": ()})

    assert before.managed
    assert not before.changed("install() added scipy").managed
    assert before.changed("install() added scipy") == RECORD


def test_no_path_of_the_machine_and_no_tool_version_is_part_of_the_identity() -> None:
    elsewhere = Record(**{**vars(RECORD), "base": "/other", "backend": "pixi", "python_version": "3.11.9"})

    assert RECORD.fingerprint == elsewhere.fingerprint


def test_generations_have_names_that_never_come_twice() -> None:
    names = {new_generation() for _ in range(1000)}

    assert len(names) == 1000
    assert all(is_generation(name) for name in names)


def test_names_that_differ_by_case_or_encoding_are_found(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for name in ("Tools", "café", "other", "deleted"):
        layout.environment(name).mkdir(parents=True)
        if name != "deleted":
            layout.record(name).touch()

    assert layout.names_like("tools") == ("Tools",)
    assert layout.names_like("CAFÉ") == ("café",)
    assert layout.names_like("Deleted") == ()
    assert layout.names() == ("Tools", "café", "other")
