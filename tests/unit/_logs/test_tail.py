from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from wetlands._logs.tail import about, added_lines, last_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CELLPOSE = "2026-01-31 12:00:00,123 INFO    cellpose worker 0 task 7 stderr: loading"
_STARDIST = "2026-01-31 12:00:01,123 WARNING stardist worker 0: hot"
_MANAGER = "2026-01-31 12:00:02,123 INFO    cellpose: built"


class _NothingNewError(Exception):
    """Waiting would last for ever."""


def _steps(*steps: Callable[[], object]) -> Callable[[], object]:
    """Something that happens each time there is nothing new; at the end there is nothing to wait for."""
    waiting = iter(steps)

    def wait() -> object:
        step = next(waiting, None)
        if step is None:
            raise _NothingNewError
        return step()

    return wait


def test_the_last_lines_are_those_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthree\n")

    assert ["two", "three"] == last_lines(path, 2)
    assert [] == last_lines(path, 0)
    assert [] == last_lines(tmp_path / "none", 2)


def test_lines_about_an_environment_bring_the_rest_of_their_record() -> None:
    lines = [_CELLPOSE, "Traceback of cellpose", _STARDIST, "Traceback of stardist", _MANAGER]

    assert [_CELLPOSE, "Traceback of cellpose", _MANAGER] == list(about(lines, "cellpose"))
    assert [] == list(about(lines, "cell"))


def test_added_lines_come_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    with path.open("a") as writer:

        def write(text: str) -> Callable[[], object]:
            return lambda: print(text, end="", file=writer, flush=True)

        added = added_lines(path, wait=_steps(write("be"), write("gun\nne"), write("xt\n")))

        assert ["begun", "next"] == list(islice(added, 2))
        added.close()  # type: ignore[attr-defined]


def test_a_file_that_is_begun_anew_or_comes_later_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"

    def renamed() -> None:
        path.rename(tmp_path / "log.1")
        path.write_text("second\n")

    added = added_lines(path, wait=_steps(lambda: path.write_text("first\n"), renamed))

    assert ["first", "second"] == list(islice(added, 2))
    added.close()  # type: ignore[attr-defined]


def test_a_file_that_was_emptied_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a long line before\n")

    added = added_lines(path, wait=_steps(lambda: path.write_text("new\n")))

    assert ["new"] == list(islice(added, 1))
    added.close()  # type: ignore[attr-defined]
