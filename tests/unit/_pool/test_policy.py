"""What `launch` takes for numbers of workers and amounts of memory."""

from __future__ import annotations

import pytest

from wetlands._platform.amounts import gigabytes
from wetlands._pool.limits import checked_initializer, refuse_options
from wetlands._pool.policy import Policy


@pytest.mark.parametrize(
    "given, amount",
    [
        (1, 1),
        (2_000_000_000, 2_000_000_000),
        ("2GB", 2_000_000_000),
        ("1.5 gb", 1_500_000_000),
        ("512MiB", 512 << 20),
        ("1KiB", 1024),
        ("3kB", 3000),
        ("1TB", 10**12),
        ("100", 100),
        ("7 B", 7),
    ],
)
def test_memory_is_a_number_of_bytes_or_text_with_a_unit(given: object, amount: int) -> None:
    assert amount == Policy.checked(1, max_memory=given).most_memory


@pytest.mark.parametrize("given", [0, -1, 1.5, True, "", "GB", "2XB", "2 G B", "-1GB", "0GB", "nanGB", b"2GB", [1]])
def test_other_amounts_of_memory_are_refused_by_what_was_given(given: object) -> None:
    with pytest.raises(ValueError, match="max_memory") as caught:
        Policy.checked(1, max_memory=given)
    assert repr(given) in str(caught.value)


def test_without_options_all_workers_are_kept_for_ever() -> None:
    assert Policy(3, 3, None, None, None) == Policy.checked(3)


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"max_workers": 0}, "max_workers is a number from 1 up, not 0"),
        ({"max_workers": True}, "max_workers is a number"),
        ({"max_workers": 2, "min_workers": 3}, "min_workers is at most max_workers, 2, not 3"),
        ({"max_workers": 2, "min_workers": -1}, "min_workers is a number from 0 up"),
        ({"max_workers": 2, "idle_timeout": 1.0}, "idle_timeout needs min_workers below max_workers"),
        ({"max_workers": 2, "min_workers": 1, "idle_timeout": 0}, "idle_timeout is a number of seconds above 0"),
        ({"max_workers": 1, "max_tasks_per_worker": 0}, "max_tasks_per_worker is a number from 1 up"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_the_reason(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Policy.checked(**options)


@pytest.mark.parametrize(
    "amount, words", [(2_000_000_000, "2 GB"), (1_234_567, "1.23 MB"), (5_000, "5 kB"), (12, "12 bytes")]
)
def test_amounts_are_told_in_the_unit_that_people_use(amount: int, words: str) -> None:
    assert words == gigabytes(amount)


def test_the_arguments_of_an_initializer_may_be_left_out() -> None:
    assert ("m.py", "f", ()) == checked_initializer(("m.py", "f"))
    assert ("m.py", "f", [1]) == checked_initializer(["m.py", "f", [1]])


@pytest.mark.parametrize("given", ["m.py", ("m.py",), ("m.py", 3), ("m.py", "f", 3), ("m.py", "f", (), {}), print])
def test_what_is_no_initializer_is_refused_with_an_example(given: object) -> None:
    with pytest.raises(ValueError, match="initializer is"):
        checked_initializer(given)


def test_the_environment_of_this_process_refuses_what_is_about_workers() -> None:
    refuse_options(min_workers=None, max_memory=None)
    with pytest.raises(ValueError, match="max_memory says something of worker processes"):
        refuse_options(min_workers=None, max_memory="2GB")
