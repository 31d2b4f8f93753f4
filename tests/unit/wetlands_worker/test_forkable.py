"""Whether a process may be forked, by what Linux says of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from wetlands_worker import forkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def pretend(monkeypatch: pytest.MonkeyPatch, threads: Sequence[str], files: Mapping[str, str]) -> None:
    def listed(folder: str) -> Sequence[str]:
        return {"/proc/self/task": threads, "/proc/self/fd": [*files, "99"]}[folder]

    def link(path: str) -> str:
        name = path.rpartition("/")[2]
        if name not in files:
            raise FileNotFoundError(path)
        return files[name]

    monkeypatch.setattr(os, "listdir", listed)
    monkeypatch.setattr(os, "readlink", link)
    monkeypatch.setattr(forkable, "_names_of_threads", lambda: "ticker")


def test_a_process_of_one_thread_and_plain_files_may(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, ["1"], {"0": "/dev/null", "1": "pipe:[7]", "5": "/data/nvidia/x"})
    assert forkable.why_not() is None


def test_threads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, ["1", "2", "3"], {})
    assert "3 threads run in it: ticker" == forkable.why_not()


@pytest.mark.parametrize("device", ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/kfd"])
def test_an_open_gpu_is_named(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    pretend(monkeypatch, ["1"], {"0": "/dev/null", "7": device})
    assert f"it uses the GPU ({device})" == forkable.why_not()


def test_a_system_without_proc_counts_the_threads_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(folder: str) -> Sequence[str]:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(os, "listdir", missing)
    monkeypatch.setattr(sys, "_current_frames", lambda: {1: None})
    assert forkable.why_not() is None
    monkeypatch.setattr(sys, "_current_frames", lambda: {1: None, 2: None})
    reason = forkable.why_not()
    assert reason is not None
    assert reason.startswith("2 threads run in it")
