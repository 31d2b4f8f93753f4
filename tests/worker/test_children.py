"""What a task starts itself: DataLoader-like children, pools, threads and commands, in old and new Pythons."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

import children_functions
from interpreters import found
from pools import DEADLINE, FUNCTIONS, an_environment, eventually, is_running
from wetlands.task import TaskFailureCategory, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

CHILDREN = Path(children_functions.__file__)
METHODS = ("fork", "spawn", "forkserver")
PYTHONS = {version: path for version, path in found().items() if version in {"3.8", "3.11", "3.13"}}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the methods of POSIX")


@pytest.fixture(params=list(PYTHONS.values()), ids=list(PYTHONS))
def environment(request: pytest.FixtureRequest) -> Iterator[ExternalEnvironment]:
    with an_environment(request.param) as launched:
        yield launched


@pytest.mark.parametrize("method", METHODS)
def test_a_loader_has_its_children_load_what_the_file_of_the_user_defines(
    environment: ExternalEnvironment, method: str
) -> None:
    expected = [(index,) * 3 for index in range(4)]

    assert (expected, [0, 0]) == environment.execute(CHILDREN, "loads_images", (method,))


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_maps_functions_of_the_file_of_the_user(environment: ExternalEnvironment, method: str) -> None:
    assert ([0, 1, 4, 9, 16], 7) == environment.execute(CHILDREN, "maps", (method,))
    assert [0, 1, 4, 9, 16] == environment.execute(CHILDREN, "executes_in_processes", (method,))


def test_the_default_method_and_threads_and_commands_work(environment: ExternalEnvironment) -> None:
    squares = [0, 1, 4, 9, 16]
    assert squares == environment.execute(CHILDREN, "maps_by_default")
    assert squares == environment.execute(CHILDREN, "executes_in_processes", (None,))
    assert squares == environment.execute(CHILDREN, "executes_in_threads")
    assert "said on stdout" == environment.execute(CHILDREN, "runs_a_command")
    assert ["said on stdout"] * 4 == environment.execute(CHILDREN, "runs_a_command_in_a_thread")


@pytest.mark.parametrize("method", METHODS)
def test_what_a_child_raises_arrives_as_the_exception_of_the_task(
    environment: ExternalEnvironment, method: str
) -> None:
    error = environment.submit(CHILDREN, "fails_in_a_child", (method,)).wait_for(DEADLINE).error

    assert error is not None
    assert error.remote_exception is not None
    assert ("BrokenError", "image 3") == (error.remote_exception.type_name, error.remote_exception.message)
    assert "of the user" == environment.execute(FUNCTIONS, "echo", ("of the user",))


def test_a_child_that_dies_breaks_the_pool_of_the_task_and_not_the_worker(environment: ExternalEnvironment) -> None:
    pid = environment.execute(FUNCTIONS, "pid")
    error = environment.submit(CHILDREN, "breaks_its_pool").wait_for(DEADLINE).error

    assert error is not None
    assert error.category is TaskFailureCategory.REMOTE_EXCEPTION
    assert error.remote_exception is not None
    assert "BrokenProcessPool" == error.remote_exception.type_name
    assert pid == environment.execute(FUNCTIONS, "pid")


@pytest.mark.parametrize("method", METHODS)
def test_children_may_last_from_call_to_call_and_end_with_the_worker(
    environment: ExternalEnvironment, method: str
) -> None:
    first, children = cast("Any", environment.execute(CHILDREN, "loads_with_lasting_children", (method, [1, 2])))
    second, same = cast("Any", environment.execute(CHILDREN, "loads_with_lasting_children", (method, [3])))
    environment.exit()

    assert ([(1, 1, 1), (2, 2, 2)], [(3, 3, 3)]) == (first, second)
    assert children == same
    eventually(lambda: not any(is_running(pid) for pid in children), "the children have ended")


def test_reports_of_a_forked_child_go_nowhere_and_harm_nobody(environment: ExternalEnvironment) -> None:
    task = environment.submit(CHILDREN, "reports_in_a_child").wait_for(DEADLINE)

    assert (TaskStatus.COMPLETED, 0) == (task.status, task.result)
    assert "of the parent" == task.message
    assert {} == task.outputs


NAMES = {
    "a name that no import can say": "load-images.py",
    "the name of a module of Python": "queue.py",
    "the name of another one": "multiprocessing.py",
    "a module of a package": "package/images.py",
    "a package": "package/__init__.py",
    "spaces": "my images/load images.py",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_children_find_the_file_of_the_user_whatever_it_is_called(
    environment: ExternalEnvironment, name: str, tmp_path: Path
) -> None:
    module = tmp_path / name
    module.parent.mkdir(exist_ok=True)
    (module.parent / "__init__.py").touch()
    if not module.parent.name.isidentifier() or module.parent == tmp_path:
        (module.parent / "__init__.py").unlink()
    text = CHILDREN.read_text(encoding="utf-8")
    (module.parent / "neighbour.py").write_text("FACTOR = 1\n", encoding="utf-8")
    module.write_text(text.replace("import os\n", "import os\nimport neighbour\n"), encoding="utf-8")

    for method in METHODS:
        assert ([0, 1, 4, 9, 16], 7) == environment.execute(module, "maps", (method,))


def test_children_of_a_script_run_it_as_they_do_anywhere(environment: ExternalEnvironment, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    text = CHILDREN.read_text(encoding="utf-8").replace("import wetlands_worker\n", "")
    script.write_text(text + "\nif __name__ == '__main__':\n    answer = maps('spawn')\n", encoding="utf-8")

    assert ([0, 1, 4, 9, 16], 7) == environment.run_script(script)["answer"]


def test_the_folder_of_an_earlier_call_does_not_confuse_children(
    environment: ExternalEnvironment, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(CHILDREN, tmp_path / folder / "same_name.py")
        with (tmp_path / folder / "same_name.py").open("a", encoding="utf-8") as file:
            file.write(f"\ndef square(number):\n    return {folder!r} * number\n")
    for folder in ("a", "b", "a"):
        squares, _ = cast("Any", environment.execute(tmp_path / folder / "same_name.py", "maps", ("spawn",)))
        assert [folder * number for number in range(5)] == squares
