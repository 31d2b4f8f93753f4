"""Chooses the backend for a spec, and says why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wetlands._backends.interpreters import find_interpreter
from wetlands._backends.uv import UvBackend, refuse_conda
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._backends.api import Backend
    from wetlands._backends.interpreters import Interpreter
    from wetlands._spec.model import Spec

__all__ = ["Choice", "Manager", "Tool", "choose", "tool_at"]

Manager = Literal["auto", "rattler", "uv", "pixi", "micromamba"]
Tool = Literal["pixi", "micromamba"]
_TOOLS: tuple[Tool, ...] = ("pixi", "micromamba")


@dataclass(frozen=True)
class Choice:
    """The backend that builds a spec.

    Attributes:
        backend: The backend.
        reason: Why this one, as a sentence for the log and the record.
    """

    backend: Backend
    reason: str


def choose(
    spec: Spec,
    *,
    manager: Manager = "auto",
    conda_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    base: Path | None = None,
    find: Callable[..., Interpreter] = find_interpreter,
) -> Choice:
    """Choose the backend that builds a spec, or adds it to an existing prefix.

    Args:
        spec: What is wanted.
        manager: The backend the user asks for; ``"auto"`` to leave it to us.
        conda_path: Where the user's pixi or micromamba is: naming one chooses it.
        env: The environment variables backends work with, proxies included; by default those of this process.
        base: What relative paths of local packages begin at; by default the current folder.
        find: Finds the interpreter that uv would build on.

    Raises:
        ProvisioningError: The backend that is asked for is not in this version, or cannot build the spec. There is no
            fall-back to another one.
    """
    variables = os.environ if env is None else env
    folder = base or Path.cwd()
    name, reason = _decide(spec, manager, None if conda_path is None else tool_at(conda_path))
    if name == "uv":
        refuse_conda(spec)
        uv = UvBackend(variables, base=folder, find=find)
        if manager == "auto" and not uv.has_python(spec):
            return Choice(_rattler(variables, folder), f"no Python {spec.python} is installed for uv to build on")
        return Choice(uv, reason)
    if name == "rattler":
        return Choice(_rattler(variables, folder), reason)
    raise ProvisioningError(_missing(name, reason))


def _rattler(env: Mapping[str, str], base: Path) -> Backend:
    from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - imports the engine, which takes a while

    return RattlerBackend(env, base=base)


def tool_at(conda_path: Path) -> Tool:
    """Return which tool a path means: its executable, its folder, or a folder it is or will be installed in.

    Raises:
        ProvisioningError: Neither the name nor the content of the path tells.
    """
    for tool in _TOOLS:
        if tool in conda_path.name.lower():
            return tool
    for tool in _TOOLS:
        places = (conda_path / tool, conda_path / "bin" / tool, conda_path / "Library" / "bin" / tool)
        if any(place.with_suffix(suffix).is_file() for place in places for suffix in ("", ".exe")):
            return tool
    raise ProvisioningError(
        f"conda_path={str(conda_path)!r} is neither pixi nor micromamba: it must name the executable of one of them, "
        "or the folder it is in. Leave conda_path out to have the backend chosen for you."
    )


def _decide(spec: Spec, manager: Manager, tool: Tool | None) -> tuple[str, str]:
    """Return the name of the backend, and why."""
    if manager != "auto":
        return manager, f'manager="{manager}" was asked for'
    if tool is not None:
        return tool, f"conda_path names {tool}"
    if spec.has_conda:
        return "rattler", "the recipe asks for conda packages"
    return "uv", "all packages come from PyPI or from local folders"


def _missing(name: str, reason: str) -> str:
    return (
        f"{reason}: this version does not have the {name} backend. "
        'Leave out "manager" and "conda_path": conda packages are then installed with rattler, others with uv.'
    )
