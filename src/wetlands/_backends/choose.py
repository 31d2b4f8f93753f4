"""Chooses the backend for a spec, and says why."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wetlands._backends.interpreters import find_interpreter
from wetlands._backends.tools.found import places_in
from wetlands._backends.tools.toolbox import Toolbox
from wetlands._backends.uv import UvBackend, refuse_conda
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._backends.api import Backend, BuildObserver
    from wetlands._backends.interpreters import Interpreter
    from wetlands._backends.locks.model import Lock, LockedPlatform
    from wetlands._backends.tools.pins import Tool
    from wetlands._spec.model import Spec

__all__ = ["Choice", "Manager", "choose", "tool_asked_for", "tool_at", "toolbox_of"]

Manager = Literal["auto", "rattler", "uv", "pixi", "micromamba"]
_TOOLS: tuple[Tool, ...] = ("pixi", "micromamba")


@dataclass(frozen=True)
class Choice:
    """The backend that builds a spec.

    Attributes:
        backend: The backend.
        reason: Why this one, as a sentence for the log and the record.
        describe: Says exactly what a prefix holds that it built; None where nothing can.
    """

    backend: Backend
    reason: str
    describe: Callable[[Spec, Path, BuildObserver], Lock] | None = None


def choose(
    spec: Spec,
    *,
    manager: Manager = "auto",
    conda_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    base: Path | None = None,
    tools: Path | None = None,
    locked: LockedPlatform | None = None,
    find: Callable[..., Interpreter] = find_interpreter,
) -> Choice:
    """Choose the backend that builds a spec, or adds it to an existing prefix.

    Args:
        spec: What is wanted.
        manager: The backend the user asks for; ``"auto"`` to leave it to us.
        conda_path: Where the user's pixi or micromamba is: naming one chooses it.
        env: The environment variables backends work with, proxies included; by default those of this process.
        base: What relative paths of local packages begin at; by default the current folder.
        tools: Where pixi and micromamba are downloaded to, where the user says nothing; by default ``tools`` in
            the base.
        locked: What it must hold exactly: then nothing is chosen, since nothing is to be solved.
        find: Finds the interpreter that uv would build on.

    Raises:
        ProvisioningError: The backend that is asked for cannot build the spec. There is no fall-back to another one.
    """
    variables = os.environ if env is None else env
    folder = base or Path.cwd()
    described = partial(_describe, env=variables, base=folder)
    if locked is not None:
        tool = tool_asked_for(manager, conda_path)
        toolbox = tool and toolbox_of(tool, env=variables, conda_path=conda_path, tools=tools or folder / "tools")
        reason = f"the lock {locked.source} was given"
        return Choice(_of_lock(locked, tool, variables, folder, toolbox), reason, described)
    chosen = _choose(spec, manager, conda_path, variables, folder, tools, find)
    return replace(chosen, describe=described)


def _describe(spec: Spec, prefix: Path, observer: BuildObserver, *, env: Mapping[str, str], base: Path) -> Lock:
    from wetlands._backends.locks.describe import describe  # noqa: PLC0415 - a create() that reuses needs none of it

    return describe(spec, prefix, observer, env=env, base=base)


def _choose(  # noqa: PLR0917 - what the choice depends on
    spec: Spec,
    manager: Manager,
    conda_path: Path | None,
    variables: Mapping[str, str],
    folder: Path,
    tools: Path | None,
    find: Callable[..., Interpreter],
) -> Choice:
    tool = tool_asked_for(manager, conda_path)
    if spec.manifest is not None and tool != "pixi":
        _refuse_other_than_pixi(tool, manager)
        tool, reason = "pixi", "the recipe is a manifest of pixi"
        conda_path = None
    else:
        reason = f'manager="{tool}" was asked for' if manager != "auto" else f"conda_path names {tool}"
    if tool is not None:
        toolbox = toolbox_of(tool, env=variables, conda_path=conda_path, tools=tools or folder / "tools")
        return Choice(_of_tool(tool, variables, folder, toolbox), reason)
    name, reason = _decide(spec, manager)
    if name == "uv":
        refuse_conda(spec)
        uv = UvBackend(variables, base=folder, find=find)
        if manager == "auto" and not uv.has_python(spec):
            return Choice(_rattler(variables, folder), f"no Python {spec.python} is installed for uv to build on")
        return Choice(uv, reason)
    return Choice(_rattler(variables, folder), reason)


def tool_asked_for(manager: Manager, conda_path: Path | None) -> Tool | None:
    """Return the tool that builds all environments of a manager, or None when it is decided by recipe.

    Raises:
        ProvisioningError: The path names no tool, or another one than the manager.
    """
    if manager in {"uv", "rattler"}:
        return None
    named = None if conda_path is None else _named_by(conda_path)
    for tool in _TOOLS:
        if manager == tool:
            if named not in {None, tool}:
                raise ProvisioningError(
                    f'manager="{tool}" was asked for, and conda_path={str(conda_path)!r} names {named}. Leave one out.'
                )
            return tool
    return None if conda_path is None else tool_at(conda_path)


def _refuse_other_than_pixi(tool: Tool | None, manager: Manager) -> None:
    other = tool or (manager if manager != "auto" else None)
    if other is not None:
        raise ProvisioningError(
            f'The recipe is a manifest of pixi, which only pixi reads, and {other} was asked for. Use manager="pixi", '
            "or create the environment anew with create_from_config(..., replace_existing=True)."
        )


def toolbox_of(tool: Tool, *, env: Mapping[str, str], conda_path: Path | None, tools: Path) -> Toolbox:
    """Return where a tool comes from; nothing is looked for yet."""
    return Toolbox(tool, env=env, folder=tools, conda_path=conda_path)


def _of_tool(tool: Tool, env: Mapping[str, str], base: Path, toolbox: Toolbox) -> Backend:
    if tool == "micromamba":
        from wetlands._backends.micromamba.backend import MicromambaBackend  # noqa: PLC0415 - needed by few programs

        return MicromambaBackend(env, base=base, toolbox=toolbox)
    from wetlands._backends.pixi.backend import PixiBackend  # noqa: PLC0415 - as above

    return PixiBackend(env, base=base, toolbox=toolbox)


def _of_lock(
    locked: LockedPlatform, tool: Tool | None, env: Mapping[str, str], base: Path, toolbox: Toolbox | None
) -> Backend:
    # Not at the top: few programs give a lock.
    if tool == "pixi" and toolbox is not None:
        from wetlands._backends.pixi.locked import LockedPixiBackend  # noqa: PLC0415

        return LockedPixiBackend(locked, env, base=base, toolbox=toolbox)
    if tool == "micromamba" and toolbox is not None:
        from wetlands._backends.micromamba.backend import MicromambaBackend  # noqa: PLC0415
        from wetlands._backends.micromamba.locked import LockedMicromambaBackend  # noqa: PLC0415

        micromamba = MicromambaBackend(env, base=base, toolbox=toolbox)
        return LockedMicromambaBackend(locked, env, base=base, tool=micromamba)
    from wetlands._backends.locks.build import LockedBackend  # noqa: PLC0415

    return LockedBackend(locked, env, base=base)


def _rattler(env: Mapping[str, str], base: Path) -> Backend:
    from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - imports the engine, which takes a while

    return RattlerBackend(env, base=base)


def tool_at(conda_path: Path) -> Tool:
    """Return which tool a path means: its executable, its folder, or a folder it is or will be installed in.

    Raises:
        ProvisioningError: Neither the name nor the content of the path tells.
    """
    named = _named_by(conda_path)
    if named is not None:
        return named
    raise ProvisioningError(
        f"conda_path={str(conda_path)!r} is neither pixi nor micromamba: it must name the executable of one of them, "
        "or the folder it is in. Leave conda_path out to have the backend chosen for you."
    )


def _named_by(conda_path: Path) -> Tool | None:
    for tool in _TOOLS:
        if tool in conda_path.name.lower():
            return tool
    for tool in _TOOLS:
        if any(place.is_file() for name in (tool, f"{tool}.exe") for place in places_in(conda_path, name)[1:]):
            return tool
    return None


def _decide(spec: Spec, manager: Manager) -> tuple[str, str]:
    """Return the name of the backend, and why."""
    if manager != "auto":
        return manager, f'manager="{manager}" was asked for'
    if spec.has_conda:
        return "rattler", "the recipe asks for conda packages"
    return "uv", "all packages come from PyPI or from local folders"
