"""Kept results: their arrays stay where a worker wrote them, and other workers of any environment map them there."""

from __future__ import annotations

import gc
import os
import pickle
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from arrays import assert_same
from numpys import CASES, NUMPYS, with_numpy
from pools import DEADLINE, an_environment, eventually, pids, pool_of
from wetlands import EnvironmentManager, Ref, RefReleasedError
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arrays import Anything
    from wetlands._pool.worker import Worker
    from wetlands.external_environment import ExternalEnvironment

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at /proc")

MODULE = Path(__file__).with_name("array_functions.py")
SIZE = 1 << 20
BYTES = 8 * SIZE


@pytest.fixture
def three() -> Iterator[list[ExternalEnvironment]]:
    with ExitStack() as stack:
        yield [stack.enter_context(an_environment(name=name)) for name in ("first", "second", "third")]


def keep(environment: ExternalEnvironment, function: str, *args: object) -> Anything:
    return environment.execute(MODULE, function, args, keep=True)


def run(environment: ExternalEnvironment, function: str, *args: object) -> Anything:
    return environment.execute(MODULE, function, args)


def a_worker(environment: ExternalEnvironment) -> Worker:
    return pool_of(environment).workers[0]


def written(environment: ExternalEnvironment) -> int:
    """How many bytes lie in the memory that this process and the worker share."""
    exchange = a_worker(environment).process.call.exchange
    assert exchange is not None
    return os.fstat(exchange.segment.descriptor).st_blocks * 512


def lent(environment: ExternalEnvironment) -> int:
    """How many pieces the worker has of memory that it shares with others."""
    exchange = a_worker(environment).process.call.exchange
    assert exchange is not None
    return len(exchange.loans)


def touched(pid: int | str = "self") -> int:
    """How many bytes of shared memory that process has read or written by itself."""
    text = Path(f"/proc/{pid}/smaps").read_text("ascii")
    return sum(int(found) for found in re.findall(r"memfd:wetlands .*\n(?:\w.*\n)*?Rss:\s+(\d+) kB", text)) * 1024


def mappings(pid: int) -> int:
    return len(re.findall("memfd:wetlands ", Path(f"/proc/{pid}/maps").read_text("ascii")))


def test_a_pipeline_of_three_environments_copies_nothing(three: list[ExternalEnvironment]) -> None:
    first, second, third = three
    before = touched()
    with keep(first, "ones", SIZE) as made:
        once = written(first)
        changed = keep(second, "adds", {"image": made}, 1.0)
        total = run(third, "total", made)

        assert BYTES <= once < BYTES + BYTES // 4
        assert [once, 0, 0] == list(map(written, three)), "nobody wrote it again"
        assert before == touched(), "and this process has not looked at it"
        assert 2.0 * SIZE == total
        assert_same(np.full(SIZE, 2.0), changed.get()["image"])
        assert_same(np.full(SIZE, 2.0), made.get())


def test_all_see_what_one_writes(three: list[ExternalEnvironment]) -> None:
    first, second, third = three
    ref = keep(first, "ones", SIZE)
    here = ref.get()
    here[:] = 3.0
    assert 3.0 * SIZE == run(second, "total", ref)
    assert 4.0 * SIZE == run(third, "fills", ref, 4.0)

    assert [4.0, 4.0] == [here[0], here[-1]]
    assert 4.0 * SIZE == run(first, "total", [ref][0])
    assert 4.0 * SIZE == run(second, "total", here), "an array on kept memory is passed on as it is, too"
    assert [0, 0] == [written(second), written(third)]


def test_a_view_of_kept_memory_comes_back_as_a_view_of_it(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    with first:
        ref = keep(first, "echo", np.arange(10.0 * SIZE).reshape(10, SIZE))
        view = run(second, "every_second", ref)
        whole = ref.get()

        assert np.array_equal(whole[::2, ::-1], view)
        view[0, 0] = -1.0
        assert -1.0 == whole[0, -1]
        assert 0 == written(second)


def test_the_memory_is_used_again_when_nobody_refers_to_it(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    sizes = set()
    for _ in range(12):
        with keep(first, "ones", SIZE) as ref:
            run(second, "total", ref)
        sizes.add(written(first))

    assert len(sizes) <= 2, "each result but the first two finds the memory of an earlier one"
    assert 0 == lent(second)


def test_who_has_an_array_on_it_keeps_the_memory(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    ref = keep(first, "ones", SIZE)
    array = ref.get()
    assert BYTES == run(second, "holds", ref)
    ref.release()
    del ref
    del array
    for number in range(4):
        assert number * SIZE == run(first, "full", SIZE, number).sum(), "new results do not overwrite it"
    assert [1, float(SIZE)] == [lent(second), run(second, "kept_total")]

    run(second, "lets_go")
    assert 0 == run(second, "echo", 0)
    assert 0 == lent(second)


def test_a_kept_result_survives_the_death_of_its_worker(three: list[ExternalEnvironment]) -> None:
    first, second, third = three
    ref = keep(first, "squares", SIZE)
    assert run(second, "total", ref)
    run(first, "holds", np.ones(SIZE))
    before = a_worker(first)
    exchange = before.process.call.exchange
    assert exchange is not None
    segment = exchange.segment
    del exchange
    os.kill(before.process.pid, signal.SIGKILL)
    eventually(lambda: [before] != pool_of(first).workers != [], "another worker takes its place")

    expected = float((np.arange(SIZE, dtype="f8") ** 2).sum())
    assert [expected] * 3 == [run(environment, "total", ref) for environment in (second, third, first)]
    assert expected == ref.get().sum()
    assert os.fstat(segment.descriptor).st_blocks * 512 < BYTES + BYTES // 4, "all other memory of the dead one is free"


def test_a_dead_worker_gives_back_what_it_had(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    ref = keep(first, "ones", SIZE)
    run(second, "holds", ref)
    os.kill(pids(second)[0], signal.SIGKILL)
    eventually(lambda: len(pids(second)) == 1 and lent(second) == 0, "another worker takes its place")
    ref.release()
    after = written(first)
    for _ in range(3):
        keep(first, "ones", SIZE).release()

    assert after == written(first)


def test_workers_let_go_of_the_memory_of_dead_ones(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    for _ in range(4):
        with keep(first, "ones", SIZE) as ref:
            assert SIZE == run(second, "total", ref)
        worker = pids(first)[0]
        os.kill(worker, signal.SIGKILL)
        eventually(lambda worker=worker: len(pids(first)) == 1 and worker not in pids(first), "another one comes")  # type: ignore[misc]  # the default binds it

    assert mappings(pids(second)[0]) <= 3, "its own, and that of the last two"


def test_a_kept_result_outlives_its_environment() -> None:
    with an_environment() as environment:
        ref = keep(environment, "ones", SIZE)
    with an_environment() as other:
        assert SIZE == run(other, "total", ref)
    assert SIZE == ref.get().sum()


def test_a_released_one_says_so(three: list[ExternalEnvironment]) -> None:
    with keep(three[0], "ones", SIZE) as ref:
        assert (False, BYTES) == (ref.released, ref.nbytes)
        assert "8,388,608 bytes" in repr(ref)
    assert (True, 0) == (ref.released, ref.nbytes)
    assert "<Ref to a result of array_functions:ones, released>" == repr(ref)

    with pytest.raises(RefReleasedError, match="array_functions:ones was released and is gone; release a Ref when"):
        ref.get()
    with pytest.raises(ExecutionException, match="array_functions:ones was released and is gone") as caught:
        run(three[1], "total", {"deep": [ref]})
    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
    assert "args[0]['deep'][0]" == caught.value.failure.serialization_context


def test_values_that_this_process_cannot_read_pass_from_one_environment_to_another(
    three: list[ExternalEnvironment],
) -> None:
    first, second, _ = three
    ref = keep(first, "only_there", SIZE)

    assert SIZE == run(second, "total_of", ref)
    with pytest.raises(ExecutionException, match="array_functions") as caught:
        ref.get()
    assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category


def test_tasks_of_all_kinds_take_references(three: list[ExternalEnvironment]) -> None:
    first, second, _ = three
    task = first.submit(MODULE, "ones", (SIZE,), keep=True)
    ref = task.wait_for(DEADLINE).result
    assert isinstance(ref, Ref)
    small = first.execute(MODULE, "echo", ([1, "two"],), keep=True)

    assert [1, "two"] == small.get() == run(second, "echo", small)
    assert [SIZE] * 5 == list(second.map(MODULE, "total", [ref] * 5))
    assert SIZE == cast("Anything", second.submit(MODULE, "echo", ({"a": ref},)).wait_for(DEADLINE).result)["a"].sum()
    assert SIZE == second.executor().submit(cast("Anything", np.sum), ref).result(DEADLINE)
    waiting = second.submit(MODULE, "total", (ref,), start=False)
    ref.release()
    del ref
    assert SIZE == waiting.start().wait_for(DEADLINE).result, "a task that waits keeps it"


def test_a_failed_call_keeps_nothing(three: list[ExternalEnvironment]) -> None:
    with pytest.raises(ExecutionException, match="ValueError"):
        keep(three[0], "raises", 1)


def test_it_crosses_in_calls_only(three: list[ExternalEnvironment]) -> None:
    with pytest.raises(TypeError, match="shared memory crosses as an argument or result of a call only"):
        pickle.dumps(keep(three[0], "ones", SIZE))


def test_without_shared_memory_it_is_kept_here_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wetlands._launch.ends.make_segment", lambda: (None, "-", ()))
    with an_environment() as alone:
        ref = keep(alone, "ones", SIZE)
        assert (SIZE, BYTES) == (run(alone, "total", ref), ref.nbytes)
        monkeypatch.undo()
        with an_environment() as sharing:
            assert SIZE == run(sharing, "total", ref)
            shared = keep(sharing, "ones", SIZE)
            assert SIZE == run(alone, "total", shared)
            assert SIZE == shared.get().sum()
    assert SIZE == ref.get().sum()


def test_the_program_itself_is_an_environment_like_others() -> None:
    with EnvironmentManager(log_file_path=None) as manager, an_environment() as other:
        inside = manager.main_environment
        ref = inside.execute(MODULE, "ones", (SIZE,), keep=True)
        there = keep(other, "ones", SIZE)

        assert SIZE == run(other, "total", ref)
        assert 5.0 * SIZE == inside.execute(MODULE, "fills", (there, 5.0))
        assert 5.0 * SIZE == run(other, "total", there)
        assert SIZE == inside.submit(MODULE, "total", (ref,), keep=True).wait_for(DEADLINE).result.get()


def test_nothing_is_left_when_all_are_gone() -> None:
    before = touched(), mappings(os.getpid())
    with an_environment() as first, an_environment() as second:
        ref = keep(first, "ones", SIZE)
        run(second, "total", ref)
        got = ref.get()
        ref.release()
    assert SIZE == got.sum()
    del got
    gc.collect()
    assert before == (touched(), mappings(os.getpid()))


@pytest.mark.network
@pytest.mark.parametrize("version, name", CASES)
def test_references_pass_between_the_versions_of_numpy(version: str, name: str, numpy_environments: Path) -> None:
    values = [np.arange(SIZE), np.asfortranarray(np.ones((300, 400))), np.ma.array(np.ones(SIZE), mask=False)]
    with an_environment() as first, an_environment(with_numpy(numpy_environments, version, NUMPYS[name][0])) as other:
        for value in values:
            there = keep(other, "echo", keep(first, "echo", value)).get()
            assert_same(value, there)
        assert 3.0 * SIZE == run(other, "fills", keep(first, "ones", SIZE), 3)
