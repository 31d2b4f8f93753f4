"""The numeric libraries of several workers share the cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pools import FUNCTIONS, an_environment
from wetlands._launch.threads import available_cores

if TYPE_CHECKING:
    import pytest


def test_workers_are_told_how_many_threads_to_start_unless_the_user_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    share = str(max(1, available_cores() // 2))

    with an_environment(
        max_workers=2, variables={"MKL_NUM_THREADS": "7"}, worker_env=lambda _: {"OPENBLAS_NUM_THREADS": "9"}
    ) as environment:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        assert [share, "7", "9"] == [environment.execute(FUNCTIONS, "variable", (name,)) for name in names]


def test_a_single_worker_has_the_machine_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    with an_environment() as environment:
        assert environment.execute(FUNCTIONS, "variable", ("OMP_NUM_THREADS",)) is None
