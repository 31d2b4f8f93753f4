"""Whatever an array is, wherever it is in a value: the other Python and numpy see it, and it comes back, as it was."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from array_strategies import assert_same_inside, nested
from numpys import CASES, NUMPYS, with_numpy
from pools import FUNCTIONS, an_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arrays import Anything
    from wetlands.external_environment import ExternalEnvironment

MODULE = Path(__file__).with_name("array_functions.py")
laws = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Anything]:
    """The module of the workers, here too, for one test: others rely on that it is not here."""
    monkeypatch.syspath_prepend(MODULE.parent)
    yield importlib.import_module("array_functions")
    del sys.modules["array_functions"]


def crosses(environment: ExternalEnvironment, functions: Anything = None) -> None:
    """Any value comes back; and where there are functions of numpy over there, they see what we see."""
    module = FUNCTIONS if functions is None else MODULE

    @laws
    @given(nested)
    def law(value: Anything) -> None:
        assert_same_inside(value, environment.execute(module, "echo", (value,)))
        if functions is not None:
            assert functions.seen(value) == environment.execute(MODULE, "seen", (value,))

    law()


@pytest.mark.network
@pytest.mark.compat
@pytest.mark.parametrize("version, name", CASES)
def test_any_array_inside_of_anything_crosses_to_every_python_and_numpy(
    version: str, name: str, numpy_environments: Path, functions: Anything
) -> None:
    with an_environment(with_numpy(numpy_environments, version, NUMPYS[name][0])) as environment:
        crosses(environment, functions)


@pytest.mark.compat
def test_any_array_passes_through_every_python_without_numpy(interpreter: Path) -> None:
    with an_environment(interpreter) as environment:
        crosses(environment)


def test_arrays_in_dataclasses_cross(functions: Anything) -> None:
    image = np.arange(1_000_000.0)
    value = functions.Measurement(image, "a", [np.ones(3), {"more": (np.zeros((300, 300), "f4", order="F"),)}])
    with an_environment() as environment:
        doubled = environment.execute(MODULE, "doubled", (value,))

    assert_same_inside(functions.Measurement(image * 2, "aa", value.parts), doubled)
