from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wetlands._debug.jsonc import value
from wetlands._debug.vscode import configuration, with_configurations, write_launch_file
from wetlands._store.debuggers import DebugEndpoint
from wetlands.exceptions import DebuggerError

if TYPE_CHECKING:
    from collections.abc import Callable

ENDPOINT = DebugEndpoint("cellpose", 0, 47, "127.0.0.1", 5678)
OTHER = DebugEndpoint("cellpose", 1, 48, "127.0.0.1", 5679)
OURS = configuration(ENDPOINT, Path("/sources"), just_my_code=True)

USERS = """\
{
  // Use IntelliSense to learn about possible attributes.
  "version": "0.2.0",
  "configurations": [
    // my own
    {
      "name": "run it",
      "type": "debugpy", /* mine */
    },
  ],
}
"""


def _names(text: str) -> list[str]:
    document: Any = value(text)
    return [entry["name"] for entry in document["configurations"]]


def test_an_entry_attaches_to_the_worker_with_the_files_where_they_are() -> None:
    assert {
        "name": "wetlands: cellpose, worker 0",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": 5678},
        "pathMappings": [{"localRoot": "${workspaceFolder}", "remoteRoot": str(Path("/sources"))}],
        "justMyCode": True,
    } == OURS


def test_entries_and_comments_of_the_user_stay() -> None:
    after = with_configurations(USERS, [OURS])

    assert ["wetlands: cellpose, worker 0", "run it"] == _names(after)
    for comment in ("// Use IntelliSense", "// my own", "/* mine */"):
        assert comment in after
    document: Any = value(after)
    assert document["configurations"][0] == OURS


def test_an_entry_of_that_name_is_replaced_where_it_stands() -> None:
    once = with_configurations(USERS, [OURS])
    moved = {**OURS, "connect": {"host": "127.0.0.1", "port": 9999}}

    twice = with_configurations(once, [moved])

    assert _names(once) == _names(twice)
    assert once.replace("5678", "9999") == twice


@pytest.mark.parametrize(
    "text",
    ["{}", '{"version": "0.2.0"}', '{"configurations": []}', '{"configurations": [ // none yet\n]}', "// c\n{\n}\n"],
)
def test_a_file_without_entries_gets_them(text: str) -> None:
    after = with_configurations(text, [OURS, configuration(OTHER, Path("/sources"), just_my_code=False)])

    assert {"wetlands: cellpose, worker 0", "wetlands: cellpose, worker 1"} == set(_names(after))
    assert ("// c" in after) == ("// c" in text)


def test_a_new_file_is_made_with_its_folder(tmp_path: Path) -> None:
    path = write_launch_file(tmp_path, [ENDPOINT], just_my_code=False)

    assert tmp_path / ".vscode" / "launch.json" == path
    assert ["wetlands: cellpose, worker 0"] == _names(path.read_text(encoding="utf-8"))
    assert ["launch.json"] == [entry.name for entry in path.parent.iterdir()]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text('{"configurations": [', encoding="utf-8"),
        lambda path: path.write_text('{"configurations": {}}', encoding="utf-8"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_cannot_be_understood_is_left_alone(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = tmp_path / ".vscode" / "launch.json"
    path.parent.mkdir()
    damage(path)
    before = path.read_bytes()

    with pytest.raises(DebuggerError, match=r"launch\.json cannot be understood"):
        write_launch_file(tmp_path, [ENDPOINT], just_my_code=False)

    assert before == path.read_bytes()


def test_an_empty_file_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / ".vscode" / "launch.json"
    path.parent.mkdir()
    path.write_text("  \n")

    write_launch_file(tmp_path, [ENDPOINT], just_my_code=False)

    assert 1 == len(_names(path.read_text(encoding="utf-8")))
