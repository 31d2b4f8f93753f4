"""Finds the Python interpreters of this machine, and the one that a recipe should be built on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from wetlands._backends.neutral import neutral_folder
from wetlands._platform.layout import prefix_of_python, standalone_pythons
from wetlands._platform.system import is_native
from wetlands._spec.python import OLDEST_PYTHON
from wetlands.exceptions import InterpreterNotFoundError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wetlands._spec.python import PythonRequirement

__all__ = ["Interpreter", "find_interpreter", "installed_interpreters", "pick", "search_path"]

_LIST_SECONDS = 60.0
_FLOOR = Version(OLDEST_PYTHON)


@dataclass(frozen=True)
class Interpreter:
    """A CPython that virtual environments can be made from.

    Attributes:
        path: Its executable.
        version: Its version.
        native: Whether it was built for the processor of this machine, not for one that is emulated.
        of_conda: Whether it belongs to a conda prefix, which its owner may remove any day.
        of_host: Whether this program runs on it.
    """

    path: Path
    version: Version
    native: bool = True
    of_conda: bool = False
    of_host: bool = False

    def __str__(self) -> str:
        return f"{self.version} at {self.path}"


def find_interpreter(requirement: PythonRequirement, *, uv: Path, env: Mapping[str, str]) -> Interpreter:
    """Find an interpreter on this machine; nothing is downloaded.

    Args:
        requirement: The Python of the recipe.
        uv: The uv binary.
        env: The environment variables to look with: PATH, and the settings of uv.

    Raises:
        InterpreterNotFoundError: None satisfies the requirement; the error lists those that were found.
        ProvisioningError: uv cannot list the interpreters.
    """
    return pick(requirement, installed_interpreters(uv=uv, env=env))


def pick(requirement: PythonRequirement, found: Sequence[Interpreter]) -> Interpreter:
    """Choose among the interpreters that were found.

    When any will do, that is the host's own version: values then cross between equals. Otherwise it is the newest
    release that satisfies the requirement. Pre-releases are taken only when the requirement names one. Among equal
    versions: one for this processor, then the host's own, then one outside of conda prefixes, then the first found.

    Raises:
        InterpreterNotFoundError: None satisfies the requirement.
    """
    matching = [interpreter for interpreter in found if requirement.allows(str(interpreter.version))]
    if not requirement.asked:
        matching = [interpreter for interpreter in matching if interpreter.of_host] or matching
    if not matching:
        shown = (str(interpreter) for interpreter in sorted(found, key=lambda one: one.version, reverse=True))
        raise InterpreterNotFoundError(str(requirement) if requirement.asked else requirement.specifier, tuple(shown))
    # max() returns the first of equals.
    return max(matching, key=lambda one: (one.native, one.version, one.of_host, not one.of_conda))


def installed_interpreters(
    *, uv: Path, env: Mapping[str, str], list_with: Callable[[Path, Mapping[str, str]], str] | None = None
) -> tuple[Interpreter, ...]:
    """Return the interpreters that environments can be made from, the one of this program first.

    These are what uv knows and finds on PATH, and what the version managers behind shims on PATH have installed.
    Left out: interpreters inside virtual environments, those older than 3.8, other implementations than CPython, and
    builds that ordinary wheels do not fit (free-threaded, debug).
    """
    listing = (list_with or _list_with_uv)(uv, {**env, "PATH": search_path(env)})
    host = _of_host()
    found = [] if host is None else [host]
    known = {_identity(one.path) for one in found}
    for interpreter in _parse(listing):
        identity = _identity(interpreter.path)
        if identity not in known:
            known.add(identity)
            found.append(interpreter)
    return tuple(found)


def search_path(env: Mapping[str, str]) -> str:
    """Return PATH with the installations of pyenv, asdf and mise in place of their shims.

    A shim starts whatever the current folder asks for, or fails when it asks for nothing; running each of them to find
    that out takes a second.
    """
    entries: list[Path] = []
    for entry in filter(None, env.get("PATH", "").split(os.pathsep)):
        folder = Path(entry)
        installed = _behind_shims(folder.parent) if folder.name == "shims" else ()
        entries.extend(installed or (folder,))
    if env.get("PYENV_ROOT"):
        entries.extend(_behind_shims(Path(env["PYENV_ROOT"])))
    return os.pathsep.join(dict.fromkeys(map(str, entries)))


def _behind_shims(root: Path) -> tuple[Path, ...]:
    return standalone_pythons(root / "versions") + standalone_pythons(root / "installs" / "python")


def _of_host() -> Interpreter | None:
    """Return the interpreter this program runs on; None in a frozen program, whose executable is no interpreter."""
    if getattr(sys, "frozen", False) or not sys.executable or sys.implementation.name != "cpython":
        return None
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None  # free-threaded: most wheels are not made for it
    version = Version(platform.python_version().removesuffix("+"))
    # A virtual environment made from one in a virtual environment is based on the interpreter behind both.
    return Interpreter(Path(sys.executable), version, of_conda=_in_conda(Path(sys.base_prefix)), of_host=True)


def _list_with_uv(uv: Path, env: Mapping[str, str]) -> str:
    command = [str(uv), "python", "list", "--only-installed", "--no-python-downloads", "--output-format", "json"]
    try:
        with neutral_folder() as folder:
            answer = subprocess.run(
                command,
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_LIST_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProvisioningError(f"The interpreters of this machine could not be listed with uv: {error}.") from error
    if answer.returncode != 0:
        raise ProvisioningError(
            f"The interpreters of this machine could not be listed with uv (exit code {answer.returncode}): "
            f"{answer.stderr.strip()}"
        )
    return answer.stdout


def _parse(listing: str) -> Iterator[Interpreter]:
    """Read what ``uv python list --output-format json`` writes; unknown fields are ignored."""
    try:
        entries = json.loads(listing)
    except ValueError as error:
        raise ProvisioningError(
            f"uv listed the interpreters of this machine in no form known here: {error}."
        ) from error
    for entry in entries:
        if not entry.get("path") or entry.get("implementation") != "cpython" or entry.get("variant") != "default":
            continue
        try:
            version = Version(entry.get("version", ""))
        except InvalidVersion:
            continue
        path = Path(entry["path"])
        prefix = prefix_of_python(path)
        if version >= _FLOOR and not (prefix / "pyvenv.cfg").is_file():
            yield Interpreter(path, version, native=is_native(entry.get("arch", "")), of_conda=_in_conda(prefix))


def _in_conda(prefix: Path) -> bool:
    return (prefix / "conda-meta").is_dir()


def _identity(path: Path) -> str:
    """Return what is the same for all names of one interpreter."""
    return os.path.realpath(path)
