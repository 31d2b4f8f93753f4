"""What is on its way to real workers is bounded, and a machine without memory fails one call alone."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from arrays import assert_same
from pools import DEADLINE, an_environment, pids, pool_of
from wetlands._pool.flow import flow
from wetlands.exceptions import ExecutionException
from wetlands.task import TaskFailureCategory
from wetlands_worker.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment
    from wetlands_worker.exchange import Part, Staged

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shared memory is there on Linux only")

MODULE = Path(__file__).with_name("array_functions.py")
MEGABYTE = 1 << 20


def taken(environments: Sequence[ExternalEnvironment]) -> int:
    """The bytes that this process lends to workers now."""
    exchanges = [
        worker.process.call.exchange for environment in environments for worker in pool_of(environment).workers
    ]
    return sum(exchange.zone.taken_bytes for exchange in exchanges if exchange is not None)


def test_no_more_than_the_limit_is_on_its_way_in_all_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "20MiB")
    stage = Exchange.stage
    most = 0
    with ExitStack() as stack:
        environments = [stack.enter_context(an_environment(max_workers=2, name=name)) for name in ("first", "second")]

        def staged(exchange: Exchange, buffers: Sequence[Part]) -> list[Staged]:
            nonlocal most
            result = stage(exchange, buffers)
            most = max(most, taken(environments))
            return result

        monkeypatch.setattr(Exchange, "stage", staged)
        arrays = [np.full(8 * MEGABYTE, number, "u1") for number in range(10)]
        tasks = [environment.submit(MODULE, "total", (array,)) for array in arrays for environment in environments]
        totals = [task.wait_for(DEADLINE).result for task in tasks]

    assert [8.0 * MEGABYTE * number for number in range(10) for _ in environments] == totals
    assert 8 * MEGABYTE <= most <= 20 * MEGABYTE
    assert {} == flow.held


def test_what_can_never_fit_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "8MiB")
    with an_environment() as environment:
        with pytest.raises(ExecutionException, match=r"take 9\.44 MB .* at most 8\.39 MB .*WETLANDS_SHARED") as caught:
            environment.execute(MODULE, "total", (np.ones(9 * MEGABYTE, "u1"),))
        assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
        assert 8.0 * MEGABYTE == environment.execute(MODULE, "total", (np.ones(8 * MEGABYTE, "u1"),))
        with environment.execute(MODULE, "ones", (MEGABYTE // 2,), keep=True) as ref:
            assert MEGABYTE / 2 == environment.execute(MODULE, "total", (ref,))


def test_without_shared_memory_arrays_cross_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")
    array = np.arange(MEGABYTE)
    with an_environment() as environment:
        assert pool_of(environment).workers[0].process.call.exchange is None
        assert_same(array, environment.execute(MODULE, "echo", (array,)))


# --- no memory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM])
def test_where_no_shared_memory_can_be_had_an_argument_goes_through_the_connection(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    array = np.arange(MEGABYTE)
    with an_environment() as environment:
        monkeypatch.setattr(os, "pwrite", refuse)
        assert_same(array, environment.execute(MODULE, "echo", (array,)))
        monkeypatch.undo()
        assert_same(array, environment.execute(MODULE, "echo", (array,)))
        assert 0 == taken([environment])


def test_a_worker_whose_files_are_limited_sends_results_all_the_same() -> None:
    """RLIMIT_FSIZE lets pwrite fail after some of the buffer, as a full machine does."""
    with an_environment() as environment:
        environment.execute(MODULE, "limits_files", (MEGABYTE,))
        for _ in range(3):
            assert_same(np.ones(MEGABYTE), environment.execute(MODULE, "ones", (MEGABYTE,)))


@pytest.mark.parametrize("rounds", [3])
def test_a_worker_without_memory_fails_one_call_and_serves_the_next(
    monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    monkeypatch.setenv("WETLANDS_SHARED_MEMORY", "0")  # so that the worker needs memory of its own
    array = np.ones(64 * MEGABYTE, "u1")
    with an_environment() as environment:
        worker = pids(environment)
        environment.execute(MODULE, "total", (np.ones(1),))
        environment.execute(MODULE, "limits_addresses", (32 * MEGABYTE,))
        for _ in range(rounds):
            with pytest.raises(ExecutionException, match=r"no memory for 67,108,864 bytes") as caught:
                environment.execute(MODULE, "total", (array,))
            assert TaskFailureCategory.SERIALIZATION is caught.value.failure.category
            assert 1000.0 == environment.execute(MODULE, "total", (np.ones(1000),))

        assert worker == pids(environment)


def test_a_function_that_finds_no_memory_fails_alone() -> None:
    with an_environment() as environment:
        worker = pids(environment)
        environment.execute(MODULE, "limits_addresses", (32 * MEGABYTE,))
        with pytest.raises(ExecutionException, match="MemoryError"):
            environment.execute(MODULE, "ones", (16 * MEGABYTE,))
        echo: Anything = environment.execute(MODULE, "echo", (np.ones(MEGABYTE),))

        assert_same(np.ones(MEGABYTE), echo)
        assert worker == pids(environment)
