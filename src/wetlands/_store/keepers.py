"""Which persistent workers an instance has: the notes of their keepers, see `wetlands._store.parties`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._store.parties import known_parties

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._store.parties import Party

__all__ = ["described", "keepers_folder", "known_keepers"]


def keepers_folder(root: Path) -> Path:
    """Return the folder of the notes of keepers of an instance."""
    return root / "state" / "keepers"


def known_keepers(root: Path, environment: str | None = None) -> list[Party]:
    """Return the keepers that live, the oldest first.

    Args:
        root: The instance folder.
        environment: Only those of this environment.
    """
    return [
        party
        for party in known_parties(root)
        if party.kind == "keeper" and party.alive and environment in {None, party.program}
    ]


def described(keeper: Party) -> str:
    """Return what is known of a keeper and its workers, as a part of a sentence."""
    pids = ", ".join(str(worker.process.pid) for worker in keeper.workers) or "none"
    return f"workers with pid {pids}, kept by process {keeper.process.pid} at {keeper.address}"
