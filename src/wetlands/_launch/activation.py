"""The environment variables of an activated prefix, computed without a shell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.environ import scrubbed
from wetlands._backends.recipe_variables import RECIPE_VARIABLES
from wetlands._platform.layout import path_entries
from wetlands._platform.system import CURRENT
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wetlands._backends.prefix import Prefix
    from wetlands._platform.system import System

__all__ = ["activate", "conda_variables"]

# What `conda env config vars unset` leaves in the state file (conda.base.constants.CONDA_ENV_VARS_UNSET_VAR).
_UNSET = "***unset***"
# CONDA_PREFIX_1, _2, ...: environments that were activated on top of each other.
_CONDA_PREFIX = re.compile(r"CONDA_PREFIX(_\d+)?")


def activate(prefix: Prefix, host: Mapping[str, str], *, system: System = CURRENT) -> dict[str, str]:
    """Return the variables for processes of a prefix; nothing is read from disk.

    The interpreter of the prefix finds its own library and packages, whatever Python, environment or frozen program
    the host is, and does not see the packages of the user's home. PATH begins with the prefix; the entries of the
    environments the host was started in are gone, those of the system stay.

    Args:
        prefix: The environment.
        host: The variables of the host. Not changed.
        system: The operating system.
    """
    separator = ";" if system == "windows" else ":"
    env = scrubbed(host, separator=separator)
    name = _name_of_path(env, system)
    others = {_comparable(entry, system) for entry in _entries_of_others(host, system)}
    inherited = [entry for entry in env.get(name, "").split(separator) if _comparable(entry, system) not in others]
    own = [str(entry) for entry in path_entries(prefix.path, prefix.kind, system=system)]
    env[name] = separator.join(dict.fromkeys([*own, *filter(None, inherited)]))
    env["PYTHONNOUSERSITE"] = "1"
    folder = str(prefix.path)
    if prefix.kind == "venv":
        return {**env, "VIRTUAL_ENV": folder}
    return {**env, "CONDA_PREFIX": folder, "CONDA_DEFAULT_ENV": folder, "CONDA_SHLVL": "1"}


def conda_variables(prefix: Prefix) -> dict[str, str]:
    """Read the variables that conda sets in a prefix: those of packages first, then those of the user over them.

    Packages put theirs into ``etc/conda/env_vars.d/*.json``; ``conda env config vars set`` puts the user's into
    ``conda-meta/state``. A virtual environment has only those of the recipe it was made from.

    Raises:
        ProvisioningError: One of these files cannot be read.
    """
    found: dict[str, str] = {}
    if prefix.kind != "conda":
        file = prefix.path / RECIPE_VARIABLES
        return _variables(file, _read(file)) if file.is_file() else {}
    for file in sorted((prefix.path / "etc" / "conda" / "env_vars.d").glob("*.json")):
        found.update(_variables(file, _read(file)))
    state = prefix.path / "conda-meta" / "state"
    if state.is_file():
        found.update(_variables(state, _members(state, _read(state)).get("env_vars", {})))
    return {name: value for name, value in found.items() if value != _UNSET}


def _name_of_path(env: Mapping[str, str], system: System) -> str:
    """Return how PATH is spelt: Windows takes any case, and calls it ``Path`` itself."""
    spelt = [name for name in env if name.upper() == "PATH"] if system == "windows" else []
    return spelt[0] if spelt else "PATH"


def _entries_of_others(host: Mapping[str, str], system: System) -> Iterator[str]:
    """Yield what the environments that the host was started in have put into PATH."""
    for name, value in host.items():
        if value and name.upper() == "VIRTUAL_ENV":
            yield from map(str, path_entries(Path(value), "venv", system=system))
        elif value and _CONDA_PREFIX.fullmatch(name.upper()):
            yield from map(str, path_entries(Path(value), "conda", system=system))


def _comparable(entry: str, system: System) -> str:
    if system == "windows":
        return entry.strip('"').replace("/", "\\").rstrip("\\").lower()
    return entry.rstrip("/")


def _read(file: Path) -> object:
    try:
        read: object = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ProvisioningError(f"The variables in {file} cannot be read: {error}. Mend or remove the file.") from error
    return read


def _members(file: Path, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ProvisioningError(f"{file} should hold a JSON object of variables. Mend or remove the file.")
    return {str(name): member for name, member in value.items()}


def _variables(file: Path, value: object) -> dict[str, str]:
    return {name: str(member) for name, member in _members(file, value).items()}
