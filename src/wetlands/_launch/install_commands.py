"""Runs the commands that belong to a recipe, in the environment that was just built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.tool import run_tool
from wetlands._launch.commands import posix_command, powershell_command, powershell_script
from wetlands._platform.system import CURRENT
from wetlands.exceptions import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._backends.api import BuildObserver
    from wetlands._platform.system import System

__all__ = ["run_install_commands"]

_LABEL = "additional_install_commands"


def run_install_commands(
    commands: Sequence[str],
    prefix: Path,
    *,
    environment: Mapping[str, str],
    observer: BuildObserver,
    system: System = CURRENT,
) -> None:
    """Run shell lines one after the other in one shell, which stops at the first that fails.

    They run in the current folder of the program. Their text is in no log and no error, since it may hold secrets; what
    they write goes to the observer.

    Args:
        commands: Shell lines for this platform; none starts nothing.
        prefix: The environment.
        environment: The variables of the activated environment, all of them.
        observer: Hears what they write, and may ask to stop.
        system: Which family of operating systems this is.

    Raises:
        CommandFailedError: One of them failed; the error carries the last lines of the output.
        ProvisioningCanceledError: The observer asked to stop.
    """
    if not commands:
        return
    observer.stage("commands", f"Running {len(commands)} install command{'s' if len(commands) > 1 else ''}")
    try:
        run_tool(_argv(commands, prefix, system), env=environment, observer=observer, label=_LABEL)
    except CommandFailedError as error:
        advice = "Correct the command that failed: its output ends the lines above."
        raise CommandFailedError(_LABEL, error.exit_code, error.output, advice) from None


def _argv(commands: Sequence[str], prefix: Path, system: System) -> list[str]:
    if system == "posix":
        bash = Path("/bin/bash")
        return posix_command(commands, shell=bash if bash.exists() else Path("/bin/sh"))
    # In the prefix, where it is swept with the rest should we die before the script has removed itself. The byte order
    # mark tells Windows PowerShell 5 that it is UTF-8.
    script = prefix / ".wetlands-install.ps1"
    script.write_text(powershell_script(commands), encoding="utf-8-sig", newline="")
    return powershell_command(script)
