"""The text that a shell gets, for each system."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from wetlands._launch.commands import (
    _popen_options,
    merged_environment,
    posix_command,
    powershell_command,
    powershell_script,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wetlands._platform.system import System


def test_bash_gets_the_lines_as_one_argument_and_reads_no_startup_file() -> None:
    lines = ["echo 'a (b)'", "exit 3"]

    expected = ["/bin/bash", "--noprofile", "--norc", "-c", "set -e\necho 'a (b)'\nexit 3"]
    assert expected == posix_command(lines, shell=Path(PurePosixPath("/bin/bash")))


def test_another_shell_gets_no_options_of_bash() -> None:
    assert ["/bin/sh", "-c", "set -e\ntrue"] == posix_command(["true"], shell=Path(PurePosixPath("/bin/sh")))


def test_powershell_removes_its_script_and_stops_after_a_line_that_failed() -> None:
    stop = "if (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }"

    assert (
        "Remove-Item -LiteralPath $PSCommandPath -ErrorAction SilentlyContinue\r\n"
        "$ErrorActionPreference = 'Stop'\r\n"
        "$OutputEncoding = [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false\r\n"
        f"echo é\r\n{stop}\r\n"
        f"pip list\r\n{stop}\r\n"
        "exit 0\r\n"
    ) == powershell_script(["echo é", "pip list"])


def test_powershell_asks_nothing_and_reads_no_profile() -> None:
    script = Path("folder with spaces") / "script.ps1"

    assert powershell_command(script) == [
        "powershell.exe",
        "-NoLogo",
        "-NoProfile",
        "-NonInteractive",
        "-ExecutionPolicy",
        "Bypass",
        "-File",
        str(script),
    ]


@pytest.mark.parametrize(
    "system,added,expected",
    [
        ("posix", {}, {"PATH": "/a", "HOME": "/h"}),
        ("posix", {"Path": "/b"}, {"PATH": "/a", "HOME": "/h", "Path": "/b"}),
        ("windows", {"Path": "/b"}, {"HOME": "/h", "Path": "/b"}),
        ("windows", {"home": "/i", "X": "1"}, {"PATH": "/a", "home": "/i", "X": "1"}),
    ],
)
def test_variables_are_added_as_the_system_tells_them_apart(
    system: System, added: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    assert expected == merged_environment({"PATH": "/a", "HOME": "/h"}, added, system)


def test_what_the_user_gives_replaces_the_defaults() -> None:
    options = _popen_options({"A": "1"}, {"encoding": "latin-1", "cwd": "/x", "env": {"B": "2"}}, "posix")

    assert {"A": "1", "B": "2"} == options["env"]
    assert ("latin-1", "replace", True, "/x") == (
        options["encoding"],
        options["errors"],
        options["text"],
        options["cwd"],
    )


@pytest.mark.parametrize("given", [{"text": False}, {"universal_newlines": False}, {"text": None}])
def test_who_asks_for_bytes_gets_bytes(given: Mapping[str, object]) -> None:
    options = _popen_options({}, given, "posix")

    assert not {"encoding", "errors", "bufsize"} & set(options)


def test_the_process_leads_its_own_group() -> None:
    assert _popen_options({}, {}, "posix")["start_new_session"] is True
    assert "creationflags" in _popen_options({}, {}, "windows")
