"""Commands that a user wrote as shell text, run in an activated environment."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wetlands._platform.process import new_group
from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._platform.system import System

__all__ = ["merged_environment", "posix_command", "powershell_command", "powershell_script", "start_commands"]

_BASH = Path("/bin/bash")
_SH = Path("/bin/sh")

# Ends the script with the code of what failed. `$?` is also false after a failed cmdlet, which has no exit code.
_STOP_IF_FAILED = "if (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }"


def start_commands(
    commands: Sequence[str],
    *,
    environment: Mapping[str, str],
    popen_kwargs: Mapping[str, Any] | None = None,  # Any: what Popen takes is the user's to know
    system: System = CURRENT,
) -> subprocess.Popen[Any]:
    """Start the commands, one after the other in one shell, which stops at the first that fails.

    The process ends with the exit code of the command that failed, or 0. It leads a process group of its own, so that
    all of it can be stopped. By default its output is text, UTF-8 where undecodable bytes are replaced, by lines, with
    stderr merged into stdout; its stdin is empty.

    On POSIX systems the shell is bash, or ``/bin/sh`` where there is none, with ``set -e``: what that ignores, such as
    a failure before ``&&`` or ``|``, does not stop it. On Windows it is PowerShell.

    Args:
        commands: Shell lines for this platform. Nothing of them is logged: they may contain secrets.
        environment: The variables of the activated environment, all of them.
        popen_kwargs: Replace the defaults of ``subprocess.Popen``, except ``env``, which adds to `environment`.
        system: Which family of operating systems this is.

    Returns:
        The process.

    Raises:
        OSError: If the shell cannot be started, or its folder (``cwd``) does not exist.
    """
    options = _popen_options(environment, popen_kwargs or {}, system)
    if system == "posix":
        return subprocess.Popen(posix_command(commands, shell=_posix_shell()), **options)
    script = _write_script(powershell_script(commands))
    try:
        return subprocess.Popen(powershell_command(script), **options)
    except BaseException:
        script.unlink(missing_ok=True)
        raise


def posix_command(commands: Sequence[str], *, shell: Path = _BASH) -> list[str]:
    """The argv that runs shell lines: as one argument, so that nothing has to be quoted and no file is left behind."""
    no_startup_files = ["--noprofile", "--norc"] if shell.name == "bash" else []
    return [str(shell), *no_startup_files, "-c", "\n".join(["set -e", *commands])]


def powershell_script(commands: Sequence[str]) -> str:
    """The script that runs PowerShell lines and stops at the first that fails.

    PowerShell has read all of it when it begins, so the file is removed first: nothing is left behind by any end.
    """
    lines = [
        "Remove-Item -LiteralPath $PSCommandPath -ErrorAction SilentlyContinue",
        "$ErrorActionPreference = 'Stop'",
        "$OutputEncoding = [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false",
    ]
    for command in commands:
        lines += [command, _STOP_IF_FAILED]
    return "\r\n".join([*lines, "exit 0", ""])


def powershell_command(script: Path) -> list[str]:
    """The argv that runs a script file, with no profile, no question and no logo."""
    options = ["-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass"]
    return ["powershell.exe", *options, "-File", str(script)]


def merged_environment(base: Mapping[str, str], added: Mapping[str, str], system: System) -> dict[str, str]:
    """Variables, with others added or replaced; on Windows ``Path`` replaces ``PATH``."""
    if system == "posix":
        return {**base, **added}
    replaced = {name.upper() for name in added}
    return {**{name: value for name, value in base.items() if name.upper() not in replaced}, **added}


def _popen_options(environment: Mapping[str, str], given: Mapping[str, Any], system: System) -> dict[str, Any]:
    options: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        **new_group(system=system),
    }
    if given.get("text", given.get("universal_newlines", True)):
        options |= {"text": True, "encoding": "utf-8", "errors": "replace", "bufsize": 1}
    return {**options, **given, "env": merged_environment(environment, given.get("env") or {}, system)}


def _posix_shell() -> Path:
    return _BASH if _BASH.exists() else _SH


def _write_script(text: str) -> Path:
    # the byte order mark tells Windows PowerShell 5 that this is UTF-8
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8-sig", newline="", prefix="wetlands-", suffix=".ps1", delete=False
    ) as file:
        file.write(text)
    return Path(file.name)
