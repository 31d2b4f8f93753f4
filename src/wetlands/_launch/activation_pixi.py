"""What activating an environment of a pixi workspace does to the variables: pixi is asked once, remembered as data.

Beside what every conda prefix does, a manifest may set variables and name scripts of its own; pixi knows them, and we
do not read manifests in its place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.pixi.commands import Workspace, tool_variables
from wetlands._backends.pixi.files import has_activation
from wetlands._backends.tool import run_tool
from wetlands._launch.activation_scripts import (
    SCRIPT_SECONDS,
    Deadline,
    applied,
    changes_between,
    remembered,
    with_scripts,
)
from wetlands.exceptions import ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wetlands._backends.prefix import Prefix
    from wetlands._backends.tools.toolbox import Toolbox
    from wetlands._launch.activation_scripts import Changes

__all__ = ["hooked", "with_hook", "workspace_of"]

_FORMAT = 1
# They tell a pixi that a child may call which workspace it is in: it must find out for itself.
_OF_PIXI = frozenset({"PIXI_IN_SHELL", "PIXI_PROMPT", "PIXI_EXE", "PIXI_PROJECT_MANIFEST"})


def workspace_of(prefix: Prefix) -> Workspace | None:
    """Return the workspace that a prefix is an environment of, or None when it is none of pixi's."""
    try:
        stated = json.loads((prefix.path / "conda-meta" / "pixi").read_bytes())
        workspace = Workspace(Path(stated["manifest_path"]), str(stated["environment_name"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return workspace if workspace.manifest.is_file() else None


def with_hook(
    prefix: Prefix, workspace: Workspace, env: Mapping[str, str], *, toolbox: Callable[[], Toolbox], keep: bool
) -> dict[str, str]:
    """Return the variables as pixi leaves them when it activates an environment.

    Where no pixi is on the machine, and the manifest says nothing of activation, nothing is missing without it.

    Args:
        prefix: The environment.
        workspace: Its workspace.
        env: The variables of the activated prefix, before any script.
        toolbox: Gives what finds pixi, when it is needed. Nothing is downloaded.
        keep: Whether the result may be kept in a file of the prefix.

    Raises:
        ProvisioningError: pixi failed; or it is needed, and is not on this machine.
    """
    files = (workspace.manifest, workspace.lock, prefix.path / "conda-meta" / "pixi", *_own_files(prefix.path))
    key = json.dumps([_FORMAT, "pixi", str(prefix.path), [_state(file) for file in files]])

    def find_out() -> Changes:
        found = toolbox().find()
        if found is None:
            if has_activation(workspace.manifest):
                raise ProvisioningError(
                    f"{workspace.manifest} says what activating its environments does, which only pixi can do, and "
                    "there is no pixi on this machine. Install it, name it with conda_path=..., or have it downloaded "
                    'with EnvironmentManager(manager="pixi").install_conda().'
                )
            return changes_between(env, with_scripts(prefix, env, keep=False))
        return changes_between(env, hooked(env, _ask(workspace, found.path, env)))

    return applied(remembered(prefix.path, key, find_out, keep=keep), env)


def hooked(env: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with those that pixi says, each entry of PATH once, without what is for pixi itself."""
    after = {**env, **{name: value for name, value in said.items() if name not in _OF_PIXI}}
    paths = {name: dict.fromkeys(value.split(os.pathsep)) for name, value in after.items() if name.upper() == "PATH"}
    return {**after, **{name: os.pathsep.join(entries) for name, entries in paths.items()}}


def _ask(workspace: Workspace, program: Path, env: Mapping[str, str]) -> dict[str, str]:
    watch = Deadline(SCRIPT_SECONDS)
    lines: list[str] = []
    try:
        run_tool(
            workspace.hook(program),
            env={**tool_variables(env), "PATH": env.get("PATH", os.defpath)},
            observer=watch,
            cwd=workspace.root,
            unmasked=lines,
        )
        answer = json.loads(next(line for line in lines if line.startswith("{")))
        return {str(name): str(value) for name, value in answer["environment_variables"].items()}
    except ProvisioningCanceledError as error:
        raise ProvisioningError(
            f"pixi did not activate the environment {workspace.environment!r} of {workspace.manifest} within "
            f"{SCRIPT_SECONDS:g} seconds. Look at the scripts that the manifest names."
        ) from error
    except (StopIteration, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProvisioningError(
            f"`pixi shell-hook --json` for {workspace.manifest} gave no answer of the known shape. Use another version "
            "of pixi."
        ) from error


def _own_files(prefix: Path) -> list[Path]:
    """Return the files in a prefix that its activation depends on."""
    folders = (prefix / "etc" / "conda" / "activate.d", prefix / "etc" / "conda" / "env_vars.d")
    return [file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())]


def _state(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (file.name, 0, 0)
    return (file.name, found.st_mtime_ns, found.st_size)
