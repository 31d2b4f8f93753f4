"""Callables of the host under every Python found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import callback_functions
from pools import an_environment

pytestmark = pytest.mark.compat

FUNCTIONS = Path(callback_functions.__file__)


def test_calls_results_exceptions_threads_and_late_calls(interpreter: Path) -> None:
    seen: list[object] = []

    def fails() -> None:
        raise FileNotFoundError(2, "no such thing")

    with an_environment(interpreter) as environment:
        assert [None] * 5 == environment.execute(FUNCTIONS, "each", (seen.append, 5))
        assert [0, 1, 2, 3, 4] == seen
        assert os.getpid() == environment.execute(FUNCTIONS, "call", (lambda: os.getpid(),))  # noqa: PLW0108 - by name, it would run there
        caught: Any = environment.execute(FUNCTIONS, "caught", (fails,))
        assert ("builtins", "FileNotFoundError") == caught[:2]
        assert "in fails" in caught[3]
        assert [0, 1, 4, 9] == environment.execute(FUNCTIONS, "in_threads", (lambda value: value**2, 4))
        assert environment.execute(FUNCTIONS, "keep", (lambda value: value,)) == 1
        late: Any = environment.execute(FUNCTIONS, "caught_late")
        assert "after the task that received it had ended" in late
        assert [0, 2] == list(environment.stream(FUNCTIONS, "streamed", (lambda value: value * 2, 2)))
