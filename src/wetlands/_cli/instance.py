"""The instance folder that a command is about."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands._store.store import Store
    from wetlands.environment_manager import EnvironmentManager

__all__ = ["Instance", "pass_instance"]


@dataclass(frozen=True)
class Instance:
    """Which instance folder it is, and how it is opened.

    Attributes:
        path: The folder, as the user gave it.
    """

    path: Path

    @property
    def folder(self) -> Path:
        """The folder, absolute."""
        return self.path.expanduser().absolute()

    def store(self) -> Store:
        """The environments in it, for commands that only read."""
        from wetlands._store.store import Store  # noqa: PLC0415 - help and completion need none of it

        return Store(self.folder)

    @contextmanager
    def manager(self, backend: str = "auto") -> Iterator[EnvironmentManager]:
        """A manager of it, which is exited on the way out."""
        from wetlands.environment_manager import EnvironmentManager  # noqa: PLC0415 - as above

        with EnvironmentManager(self.folder, manager=backend) as manager:  # type: ignore[arg-type]  # checked there
            yield manager


pass_instance = click.make_pass_decorator(Instance)
"""Gives a command the instance that the options before it name."""
