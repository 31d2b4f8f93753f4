"""Shared arrays and NDArrays between real processes: one memory, written by all, and nothing left of it."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pools
from elsewhere import become, holders, memory_of
from numpys import CASES, NUMPYS, with_numpy
from pools import an_environment, eventually, is_running, pids
from wetlands import shared
from wetlands.exceptions import ExecutionException
from wetlands.ndarray import NDArray
from wetlands.task import TaskFailureCategory
from wetlands_worker import handover, shared_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands.external_environment import ExternalEnvironment

MODULE = Path(__file__).with_name("shared_functions.py")
STRUCTURE = np.dtype([("a", "i4"), ("b", "f8", (2,))])


@pytest.fixture(autouse=True, params=["linux", "macos"])
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every test is run with memory that has no name, and with files as on macOS, of which none may be left."""
    folder = tmp_path / "system"
    folder.mkdir()
    become(request.param, folder, monkeypatch)
    yield request.param
    gc.collect()
    eventually(lambda: not handover._lender._settle(), "all has arrived")
    eventually(lambda: not swept(folder), "no file is left")  # the thread of the lender has its page until its end


def swept(folder: Path) -> list[Path]:
    """The files that somebody uses."""
    sweep(folder)
    return named_files(folder)


def sweep(folder: Path) -> None:
    """Remove what killed processes left, as the next one does, a minute later."""
    for used in folder.glob("wetlands-shared-*"):
        shared_memory.sweep(str(used), young=0.0)


def named_files(folder: Path) -> list[Path]:
    return list(folder.glob("wetlands-shared-*/*"))


def run(environment: ExternalEnvironment, function: str, *args: object) -> Any:  # noqa: ANN401 - whatever it returns
    return environment.execute(MODULE, function, args)


def shared_bytes() -> int:
    """The shared memory of the machine, that of files without a name included."""
    found = re.search(r"^Shmem:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def test_what_a_worker_writes_into_a_shared_array_is_seen_here_and_the_other_way_round() -> None:
    array = shared.zeros((4, 5), "f4")
    with an_environment() as environment:
        run(environment, "keep", array)
        run(environment, "fill", array, 2)
        written_there = array.tolist()
        array[...] = 7
        kept = run(environment, "echo", array)
        run(environment, "set_kept", 9)

    assert [[2] * 5] * 4 == written_there
    assert np.shares_memory(array, kept)
    assert 9 == array.min()


def test_a_view_shares_its_part_with_any_strides() -> None:
    array = shared.zeros((6, 8), "i2")
    with an_environment() as environment:
        run(environment, "fill", array[1::2, ::-2], 1)
        run(environment, "fill", array.T[0], 2)
        back = run(environment, "fill_and_return_part", array[4:, :2])

    expected = np.zeros((6, 8), "i2")
    expected[1::2, ::-2] = 1
    expected.T[0] = 2
    expected[4:, :2] = 3
    assert expected.tolist() == array.tolist()
    assert np.shares_memory(array, back)


def test_what_is_computed_from_a_shared_array_is_by_value() -> None:
    array = shared.copy_of(np.arange(20_000))
    copy = array + 0
    with an_environment() as environment:
        run(environment, "fill", copy, 1)

    assert not shared.is_shared(copy)
    assert array.tolist() == copy.tolist()


def test_a_shared_array_that_a_worker_made_outlives_it() -> None:
    with an_environment() as environment:
        array = run(environment, "new_array", 1_000_000)

    assert shared.is_shared(array)
    assert (1, 1_000_000) == (array.sum(), array.size)


def test_an_array_that_nobody_else_keeps_waits_with_its_call_and_ends_with_a_canceled_one() -> None:
    with an_environment() as environment:
        gate = environment.submit(pools.FUNCTIONS, "until_canceled")
        eventually(lambda: pools.begun(gate, environment), "it begins")
        tasks = [environment.submit(MODULE, "shape_of", (shared.zeros(1000),)) for _ in range(3)]
        canceled = environment.submit(MODULE, "shape_of", (shared.zeros(1000),))
        waiting = handover._lender.outstanding()
        canceled.cancel()
        eventually(lambda: handover._lender.outstanding() == 3, "the canceled one lets go")
        gate.cancel()

        assert 4 == waiting
        assert [(1000,)] * 3 == [task.wait_for(pools.DEADLINE).result for task in tasks]
        eventually(lambda: handover._lender.outstanding() == 0, "all have arrived")


def test_workers_of_two_environments_share() -> None:
    array = shared.zeros(1000)
    with an_environment() as one, an_environment(name="other") as other:
        run(one, "keep", array)
        run(other, "fill", array, 4)
        run(one, "set_kept", run(other, "echo", array)[0] + 1)

    assert [5.0] * 1000 == array.tolist()


@pytest.mark.parametrize("values, dtype", [([], "f8"), (5, "i4"), ([(1, (2, 3))], STRUCTURE), (["a", "b"], "U3")])
def test_ndarrays_of_every_shape_and_kind_cross_without_a_copy(values: object, dtype: object) -> None:
    expected = np.array(values, dtype)  # type: ignore[call-overload]  # of any kind
    with an_environment() as environment:
        made = run(environment, "new_ndarray", values, dtype)
        with NDArray(expected) as ndarray:
            back = run(environment, "echo", ndarray)

            assert expected.tobytes() == back.array.tobytes() == made.array.tobytes()
            assert (expected.shape, expected.dtype) == (back.shape, back.dtype)
            assert ndarray.shm.name == back.shm.name


def test_a_read_only_view_arrives_read_only() -> None:
    array = shared.zeros(5)
    view = array[1:]
    view.flags.writeable = False
    with an_environment() as environment, pytest.raises(ExecutionException, match="read-only"):
        run(environment, "fill", view, 1)

    assert 0 == array.sum()


@pytest.mark.network
@pytest.mark.compat
@pytest.mark.parametrize("version, name", CASES)
def test_every_python_and_numpy_shares(version: str, name: str, numpy_environments: Path) -> None:
    array, ndarray = shared.zeros((3, 4)), NDArray(shape=(), dtype=STRUCTURE)
    with an_environment(with_numpy(numpy_environments, version, NUMPYS[name][0])) as environment:
        run(environment, "fill", array[:, 1], 6)
        run(environment, "fill_ndarray", ndarray, 1)
        made = run(environment, "new_array", 70_000)
        other = run(environment, "new_ndarray", [1, 2], "f4")
        run(environment, "fill", made, 2)

    assert [[0, 6, 0, 0]] * 3 == array.tolist()
    assert (1, [1, 1]) == (ndarray.array["a"], ndarray.array["b"].tolist())
    assert 140_000 == made.sum()
    assert [1, 2] == other.array.tolist()


def test_a_worker_without_numpy_hands_an_ndarray_on_and_reads_its_bytes(interpreter: Path) -> None:
    with an_environment(interpreter) as environment, NDArray(np.arange(4, dtype="i8")) as ndarray:
        back = run(environment, "echo", ndarray)
        back.array[...] = 8

        assert [8] * 4 == ndarray.array.tolist()
        assert (4,) == run(environment, "shape_of", ndarray)
        view = shared.copy_of(np.arange(12).reshape(3, 4))[::2, ::-1]
        assert view.tolist() == run(environment, "echo", view).tolist()


def test_a_closed_ndarray_that_is_returned_says_so_and_the_worker_goes_on() -> None:
    with an_environment() as environment:
        with pytest.raises(ExecutionException, match="was closed here") as caught:
            run(environment, "closed")

        assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
        assert [1] == run(environment, "new_ndarray", [1], "f8").array.tolist()


def test_a_killed_worker_leaves_the_array_of_the_host_and_nothing_else() -> None:
    array = shared.zeros(100)
    before = shared_bytes()
    with an_environment() as environment:
        with pytest.raises(ExecutionException) as caught:
            run(environment, "fill_and_die", array)

        assert TaskFailureCategory.WORKER_DIED is caught.value.failure.category
        assert 900 == array.sum()
        eventually(lambda: shared_bytes() - before < 32_000_000, "the memory of the worker is free")
        run(environment, "fill", array, 1)

    assert 100 == array.sum()


HOST = """
import pathlib, sys
sys.path[:0] = [{tests!r}, {source!r}]
import pytest
from elsewhere import become, holders, memory_of
from pools import an_environment, pids
from wetlands import shared
become({system!r}, pathlib.Path({folder!r}), pytest.MonkeyPatch())
with an_environment() as environment:
    array = shared.zeros(8_000_000)
    environment.execute({module!r}, "keep", (array,))
    made = environment.execute({module!r}, "new_array", (8_000_000,))
    print(*pids(environment), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("ends", ["killed", "by itself"])
def test_a_host_that_ends_in_any_way_leaves_no_memory_and_no_warning(ends: str, system: str, tmp_path: Path) -> None:
    tests, source = Path(pools.__file__).parent, Path(pools.__file__).parents[1] / "src"
    folder = tmp_path / "system"
    program = HOST.format(tests=str(tests), source=str(source), module=str(MODULE), system=system, folder=str(folder))
    errors = tmp_path / "errors"
    command = [sys.executable, "-W", "error", "-c", program]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True) as host,
    ):
        assert host.stdout is not None
        assert host.stdin is not None
        workers = [int(word) for word in host.stdout.readline().split()]
        held = memory_of([host.pid, *workers])
        if ends == "killed":
            os.kill(host.pid, signal.SIGKILL)
        host.stdin.close()
    eventually(lambda: not any(map(is_running, workers)), "the workers leave")

    assert 1 == len(workers), errors.read_text()
    assert sum(held.values()) > 48_000_000
    eventually(lambda: not holders(held), "nobody has the memory")
    assert [] == (swept(folder) if ends == "killed" else named_files(folder))
    assert "" == errors.read_text()


def test_many_transfers_keep_descriptors_and_what_is_lent_flat() -> None:
    array = shared.zeros(20_000)

    def descriptors(pid: int | str) -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    with an_environment() as environment:
        (pid,) = pids(environment)
        run(environment, "echo", array)
        eventually(lambda: handover._lender.outstanding() == 0, "it has arrived")
        before = descriptors("self") + descriptors(pid)
        for _ in range(300):
            run(environment, "new_array", 5_000)
            run(environment, "echo", array)
        gc.collect()

        eventually(lambda: handover._lender.outstanding() == 0, "all have arrived")
        eventually(lambda: descriptors("self") + descriptors(pid) < before + 10, "none is kept open")
