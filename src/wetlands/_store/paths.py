"""Where things lie in an instance folder: names and patterns only, nothing is looked up on disk but lists of names.

```
<instance>/envs/<name>/environment.json      the record; without it there is no environment
                       .lock, .lock.holder   one builder at a time, and who it is
                       <generation>/         a prefix
                       <generation>.users/   one empty file per process that uses it
<instance>/debris/                           what was set aside to be deleted
<instance>/tools/                            pixi and micromamba, where they were downloaded
```
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Layout", "is_generation", "new_generation"]

_GENERATION = re.compile(r"[0-9a-f]{8}")
_USERS = re.compile(r"([0-9a-f]{8})\.users")
_RECORD = "environment.json"


def new_generation() -> str:
    """Return a name that no generation has had before: whatever is cached for an old one never fits a new one.

    It is short because prefixes are: the first line of a script may have 127 bytes on Linux, a path 260 characters on
    Windows.
    """
    return secrets.token_hex(4)


def is_generation(text: str) -> bool:
    """Say whether this is a name that `new_generation` makes."""
    return _GENERATION.fullmatch(text) is not None


@dataclass(frozen=True)
class Layout:
    """The paths of one instance.

    Attributes:
        root: The instance folder, absolute.
    """

    root: Path

    @property
    def environments(self) -> Path:
        """The folder with one folder per environment."""
        return self.root / "envs"

    @property
    def debris(self) -> Path:
        """The folder of what waits to be deleted: on the same device as the prefixes, so a rename is enough."""
        return self.root / "debris"

    @property
    def tools(self) -> Path:
        """The folder of the programs that were downloaded."""
        return self.root / "tools"

    def environment(self, name: str) -> Path:
        """Return the folder that holds all generations of an environment."""
        return self.environments / name

    def record(self, name: str) -> Path:
        """Return the file that makes a generation an environment."""
        return self.environment(name) / _RECORD

    def staged_record(self, name: str) -> Path:
        """Return a new path to write a record to, before it takes the place of the current one."""
        return self.environment(name) / f"{_RECORD}.{secrets.token_hex(4)}.tmp"

    def lock(self, name: str) -> Path:
        """Return the file that a builder locks. It stays: deleting it would split those who wait into two groups."""
        return self.environment(name) / ".lock"

    def holder(self, name: str) -> Path:
        """Return the file that says who holds the lock."""
        return self.environment(name) / ".lock.holder"

    def prefix(self, name: str, generation: str) -> Path:
        """Return the folder of one generation."""
        return self.environment(name) / generation

    def users(self, name: str, generation: str) -> Path:
        """Return the folder with one file per process that uses a generation."""
        return self.environment(name) / f"{generation}.users"

    def generations(self, name: str) -> tuple[str, ...]:
        """Return the generations of which a prefix or a folder of users exists, whether recorded or not."""
        found = set()
        for entry in _names(self.environment(name)):
            if is_generation(entry):
                found.add(entry)
            elif match := _USERS.fullmatch(entry):
                found.add(match[1])
        return tuple(sorted(found))

    def staged_files(self, name: str) -> tuple[Path, ...]:
        """Return the files that interrupted writes of a record left."""
        folder = self.environment(name)
        return tuple(
            folder / entry for entry in _names(folder) if entry.startswith(f"{_RECORD}.") and entry.endswith(".tmp")
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of the environments that have a record, in order."""
        return tuple(sorted(name for name in _names(self.environments) if self.record(name).is_file()))

    def names_like(self, name: str) -> tuple[str, ...]:
        """Return recorded names that differ by case or encoding at most: some file systems take them for one."""
        folded = _folded(name)
        return tuple(
            other for other in _names(self.environments) if _folded(other) == folded and self.record(other).is_file()
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _names(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(entry.name for entry in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return ()
