from __future__ import annotations

import pytest

from wetlands._launch.threads import available_cores, thread_limits

NAMES = {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"}


@pytest.mark.parametrize("workers, cores, share", [(2, 8, "4"), (3, 8, "2"), (8, 8, "1"), (9, 8, "1"), (2, 1, "1")])
def test_workers_share_the_cores(workers: int, cores: int, share: str) -> None:
    assert dict.fromkeys(NAMES, share) == thread_limits(workers, {}, cores=cores)


def test_a_limit_that_is_set_is_left_alone() -> None:
    assert NAMES - {"OMP_NUM_THREADS"} == set(thread_limits(2, {"OMP_NUM_THREADS": "3"}, cores=8))


def test_a_single_worker_is_not_limited() -> None:
    assert {} == thread_limits(1, {}, cores=8)


def test_numexpr_is_given_no_more_than_it_takes() -> None:
    limits = thread_limits(2, {}, cores=256)

    assert ("64", "128") == (limits["NUMEXPR_NUM_THREADS"], limits["OMP_NUM_THREADS"])


def test_the_cores_of_this_process_count_when_nothing_is_given() -> None:
    assert str(max(1, available_cores() // 2)) == thread_limits(2, {})["OMP_NUM_THREADS"]
