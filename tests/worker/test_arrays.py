"""Arrays cross to real workers and back: through shared memory, by value, and nothing of it is left behind."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import pools
from arrays import DTYPES, assert_same, filled
from elsewhere import SYSTEMS, become, files, holders, left_in, mappings, memory_of
from numpys import CASES, NUMPYS, with_numpy
from pools import DEADLINE, FUNCTIONS, an_environment, eventually, is_running, pids, pool_of
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at /proc")

MODULE = Path(__file__).with_name("array_functions.py")
MEGABYTE = 1 << 20


def zone(environment: ExternalEnvironment) -> Anything:
    """The blocks that this process lends to the worker."""
    exchange = pool_of(environment).workers[0].process.call.exchange
    assert exchange is not None
    return exchange.zone


def run(environment: ExternalEnvironment, function: str, *args: object) -> Anything:
    return environment.execute(MODULE, function, args)


def descriptors(pid: int | str = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.fixture(autouse=True, params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test is run with shared memory as each system has it."""
    (tmp_path / "system").mkdir()
    become(request.param, tmp_path / "system", monkeypatch)
    return cast("str", request.param)


def nothing_is_shared() -> bool:
    gc.collect()
    return (0, 0) == (len(list(files())), mappings())


@pytest.mark.parametrize("size", [10, 5_000, 70_000, 3 * MEGABYTE])
def test_an_echo_is_equal_and_belongs_to_the_caller(size: int) -> None:
    array = np.arange(size, dtype="f8")
    with an_environment() as environment:
        echo = run(environment, "echo", array)
        other = run(environment, "echo", array)
        echo[:] = -1

        assert_same(np.arange(size, dtype="f8"), array)
        assert_same(array, other)


def test_a_worker_that_writes_into_its_argument_does_not_change_that_of_the_caller() -> None:
    array = np.zeros(MEGABYTE)
    with an_environment() as environment:
        assert MEGABYTE == run(environment, "fills", array, 1.0)
        assert 0 == run(environment, "total", array)

    assert 0 == array.sum()


def test_arrays_inside_of_anything_cross() -> None:
    value: Anything = {"a": [np.ones(MEGABYTE), (np.zeros(200_000, ">f4"), b"x" * MEGABYTE)], "b": bytearray(MEGABYTE)}
    with an_environment() as environment:
        echo = run(environment, "echo", value)

    assert_same(value["a"][0], echo["a"][0])
    assert_same(value["a"][1][0], echo["a"][1][0])
    assert value["a"][1][1] == echo["a"][1][1]
    assert value["b"] == echo["b"]


def test_results_and_outputs_outlive_their_worker() -> None:
    with an_environment() as environment:
        task = environment.submit(MODULE, "gives_output", (MEGABYTE,))
        task.wait_for(DEADLINE)
        result = cast("Anything", task.result)
        output = cast("Anything", task.outputs["half"])
        del task

    assert MEGABYTE == result.sum()
    assert MEGABYTE / 2 == output.sum()
    assert 1 == mappings()
    del result, output
    gc.collect()
    assert 0 == mappings()


def test_arguments_come_back_with_the_answer_so_one_block_serves_all_calls() -> None:
    array = np.ones(MEGABYTE)
    with an_environment() as environment:
        for _ in range(5):
            assert MEGABYTE == run(environment, "total", array)
            assert 0 == zone(environment).taken_bytes

        assert zone(environment).idle_bytes < 2 * array.nbytes


def test_an_argument_that_the_worker_keeps_stays_with_it() -> None:
    with an_environment() as environment:
        run(environment, "keeps", np.full(MEGABYTE, 7, "u1"))
        for number in range(3):
            run(environment, "echo", np.full(MEGABYTE, number, "u1"))

        assert 7 * MEGABYTE == run(environment, "kept_total")
        assert zone(environment).taken_bytes >= MEGABYTE
        run(environment, "keeps", None)
        run(environment, "echo", None)
        assert 0 == zone(environment).taken_bytes


def test_large_results_that_end_are_given_back_without_another_call() -> None:
    with an_environment() as environment:
        worker = pool_of(environment).workers[0]
        result = run(environment, "echo", np.ones(2 * MEGABYTE))
        exchange = worker.process.call.exchange
        assert exchange is not None
        del result

        eventually(lambda: not exchange.returned, "the monitor gives it back")


def test_arrays_that_wait_in_a_queue_are_not_copied() -> None:
    with an_environment() as environment:
        gate = environment.submit(FUNCTIONS, "until_canceled")
        eventually(lambda: pools.begun(gate, environment), "it begins")
        array = np.ones(MEGABYTE)
        tasks = [environment.submit(MODULE, "total", (array,)) for _ in range(20)]
        waiting = zone(environment).taken_bytes
        gate.cancel()

        assert 0 == waiting
        assert [float(MEGABYTE)] * 20 == [task.wait_for(DEADLINE).result for task in tasks]
        assert zone(environment).idle_bytes < 3 * array.nbytes


def test_a_failed_call_leaves_nothing_lent() -> None:
    with an_environment() as environment:
        for function in ("raises", "unsendable_beside"):
            with pytest.raises(ExecutionException):
                run(environment, function, np.ones(MEGABYTE))
        run(environment, "echo", None)

        assert 0 == zone(environment).taken_bytes


def test_arrays_of_a_map_and_of_scripts_cross(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import numpy\nresult = numpy.ones(1000000)\n", encoding="utf-8")
    with an_environment(max_workers=2) as environment:
        items = [np.full(100_000, number) for number in range(20)]
        totals = list(environment.map(MODULE, "total", items))
        arrays = list(environment.map(MODULE, "ones", [100_000] * 20))
        found = cast("Anything", environment.run_script(script)["result"])

    assert [100_000 * number for number in range(20)] == totals
    assert all(100_000 == cast("Anything", array).sum() for array in arrays)
    assert 1_000_000 == found.sum()


def test_many_results_can_be_kept() -> None:
    """A mapping for each, or a descriptor, would be too many."""
    with an_environment() as environment:
        before = len(list(files())), mappings()
        kept = [run(environment, "full", 20_000, number) for number in range(2_000)]

        assert before == (len(list(files())), mappings())
        assert [float(number) for number in range(2_000)] == [array[-1] for array in kept]


def test_every_python_exchanges_large_byte_strings(interpreter: Path) -> None:
    value = [b"x" * MEGABYTE, bytearray(100_000)]
    with an_environment(interpreter) as environment:
        for _ in range(3):
            assert value == environment.execute(FUNCTIONS, "echo", (value,))
        array = cast("Anything", environment.execute(FUNCTIONS, "echo", (np.arange(100_000),)))

    assert_same(np.arange(100_000), array)


@pytest.mark.network
@pytest.mark.parametrize("version, name", CASES)
def test_large_arrays_cross_between_the_versions_of_numpy(version: str, name: str, numpy_environments: Path) -> None:
    arrays: list[Anything] = [
        *(np.repeat(filled((3, 4, 10), dtype), 1_000, axis=2).transpose(1, 0, 2) for dtype in DTYPES),
        np.ma.array(np.arange(100_000), mask=np.arange(100_000) % 3 == 0),
        np.asfortranarray(np.ones((300, 400))),
    ]
    with an_environment(with_numpy(numpy_environments, version, NUMPYS[name][0])) as environment:
        for array in arrays:
            echo = run(environment, "echo", array)
            assert_same(np.asarray(array), np.asarray(echo))
        assert MEGABYTE == run(environment, "fills", np.zeros(MEGABYTE), 1)
        assert 0 == zone(environment).taken_bytes


# --- kills ------------------------------------------------------------------------------------------------------------

PHASES = ["while_it_has_the_argument", "before_it_answers", "as_a_kept_result"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_worker_leaves_nothing_and_harms_no_other_call(phase: str) -> None:
    with an_environment(max_workers=2) as environment:
        other = run(environment, "ones", MEGABYTE)
        if phase == "as_a_kept_result":
            for pid in pids(environment):
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: len(pids(environment)) == 2 and all(map(is_running, pids(environment))), "they return")
        else:
            with pytest.raises(ExecutionException) as caught:
                run(environment, phase, np.ones(MEGABYTE))
            assert TaskFailureCategory.WORKER_DIED is caught.value.failure.category

        assert MEGABYTE == other.sum()
        assert MEGABYTE == run(environment, "total", np.ones(MEGABYTE))
        del other
    eventually(nothing_is_shared, "the last who refers to it is gone")


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05])
def test_a_worker_killed_in_the_middle_of_transfers_fails_one_call_alone(delay: float) -> None:
    array = np.ones(4 * MEGABYTE, "u1")
    with an_environment(max_workers=2) as environment:
        victim = pids(environment)[0]
        tasks = [environment.submit(MODULE, "echo", (array,)) for _ in range(40)]
        time.sleep(delay)
        os.kill(victim, signal.SIGKILL)
        failed = 0
        for task in tasks:
            task.wait_for(DEADLINE)
            if task.error is not None:
                failed += 1
                assert TaskFailureCategory.WORKER_DIED is task.error.category
            else:
                assert 4 * MEGABYTE == cast("Anything", task.result).sum()

        assert failed <= 1


HOST = """
import pathlib, sys
sys.path[:0] = [{tests!r}, {source!r}]
import numpy as np
import pytest
from elsewhere import become
from pools import an_environment, pids
become({system!r}, pathlib.Path({folder!r}), pytest.MonkeyPatch())
with an_environment(max_workers=2) as environment:
    print(*pids(environment), flush=True)
    array = np.ones(8_000_000)
    tasks = [environment.submit({module!r}, "echo", (array,)) for _ in range(1000)]
    kept = [task.wait_for(20).result for task in tasks[:3]]
    print("busy", flush=True)
    for task in tasks:
        task.wait_for(60)
"""


@pytest.mark.parametrize("who", ["host", "both"])
def test_a_killed_host_leaves_no_shared_memory(who: str, system: str, tmp_path: Path) -> None:
    tests, source = Path(pools.__file__).parent, Path(pools.__file__).parents[1] / "src"
    folder = str(tmp_path / "system")
    program = HOST.format(tests=str(tests), source=str(source), module=str(MODULE), system=system, folder=folder)
    named = left_in(Path("/dev/shm"))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        workers = [int(word) for word in host.stdout.readline().split()]
        assert "busy\n" == host.stdout.readline()
        held = memory_of([host.pid, *workers])
        for pid in [host.pid, *(workers if who == "both" else [])]:
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(is_running, workers)), "the workers leave")

    assert named == left_in(Path("/dev/shm"))
    if system != "windows":  # where the test has a file in the place of what Windows has
        assert sum(held.values()) > 8_000_000
    eventually(lambda: not holders(held), "nobody has the memory")


# --- soak -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transfers", [600, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_transfers_of_mixed_sizes_keep_memory_mappings_and_descriptors_flat(transfers: int) -> None:
    sizes = [100, 5_000, 70_000, 300_000, 66_000, 1_000_000, 200_000, 2_500_000]
    arrays = [np.full(size, number, "u1") for number, size in enumerate(sizes)]
    with an_environment() as environment:
        pid = pids(environment)[0]
        seen = []
        for step in range(4):
            for number in range(transfers // 4):
                array = arrays[(number * 7 + number // 11) % len(arrays)]
                echo = run(environment, "echo", array)
                assert array[0] == echo[-1]
                del echo
            seen.append((descriptors(), mappings(), descriptors(pid), mappings(pid), resident(), resident(pid)))
            assert step == 0 or seen[1][:4] == seen[-1][:4]

    assert seen[-1][4] - seen[1][4] < 16 * MEGABYTE
    assert seen[-1][5] - seen[1][5] < 16 * MEGABYTE


def resident(pid: int | str = "self") -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
