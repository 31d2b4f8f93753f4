"""Environment variables as shell commands leave them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._launch.commands import start_commands
from wetlands._platform.quoting import shell_call
from wetlands.exceptions import LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["variables_after"]

_LAST_LINES = 20
_OF_THE_SHELL = frozenset(("_", "SHLVL", "PWD", "OLDPWD"))
_WRITE = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"


def variables_after(commands: Sequence[str], variables: Mapping[str, str], python: Path, who: str) -> dict[str, str]:
    """Run shell lines once, and take over the variables that they set.

    Args:
        commands: The lines.
        variables: The variables before.
        python: An interpreter that writes the variables down afterwards.
        who: How errors name the environment.

    Raises:
        LaunchError: A line failed.
    """
    with tempfile.TemporaryDirectory(prefix="wetlands-") as folder:
        written = Path(folder, "variables.json")
        lines = [*commands, shell_call([str(python), "-I", "-c", _WRITE, str(written)])]
        process = start_commands(lines, environment=variables)
        output, _ = process.communicate()
        if process.returncode:
            reason = f"the activation commands ended with exit code {process.returncode}"
            raise LaunchError(who, reason, str(output).splitlines()[-_LAST_LINES:])
        after: dict[str, str] = json.loads(written.read_text(encoding="utf-8"))
    return {name: value for name, value in after.items() if name not in _OF_THE_SHELL}
