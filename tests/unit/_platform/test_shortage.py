"""Signs that a process was killed because memory had run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wetlands._platform.shortage import Memory, out_of_memory, read_memory

if TYPE_CHECKING:
    from pathlib import Path

GB = 10**9
CALM = Memory(kills=1, available=8 * GB, limit=16 * GB)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")
    return root


MACHINE = {
    "proc/meminfo": "MemTotal:       16000 kB\nMemFree:  1 kB\nMemAvailable:    4000 kB\nHugePages_Total:   0\n",
    "proc/vmstat": "nr_free_pages 12\noom_kill 7\n",
}


def test_a_machine_without_control_groups_tells_its_own(tmp_path: Path) -> None:
    expected = Memory(kills=7, available=4000 * 1024, limit=16000 * 1024)
    assert expected == read_memory(write(tmp_path, MACHINE))


def test_the_second_version_of_control_groups_is_read(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user.slice/a b"
    files = {
        "proc/self/cgroup": "0::/user.slice/a b\n",
        f"{group}/memory.events": "low 0\nmax 3\noom 2\noom_kill 2\n",
        f"{group}/memory.max": "8000000\n",
        f"{group}/memory.current": "7000000\n",
    }
    expected = Memory(kills=2, available=1_000_000, limit=8_000_000)
    assert expected == read_memory(write(tmp_path, MACHINE | files))


def test_the_first_version_of_control_groups_is_read(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory/docker"
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/docker\n4:memory:/docker\n0::/\n",
        f"{group}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        f"{group}/memory.limit_in_bytes": "9223372036854771712\n",
        f"{group}/memory.usage_in_bytes": "5\n",
    }
    expected = Memory(kills=3, available=4000 * 1024, limit=16000 * 1024)
    assert expected == read_memory(write(tmp_path, MACHINE | files))


def test_a_group_without_limit_leaves_the_machine_as_the_limit(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}
    expected = Memory(kills=7, available=4000 * 1024, limit=16000 * 1024)
    assert expected == read_memory(write(tmp_path, MACHINE | files))


def test_a_system_that_tells_nothing_gives_no_hint(tmp_path: Path) -> None:
    assert Memory() == read_memory(tmp_path)
    assert out_of_memory(None, Memory(), 5 * GB) is None


@pytest.mark.parametrize(
    "after, peak, words",
    [
        (Memory(2, 8 * GB, 16 * GB), None, "the system killed a process for lack of memory"),
        (Memory(1, 8 * GB, 16 * GB), 15 * GB, "it held 15 GB of the 16 GB that there are"),
        (Memory(1, 100_000_000, 16 * GB), None, "only 100 MB were left"),
    ],
)
def test_each_sign_is_named(after: Memory, peak: int | None, words: str) -> None:
    hint = out_of_memory(1, after, peak)
    assert hint is not None
    assert hint.startswith(words)


def test_a_kill_without_a_sign_has_another_reason() -> None:
    assert out_of_memory(1, CALM, 1 * GB) is None
    assert out_of_memory(None, CALM, 1 * GB) is None
