"""What the `activate.d` scripts of conda packages do to the variables: run once in a shell, remembered as data.

A prefix without such scripts, which most are, starts no shell. Of one that has some, what they change is kept until
the scripts change: in a file of the prefix where that is ours, else in this process. A change of a list such as PATH is
kept as what was put before and behind it, so it fits whatever list the host has next time; what else a script makes of
a variable of the host is as it was when it ran.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.tool import run_tool
from wetlands._launch.commands import merged_environment
from wetlands._platform.system import CURRENT
from wetlands.exceptions import ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wetlands._backends.api import Progress
    from wetlands._backends.prefix import Prefix
    from wetlands._platform.system import System

__all__ = [
    "SCRIPT_SECONDS",
    "Changes",
    "Deadline",
    "applied",
    "changes_between",
    "remembered",
    "shell_text",
    "with_scripts",
]

_KEPT_IN = ".wetlands-activation.json"
_FORMAT = 1
SCRIPT_SECONDS = 60.0
_DUMP = "import json, os; json.dump(dict(os.environ), open(os.environ['WETLANDS_DUMP'], 'w', encoding='ascii'))"
_BETWEEN = ("", os.pathsep, " ")  # what separates the entries of a list; "" is its end
# Variables that every shell sets for itself.
_OF_SHELLS = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "WETLANDS_DUMP", "PROMPT"})


@dataclass(frozen=True)
class Changes:
    """What scripts change.

    Attributes:
        values: Variables that they set, with their values.
        around: Variables whose value they keep, with what they put before and behind it.
        removed: Variables that they remove.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


def with_scripts(prefix: Prefix, env: Mapping[str, str], *, keep: bool) -> dict[str, str]:
    """Return the variables as the `activate.d` scripts of a prefix leave them.

    Args:
        prefix: The environment.
        env: The variables of the activated prefix, before the scripts.
        keep: Whether the result may be kept in a file of the prefix.

    Raises:
        ProvisioningError: The scripts did not come to their end.
    """
    scripts = _scripts(prefix.path)
    if prefix.kind != "conda" or not scripts:
        return dict(env)
    state = [[script.name, (found := script.stat()).st_mtime_ns, found.st_size] for script in scripts]
    key = json.dumps([_FORMAT, str(prefix.path), state])
    changes = remembered(prefix.path, key, lambda: changes_between(env, _run(prefix, scripts, env)), keep=keep)
    return applied(changes, env)


def remembered(prefix: Path, key: str, find_out: Callable[[], Changes], *, keep: bool) -> Changes:
    """Return what activating a prefix changes, found out once for each state of it.

    Args:
        prefix: Its folder.
        key: What the changes depend on.
        find_out: Finds out the changes.
        keep: Whether the result may be kept in a file of the prefix.
    """
    # No lock: two threads that come here first at the same time find out the same.
    known, changes = _MEMORY.get(prefix, ("", None))
    if known != key or changes is None:
        changes = _stored(prefix, key) if keep else None
    if changes is None:
        changes = find_out()
        if keep:
            _store(prefix, key, changes)
    _MEMORY[prefix] = (key, changes)
    return changes


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """Say what has changed, without what every shell sets for itself."""
    values: dict[str, str] = {}
    around: dict[str, tuple[str, str]] = {}
    for name, value in after.items():
        old = before.get(name)
        if name in _OF_SHELLS or value == old:
            continue
        parts = value.partition(old) if old else ("", "", "")
        if parts[1] and parts[0][-1:] in _BETWEEN and parts[2][:1] in _BETWEEN:
            around[name] = (parts[0], parts[2])
        else:
            values[name] = value
    removed = sorted(name for name in before if name not in after and name not in _OF_SHELLS)
    return Changes(values, around, tuple(removed))


def applied(changes: Changes, env: Mapping[str, str], *, system: System = CURRENT) -> dict[str, str]:
    """Return the variables with the changes made to them."""
    surrounded = {name: before + env.get(name, "") + behind for name, (before, behind) in changes.around.items()}
    left = {name: value for name, value in env.items() if name not in changes.removed}
    return merged_environment(left, {**changes.values, **surrounded}, system)


def shell_text(scripts: Sequence[Path], python: Path, *, system: System = CURRENT) -> str:
    """Return the shell script that runs others in one shell, then writes its variables to the file $WETLANDS_DUMP.

    A script that fails does not keep the next one from running, as with conda.
    """
    if system == "windows":
        calls = [f'call "{script}"' for script in scripts]
        return "\r\n".join(["@echo off", "chcp 65001 >nul", *calls, f'"{python}" -I -S -c "{_DUMP}"', ""])
    calls = [f". {_quoted(script)}" for script in scripts]
    return "\n".join([*calls, f'{_quoted(python)} -I -S -c "{_DUMP}"', ""])


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def _scripts(prefix: Path, *, system: System = CURRENT) -> tuple[Path, ...]:
    suffix = ".bat" if system == "windows" else ".sh"
    try:
        found = list((prefix / "etc" / "conda" / "activate.d").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(sorted(script for script in found if script.suffix == suffix))


def _run(
    prefix: Prefix, scripts: Sequence[Path], env: Mapping[str, str], *, system: System = CURRENT
) -> dict[str, str]:
    """Run the scripts and return the variables they leave."""
    with tempfile.TemporaryDirectory(prefix="wetlands-activation-") as folder:
        dump = Path(folder, "variables.json")
        script = Path(folder, "activate.bat" if system == "windows" else "activate.sh")
        script.write_text(shell_text(scripts, prefix.python), encoding="utf-8", newline="")
        shell = ["cmd.exe", "/d", "/c"] if system == "windows" else ["/bin/bash", "--noprofile", "--norc"]
        if system == "posix" and not Path(shell[0]).exists():
            shell = ["/bin/sh"]
        watch = Deadline(SCRIPT_SECONDS)
        try:
            run_tool([*shell, str(script)], env={**env, "WETLANDS_DUMP": str(dump)}, observer=watch, cwd=Path(folder))
            after = json.loads(dump.read_bytes())
        except ProvisioningCanceledError as error:
            raise _failed(prefix, scripts, f"they did not end within {SCRIPT_SECONDS:g} seconds", watch) from error
        except (ProvisioningError, OSError, ValueError) as error:
            raise _failed(prefix, scripts, f"they did not come to their end ({error})", watch) from error
    return {str(name): str(value) for name, value in after.items()}


def _failed(prefix: Prefix, scripts: Sequence[Path], reason: str, watch: Deadline) -> ProvisioningError:
    output = "".join(f"\n  {line}" for line in watch.lines[-20:])
    names = ", ".join(script.name for script in scripts)
    return ProvisioningError(
        f"The scripts that packages of {prefix.path} bring for its activation were run ({names}), and {reason}. "
        f"Remove the package whose script it is, or mend the script.{output}"
    )


class Deadline:
    """Lets a tool run for some seconds, and keeps what it writes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.lines: list[str] = []

    def stage(self, stage: str, message: str) -> None:
        """Hear nothing of it: a shell has no stages."""

    def progress(self, progress: Progress) -> None:
        """Hear nothing of it either."""

    def output(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)

    @property
    def cancel_requested(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end


def _stored(prefix: Path, key: str) -> Changes | None:
    """Read what was kept; whatever cannot be read counts as nothing."""
    try:
        kept = json.loads((prefix / _KEPT_IN).read_bytes())
        if kept["key"] != key:
            return None
        around = {str(name): (str(before), str(behind)) for name, (before, behind) in kept["around"].items()}
        return Changes(dict(kept["values"]), around, tuple(kept["removed"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _store(prefix: Path, key: str, changes: Changes) -> None:
    """Keep what was found out; a prefix that cannot be written to does without."""
    kept = {"key": key, "values": changes.values, "around": changes.around, "removed": changes.removed}
    staged = prefix / f"{_KEPT_IN}.{os.getpid()}.{threading.get_ident()}"
    try:
        staged.write_text(json.dumps(kept), encoding="utf-8")
        staged.chmod(0o600)  # it may hold secrets
        staged.replace(prefix / _KEPT_IN)
    except OSError:
        staged.unlink(missing_ok=True)


_MEMORY: dict[Path, tuple[str, Changes]] = {}  # the newest of each prefix
