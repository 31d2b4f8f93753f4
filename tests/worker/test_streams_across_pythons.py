"""Streams under every Python found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pools import an_environment
from wetlands.exceptions import ExecutionException

pytestmark = pytest.mark.compat

FUNCTIONS = Path(__file__).parents[1] / "stream_functions.py"


def test_items_values_failures_and_early_ends(interpreter: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with an_environment(interpreter) as environment:
        for function in ("count", "count_asynchronously"):
            assert list(range(300)) == list(environment.stream(FUNCTIONS, function, (300,), window=3))
            with environment.stream(FUNCTIONS, function, (10**9, log), window=2) as stream:
                assert 0 == next(stream)
            assert "closed" == log.read_text().split()[-1]
            log.unlink()
        stream = environment.stream(FUNCTIONS, "count", (2,))
        assert [0, 1] == list(stream)
        assert "counted to 2" == stream.value
        with pytest.raises(ExecutionException, match="bad item") as caught:
            list(environment.stream(FUNCTIONS, "fails_after", (3,)))
        assert "in fails_after" in str(caught.value.failure.traceback)
        assert 3 == environment.execute(FUNCTIONS, "add", (1, 2))
