"""Conda's names for machines."""

from __future__ import annotations

import pytest

from wetlands._platform.names import conda_platform, current_platform


@pytest.mark.parametrize(
    "system, machine, expected",
    [
        ("linux", "x86_64", "linux-64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("linux", "arm64", "linux-aarch64"),
        ("darwin", "x86_64", "osx-64"),
        ("Darwin", "arm64", "osx-arm64"),
        ("win32", "AMD64", "win-64"),
        ("Windows", "ARM64", "win-arm64"),
        ("win32", "x86", "win-32"),
        ("linux", "ppc64le", "linux-ppc64le"),
        ("freebsd14", "riscv64", "freebsd14-riscv64"),
    ],
)
def test_a_machine_has_the_name_conda_gives_it(system: str, machine: str, expected: str) -> None:
    assert expected == conda_platform(system, machine)


def test_this_machine_is_named_by_what_python_says_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "osx-arm64" == current_platform()
