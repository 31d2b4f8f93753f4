"""The command line of a worker."""

from __future__ import annotations

import os
from pathlib import Path

import wetlands_worker

__all__ = [
    "guardian_command",
    "keeper_command",
    "package_command",
    "template_command",
    "worker_command",
    "working_folder",
]

WORKER_PACKAGE = Path(wetlands_worker.__file__).resolve().parent


def worker_command(
    python: Path,
    connections: tuple[int, ...],
    tokens: tuple[str, str],
    nonce: str,
    session: str,
    bytecode: Path | None = None,
) -> list[str]:
    """The arguments that start a worker.

    Args:
        python: The interpreter of the environment.
        connections: The numbers of the inherited call and control connections.
        tokens: How it finds the shared page and the shared segment.
        nonce: What marks the worker's output; nobody else can know it.
        session: What the ids of this host's tasks start with.
        bytecode: Where that of the worker package is kept, if not beside it.
    """
    return [*package_command(python, bytecode), *map(str, connections), *tokens, nonce, session]


def guardian_command(python: Path, host: int) -> list[str]:
    """The arguments that start a guardian of this process: isolated and without ``site``, so small and quick."""
    return [str(python), "-I", "-S", str(WORKER_PACKAGE / "guardian.py"), str(host)]


def template_command(python: Path, connection: int, bytecode: Path | None = None) -> list[str]:
    """The arguments that start a template, which is given the number of its inherited connection."""
    return [*package_command(python, bytecode), "template", str(connection)]


def keeper_command(python: Path, settings: str) -> list[str]:
    """The arguments that start a keeper: isolated and without ``site``, so nothing of the environment runs in it."""
    return [str(python), "-I", "-S", str(WORKER_PACKAGE), "keeper", settings]


def working_folder() -> str:
    """The current folder, for a process that is to begin there."""
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return os.sep


def package_command(python: Path, bytecode: Path | None) -> list[str]:
    """The arguments that run the worker package, to be followed by what it shall be."""
    options = [] if bytecode is None else ["-X", f"wetlands_bytecode={bytecode}"]
    return [str(python), *options, str(WORKER_PACKAGE)]
