"""What a backend is to the rest of the library: two small Protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._spec.model import Spec

__all__ = ["Backend", "BuildObserver", "Progress"]


@dataclass(frozen=True)
class Progress:
    """How far a part of a build is.

    Attributes:
        stage: The part: ``"download"``, ``"link"`` or ``"install"``.
        current: How much is done.
        maximum: How much there is to do, as far as is known by now.
        unit: What is counted.
    """

    stage: str
    current: int
    maximum: int
    unit: Literal["bytes", "packages"]


class BuildObserver(Protocol):
    """Who watches a build: it is told what happens, and says when to stop.

    All is called in the thread that called the backend. An exception raised here ends the build.
    """

    def stage(self, stage: str, message: str) -> None:
        """Hear that a part of the build begins, with a sentence for people.

        A build begins with ``"create"``, conda packages go through ``"solve"``, ``"download"`` (those that no cache
        has) and ``"link"``, ``"install"`` is for packages of PyPI and local ones, and ``"commands"`` for what the user
        runs afterwards. ``"waiting"`` may come at any time: somebody else has to be done first.
        """
        ...

    def progress(self, progress: Progress) -> None:
        """Hear how far a part is; only from backends that know, and a few times a second at most."""
        ...

    def output(self, line: str) -> None:
        """Hear one line that a tool wrote, without its line end, secrets masked."""
        ...

    @property
    def cancel_requested(self) -> bool:
        """Whether the build should stop. Asked several times a second: it must be cheap."""
        ...


class Backend(Protocol):
    """What turns a spec into files.

    Both verbs return only when the environment is complete. They raise `ProvisioningError`, among them
    `ProvisioningCanceledError` when the observer asked to stop, and leave no process behind in any case.
    """

    @property
    def name(self) -> str:
        """The name a record stores: ``"uv"``, ``"rattler"``, ..."""
        ...

    def build(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Make a new environment at a path that does not exist yet; after an error debris may lie there."""
        ...

    def install(self, spec: Spec, prefix: Path, observer: BuildObserver) -> None:
        """Add what the spec names to an existing prefix; after an error a part of it may have been added."""
        ...
