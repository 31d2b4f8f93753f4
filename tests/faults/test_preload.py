"""Workers that are forked of a process which has imported their modules: quick, and otherwise like all others."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pools import eventually, is_running, pids, pool_of, unlaunched
from wetlands._launch.starter import Starter
from wetlands.exceptions import ExecutionException, LaunchError
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

FUNCTIONS = Path(__file__).parent.parent / "preload_functions.py"
PRELOAD = ["xml.dom.minidom", "decimal"]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with unlaunched() as environment:
        environment.launch(max_workers=2, preload=PRELOAD)
        yield environment


def facts(environment: ExternalEnvironment) -> dict[str, Any]:
    return cast("dict[str, Any]", environment.execute(FUNCTIONS, "facts"))


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def kinds_of_descriptors(environment: ExternalEnvironment) -> list[str]:
    found = cast("dict[int, str]", environment.execute(FUNCTIONS, "descriptors"))
    return sorted(path.partition(":")[0] for path in found.values() if not path.startswith("/proc/"))


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_workers_and_replacements_are_forked_with_the_modules_loaded(environment: ExternalEnvironment) -> None:
    before = facts(environment)
    assert before["loaded"]
    assert os.getpid() != before["parent"]
    assert (before["pid"], str(Path.cwd()), [""]) == (before["session"], before["folder"], before["argv"])

    old = pids(environment)
    for pid in old:
        kill(pid)
    eventually(lambda: len(set(pids(environment)) - set(old)) == 2, "both are replaced")
    after = facts(environment)
    assert after["pid"] not in old
    assert (True, before["parent"]) == (after["loaded"], after["parent"])


def test_without_preload_nothing_is_loaded_and_workers_are_our_children() -> None:
    with unlaunched() as environment:
        environment.launch()
        found = facts(environment)
        assert (False, os.getpid()) == (found["loaded"], found["parent"])


@pytest.mark.parametrize(
    "function, argument, words",
    [
        ("die", 9, "died with signal 9 (SIGKILL)"),
        ("die", 11, "died with signal 11 (SIGSEGV)"),
        ("leave", 3, "died with exit code 3"),
    ],
)
def test_deaths_are_explained(environment: ExternalEnvironment, function: str, argument: int, words: str) -> None:
    with pytest.raises(ExecutionException) as caught:
        environment.execute(FUNCTIONS, function, (argument,))
    assert words in str(caught.value)
    traceback = str(caught.value.failure.traceback)
    assert "The worker held up to" in traceback
    assert ("Fatal Python error: Segmentation fault" in traceback) == (argument == 11)
    assert facts(environment)["loaded"]


def test_each_worker_has_its_own_output_and_variables(caplog: pytest.LogCaptureFixture) -> None:
    with unlaunched() as environment, caplog.at_level(logging.INFO, "wetlands"):
        environment.launch(max_workers=2, preload=PRELOAD, worker_env=lambda index: {"DEVICE": f"gpu{index}"})
        for worker in pool_of(environment).workers:
            assert descriptors_of(worker.process.pid) < 20
        devices = {environment.execute(FUNCTIONS, "variable", ("DEVICE",)) for _ in range(3)}
        assert devices <= {"gpu0", "gpu1"}
        environment.execute(FUNCTIONS, "speaks", ("hello",))

        def said() -> list[tuple[str, object]]:
            of_workers = [record for record in caplog.records if vars(record).get("worker_index") in {0, 1}]
            lines = [(record.getMessage(), vars(record).get("stream")) for record in of_workers]
            return sorted(line for line in lines if "hello" in line[0])

        eventually(lambda: len(said()) == 2, "both lines are logged")
        assert [("hello", "stdout"), ("hello on stderr", "stderr")] == said()


def test_a_worker_inherits_nothing_of_the_others_or_of_the_template(environment: ExternalEnvironment) -> None:
    """Or else the end of one would not be seen while another lives."""
    kill(pids(environment)[0])
    eventually(lambda: len(pids(environment)) == 2, "it is replaced")
    with unlaunched() as other:
        other.launch()
        assert kinds_of_descriptors(other) == kinds_of_descriptors(environment)


def test_random_numbers_differ_between_workers() -> None:
    pytest.importorskip("numpy")
    with unlaunched() as environment:
        environment.launch(max_tasks_per_worker=1, preload=["numpy", "numpy.random", "random"])
        drawn = [cast("tuple[float, float]", environment.execute(FUNCTIONS, "numbers")) for _ in range(4)]
    assert [4, 4] == [len({pair[position] for pair in drawn}) for position in (0, 1)]


def test_numpy_with_its_idle_native_threads_can_be_forked(caplog: pytest.LogCaptureFixture) -> None:
    """OpenBLAS starts a thread per core when it is imported, and ends them when it is told of a fork."""
    numpy = pytest.importorskip("numpy")
    with unlaunched() as environment, caplog.at_level(logging.WARNING, "wetlands"):
        environment.launch(preload=["numpy"])
        assert 49995000.0 == environment.execute(FUNCTIONS, "array_sum", (numpy.arange(10_000, dtype=float),))
        big = numpy.arange(1_000_000)
        assert numpy.array_equal(big, environment.execute(FUNCTIONS, "echo", (big,)))
        assert os.getpid() != facts(environment)["parent"]
    assert "preload" not in caplog.text


def test_children_of_all_kinds_work_in_a_forked_worker(environment: ExternalEnvironment) -> None:
    assert (1, 2, 3) == environment.execute(FUNCTIONS, "children_of_all_kinds")


def test_the_main_thread_is_the_main_thread() -> None:
    with unlaunched() as environment:
        environment.launch(preload=["threading"])
        assert (["MainThread"], True) == environment.execute(FUNCTIONS, "thread_names")


def test_a_worker_that_ignores_everything_is_ended_with_the_environment(environment: ExternalEnvironment) -> None:
    task = environment.submit(FUNCTIONS, "ignores_everything")
    eventually(lambda: task.message, "it runs")
    running = pids(environment)
    template = facts(environment)["parent"]
    environment.exit()
    assert not any(map(is_running, [*running, template]))
    assert task.error is not None
    assert TaskFailureCategory.ENVIRONMENT is task.error.category


def test_a_timeout_shows_the_stack_and_replaces_the_worker(environment: ExternalEnvironment) -> None:
    with pytest.raises(ExecutionException) as caught:
        environment.execute(FUNCTIONS, "ignores_everything", timeout=0.5)
    assert "ignores_everything" in str(caught.value.failure.traceback)
    assert facts(environment)["loaded"]


def test_a_module_that_cannot_be_imported_fails_the_launch_with_its_traceback() -> None:
    with unlaunched() as environment:
        with pytest.raises(LaunchError, match=r"no_such_thing cannot be imported \(preload\)") as caught:
            environment.launch(preload=["json", "no_such_thing"])
        assert caught.value.failure is not None
        assert isinstance(caught.value.__cause__, ExecutionException)
        assert not environment.launched()
        environment.launch()


def on_path(folder: Path, name: str, text: str) -> dict[str, str]:
    (folder / f"{name}.py").write_text(text, "utf-8")
    return {"PYTHONPATH": str(folder)}


def test_a_module_that_ends_the_process_fails_the_launch_with_its_last_words(tmp_path: Path) -> None:
    text = "import os\nos.write(2, b'goodbye\\n')\nos._exit(7)\n"
    with unlaunched(variables=on_path(tmp_path, "leaves", text)) as environment:
        with pytest.raises(LaunchError, match=r"imports leaves \(preload\) died with exit code 7") as caught:
            environment.launch(preload=["leaves"])
        assert ("goodbye",) == caught.value.output


THREAD = """
import threading
thread = threading.Thread(target=threading.Event().wait, name="ticker", daemon=True)
thread.start()
"""


def test_a_module_that_starts_a_thread_is_not_forked_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        unlaunched(variables=on_path(tmp_path, "ticks", THREAD)) as environment,
        caplog.at_level(logging.WARNING, "wetlands"),
    ):
        environment.launch(preload=["ticks"])
        assert os.getpid() == facts(environment)["parent"]
    expected = "preload has no effect: the process that imported ticks cannot be forked, 2 threads run in it: ticker"
    assert [expected] == [record.getMessage() for record in caplog.records]


def test_when_the_template_is_killed_workers_go_on_and_new_ones_start_as_usual(
    environment: ExternalEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    template = facts(environment)["parent"]
    before = pids(environment)
    with caplog.at_level(logging.WARNING, "wetlands"):
        kill(template)
        eventually(lambda: not is_running(template), "it is gone")
        assert facts(environment)["pid"] in before

        with pytest.raises(ExecutionException, match="died in an unknown way"):
            environment.execute(FUNCTIONS, "leave", (3,))
        eventually(lambda: len(set(pids(environment)) - set(before)) == 1, "it is replaced")
    assert [os.getpid()] == [parent_of(pid) for pid in set(pids(environment)) - set(before)]
    assert 1 == caplog.text.count("Workers are not forked any more but started as usual")
    environment.exit()
    assert not any(map(is_running, before))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])


def test_many_replacements_in_a_row_leave_nothing_in_the_template() -> None:
    with unlaunched() as environment:
        environment.launch(max_workers=2, max_tasks_per_worker=1, preload=PRELOAD)
        template = facts(environment)["parent"]
        used = descriptors_of(template)
        found = [cast("dict[str, Any]", one) for one in environment.map(FUNCTIONS, "facts", range(60))]
        assert 60 == len({one["pid"] for one in found})
        assert {template} == {one["parent"] for one in found}
        eventually(lambda: descriptors_of(template) <= used, "its descriptors are as before")
        children = Path(f"/proc/{template}/task/{template}/children")
        eventually(lambda: len(children.read_text("ascii").split()) <= 2, "its children are reaped")


@pytest.mark.skipif(sys.platform != "linux", reason="the interpreters are found on Linux")
def test_the_environment_may_be_launched_again(environment: ExternalEnvironment) -> None:
    first = facts(environment)["parent"]
    environment.exit()
    assert not is_running(first)
    environment.launch(preload=["json"])
    assert first != facts(environment)["parent"]


@pytest.mark.compat
def test_every_python_can_preload(interpreter: Path) -> None:
    with unlaunched(interpreter) as environment:
        environment.launch(preload=PRELOAD)
        before = facts(environment)
        kill(before["pid"])
        eventually(lambda: pids(environment) not in ([], [before["pid"]]), "it is replaced")
        after = facts(environment)
        assert (True, before["parent"]) == (after["loaded"], after["parent"])
        with pytest.raises(ExecutionException, match="died with exit code 3"):
            environment.execute(FUNCTIONS, "leave", (3,))


def test_a_prepared_worker_may_be_forked(environment: ExternalEnvironment) -> None:
    environment.exit()
    environment.launch(preload=PRELOAD, initializer=(FUNCTIONS, "remember", (7,)))
    for _ in range(2):
        assert 7 == environment.execute(FUNCTIONS, "remembered")
        (pid,) = pids(environment)
        kill(pid)
        eventually(lambda old=pid: pids(environment) not in ([], [old]), "it is replaced")  # type: ignore[misc]  # a default


@pytest.mark.parametrize("modules", ["numpy", [1], ["a/b.py"], ["a b"], [""], None, 3])
def test_what_is_no_list_of_modules_is_refused(modules: Any) -> None:  # noqa: ANN401 - whatever a user gives
    with unlaunched() as environment, pytest.raises(ValueError, match="preload"):
        environment.launch(preload=modules)


def test_a_system_that_cannot_fork_says_so_and_starts_workers_as_usual(caplog: pytest.LogCaptureFixture) -> None:
    starter = Starter(Path(sys.executable), {}, None, session="s", instance="i", who="tested", system="windows")
    with caplog.at_level(logging.WARNING, "wetlands"):
        starter.preload(["json"])
    assert ["preload has no effect: this system cannot fork"] == [record.getMessage() for record in caplog.records]
    starter.close()
