from __future__ import annotations

import os
from pathlib import Path

import pytest

from wetlands._backends.prefix import Prefix
from wetlands._launch import activation_scripts
from wetlands._launch.activation_scripts import Changes, applied, changes_between, shell_text, with_scripts


def test_what_scripts_set_and_remove_is_told_without_what_shells_do() -> None:
    before = {"GONE": "1", "SAME": "x", "SHLVL": "1", "PWD": "/a"}
    after = {"NEW": "n", "SAME": "x", "SHLVL": "2", "PWD": "/b", "_": "/bin/sh", "WETLANDS_DUMP": "f"}

    assert Changes({"NEW": "n"}, {}, ("GONE",)) == changes_between(before, after)


def test_a_change_of_a_list_fits_another_list() -> None:
    changes = changes_between({"PATH": "/usr/bin", "CFLAGS": "-g"}, {"PATH": "/p/bin:/usr/bin", "CFLAGS": "-g -O2"})

    assert {"PATH": ("/p/bin:", ""), "CFLAGS": ("", " -O2")} == changes.around
    assert {"PATH": "/p/bin:/sbin", "CFLAGS": "-w -O2"} == applied(changes, {"PATH": "/sbin", "CFLAGS": "-w"})


def test_a_value_that_only_happens_to_hold_the_old_one_is_a_new_value() -> None:
    changes = changes_between({"VERSION": "3.1"}, {"VERSION": "3.11"})

    assert {"VERSION": "3.11"} == applied(changes, {"VERSION": "3.9"})


@pytest.mark.parametrize("host", [{}, {"A": "1"}, {"A": "1", "B": "x:y", "C": ""}])
def test_applied_changes_give_what_the_scripts_gave(host: dict[str, str]) -> None:
    after = {"A": "2", "B": "p:x:y:q", "D": "new"}

    assert after == applied(changes_between(host, after), host)


def test_the_shell_runs_each_script_whatever_its_path() -> None:
    text = shell_text([Path("/a b/it's (é).sh"), Path("/2.sh")], Path("/a b/python"), system="posix")

    assert [". '/a b/it'\\''s (é).sh'", ". '/2.sh'"] == text.splitlines()[:2]
    assert text.splitlines()[2].startswith("'/a b/python' -I -S -c ")


def test_on_windows_batch_files_are_called() -> None:
    text = shell_text([Path("a b.bat")], Path("python.exe"), system="windows")

    assert ["@echo off", "chcp 65001 >nul", 'call "a b.bat"'] == text.split("\r\n")[:3]


@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_without_scripts_no_shell_is_started(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_scripts, "run_tool", None)
    prefix = Prefix(tmp_path, tmp_path / "python", "venv" if kind == "venv" else "conda")

    assert {"A": "1"} == with_scripts(prefix, {"A": "1"}, keep=True)
    assert [] == os.listdir(tmp_path)  # noqa: PTH208 - names are what is asked
