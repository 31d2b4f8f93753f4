"""The record of an environment: what makes a folder of files an environment that can be reused."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from wetlands._spec import Spec
from wetlands._store.paths import is_generation
from wetlands.exceptions import RecordError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "Record"]

FORMAT = 1

_T = TypeVar("_T")
_IN_REPAIR = "repair() of it was interrupted, so files may be missing (repair it again)"


@dataclass(frozen=True)
class Record:
    """What was built, by whom and why.

    Attributes:
        name: The name of the environment.
        generation: The folder, beside the record, that is the prefix.
        spec: What was asked for; it includes the commands that ran after the packages were installed.
        base: The folder that relative paths of local packages begin at. It is no part of the identity.
        backend: What built it: ``"uv"``, ...
        reason: Why that backend was chosen.
        python_version: The Python in it, as ``"3.11.7"``; empty when the prefix does not say.
        created: When it was built, in UTC, as ``"2025-01-31T12:00:00+00:00"``.
        changes: What was done to it afterwards that the spec does not tell, one sentence each.
    """

    name: str
    generation: str
    spec: Spec
    base: str
    backend: str
    reason: str
    python_version: str
    created: str
    changes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What a request is compared with to decide about reuse.

        It is not stored: a later version of the library may hash in another way and still recognise what it has.
        """
        return self.spec.fingerprint

    @property
    def managed(self) -> bool:
        """Whether the spec still tells all that is in the environment."""
        return not self.changes

    def changed(self, sentence: str) -> Record:
        """Return the record of the same environment after a change that the spec does not tell."""
        return replace(self, changes=(*self.changes, sentence))

    def interrupted(self) -> Record:
        """Return the record of the same environment while it is repaired: whoever reads it must not reuse it."""
        return self.recovered().changed(_IN_REPAIR)

    def recovered(self) -> Record:
        """Return the record of the same environment after a repair."""
        return replace(self, changes=tuple(change for change in self.changes if change != _IN_REPAIR))

    def to_text(self) -> str:
        """Return the text to store."""
        return json.dumps(
            {
                "format": FORMAT,
                "name": self.name,
                "generation": self.generation,
                "base": self.base,
                "backend": self.backend,
                "reason": self.reason,
                "python_version": self.python_version,
                "created": self.created,
                "changes": self.changes,
                "spec": self.spec.to_json(),
            },
            indent=2,
            ensure_ascii=False,
        )

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Return the stored record, or None when there is none.

        Raises:
            RecordError: There is one that cannot be read: damaged, truncated, or of another format.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError as error:
            raise RecordError(path, f"it is not text ({error})") from error
        except OSError as error:
            raise RecordError(path, error.strerror or str(error)) from error
        try:
            return _from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise RecordError(path, f"it is not complete JSON ({error})") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise RecordError(path, str(error) or type(error).__name__) from error


def _from_json(stored: object) -> Record:
    if not isinstance(stored, dict):
        raise TypeError(f"it holds a {type(stored).__name__} instead of an object")
    version = stored.get("format")
    if version != FORMAT:
        raise ValueError(f"it has format {version!r}, and this version of the library reads format {FORMAT}")
    record = Record(
        name=_field(stored, "name", str),
        generation=_field(stored, "generation", str),
        spec=Spec.from_json(_field(stored, "spec", dict)),
        base=_field(stored, "base", str),
        backend=_field(stored, "backend", str),
        reason=_field(stored, "reason", str),
        python_version=_field(stored, "python_version", str),
        created=_field(stored, "created", str),
        changes=tuple(str(change) for change in _field(stored, "changes", list)),
    )
    if not is_generation(record.generation):
        # It becomes a path that is deleted one day: a damaged one must not lead elsewhere.
        raise ValueError(f"{record.generation!r} is not the name of a generation")
    return record


def _field(stored: dict[str, object], key: str, kind: type[_T]) -> _T:
    value = stored.get(key)
    if not isinstance(value, kind):
        raise TypeError(f"{key!r} is {'missing' if value is None else 'of another type than expected'}")
    return value
