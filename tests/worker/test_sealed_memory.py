"""A worker cannot cut the memory that it shares with its host, which would end the host by a signal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from pools import an_environment
from wetlands import shared

MODULE = Path(__file__).with_name("array_functions.py")
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux seals memory")


@pytest.mark.parametrize("old_python", [False, True], ids=["", "made by the C library"])
def test_nothing_that_is_shared_can_be_shortened(old_python: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if old_python:
        monkeypatch.delattr(os, "memfd_create")
    array = shared.zeros(100_000)
    with an_environment() as environment:
        environment.execute(MODULE, "holds", (array,))
        environment.execute(MODULE, "echo", (np.ones(100_000),))
        found, cut = cast("tuple[int, list[str]]", environment.execute(MODULE, "shortened"))
        environment.execute(MODULE, "lets_go")

    assert found >= 2, "the memory of the worker, and that of the array"
    assert [] == cut
    assert 0 == array.sum()
