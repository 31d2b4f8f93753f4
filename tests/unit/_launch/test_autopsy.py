"""What is told of a dead worker."""

from __future__ import annotations

import pytest

from wetlands._launch.autopsy import UNKNOWN_CODE, Autopsy


@pytest.mark.parametrize(
    "code, words",
    [
        (0, "died with exit code 0"),
        (3, "died with exit code 3"),
        (-11, "died with signal 11 (SIGSEGV)"),
        (-999, "died with signal 999"),
        (UNKNOWN_CODE, "died in an unknown way"),
        (None, "died in an unknown way"),
    ],
)
def test_a_death_is_told_by_its_return_code(code: int | None, words: str) -> None:
    assert words == str(Autopsy.of(code, ()))


def test_lack_of_memory_is_told_with_how_much_the_worker_held() -> None:
    expected = (
        "died with signal 9 (SIGKILL), probably for lack of memory: the system killed a process for lack of memory; "
        "it held up to 3,200 MB"
    )
    shortage = "the system killed a process for lack of memory"
    assert expected == str(Autopsy.of(-9, (), peak=3_200_000_000, shortage=shortage))


def test_the_last_words_begin_with_the_memory_that_it_held() -> None:
    assert Autopsy.of(1, ()).last_words is None
    expected = "The worker held up to 35 MB of memory.\nThe last lines that the worker wrote to stderr:\nboom"
    assert expected == Autopsy.of(1, ("boom",), peak=35_000_000).last_words
