"""The CPython interpreters of this machine, one per minor version from 3.8 up, each proven by running it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOOR = (3, 8)
_ASK_SECONDS = 20
_EXECUTABLE = re.compile(r"python(3(\.\d+)?)?(\.exe)?")
_PROBE = (
    "import sys, platform; "
    "print(platform.python_implementation(), sys.version_info[0], sys.version_info[1], sys.version_info[3], "
    "getattr(sys, '_base_executable', sys.executable))"
)


@functools.cache
def found() -> dict[str, Path]:
    """Map `"3.8"`, `"3.9"`, ... to an interpreter that runs, in ascending order.

    The one that runs the tests is always among them, as the interpreter of its minor version.
    """
    by_minor: dict[tuple[int, int], Path] = {}
    for candidate in _candidates():
        answer = _ask(candidate)
        if answer is not None:
            by_minor.setdefault(*answer)
    return {f"{major}.{minor}": by_minor[major, minor] for major, minor in sorted(by_minor)}


def _candidates() -> Iterator[Path]:
    seen: set[Path] = set()
    for path in (Path(sys.executable), *_from_path(), *_from_pyenv(), *_from_uv()):
        resolved = path.resolve()
        if resolved not in seen and resolved.exists():
            seen.add(resolved)
            yield path


def _from_path() -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        # pyenv's shims answer for versions that are not selected, and take a fifth of a second each to refuse
        if folder and not folder.endswith("shims") and (path := Path(folder)).is_dir():
            yield from sorted(file for file in path.glob("python*") if _EXECUTABLE.fullmatch(file.name))


def _from_pyenv() -> Iterator[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob("versions/*/bin/python"))
    yield from sorted(root.glob("pyenv-win/versions/*/python.exe"))


def _from_uv() -> Iterator[Path]:
    import uv

    command = [uv.find_uv_bin(), "python", "list", "--only-installed", "--no-python-downloads", "--color=never"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in listing.splitlines():
        words = line.split()
        if len(words) > 1 and words[0].startswith("cpython-") and "shims" not in words[1]:
            yield Path(words[1])


def _ask(executable: Path) -> tuple[tuple[int, int], Path] | None:
    command = [str(executable), "-I", "-S", "-c", _PROBE]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.strip().split(maxsplit=4)
    if answer.returncode or len(words) < 5 or words[0] != "CPython" or words[3] != "final":
        return None
    version = (int(words[1]), int(words[2]))
    return (version, Path(words[4])) if version >= FLOOR else None
