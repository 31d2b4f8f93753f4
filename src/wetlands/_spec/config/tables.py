"""One table of a config file: its values, checked, each with the place it stands at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wetlands._spec.checks import check_encodable, kind, quoted
from wetlands._spec.config.keys import nearest
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wetlands._spec.config.keys import Keys
    from wetlands._spec.config.remarks import Remarks

__all__ = ["Table", "text_at"]


class Table:
    """A table of a config file.

    Args:
        value: What the file holds there; nothing is an empty table.
        where: The file and the path of the key, to begin errors and remarks with.
        remarks: Where to note what is not honoured.

    Raises:
        InvalidDependencyError: It is something else than a table.
    """

    def __init__(self, value: object, where: str, remarks: Remarks) -> None:
        if value is not None and not isinstance(value, Mapping):
            raise InvalidDependencyError(f"{where} must be a table, not {kind(value)}.")
        self._values: Mapping[str, object] = {} if value is None else {str(key): entry for key, entry in value.items()}
        self.where = where
        self._remarks = remarks

    def check(self, known: Keys, *, strict: bool = False) -> Table:
        """Refuse or remark on the keys that are not honoured.

        Args:
            known: The keys there are.
            strict: Whether an unknown key is an error: where it could change what a requirement means.

        Raises:
            InvalidDependencyError: A key is refused, or unknown where this is strict.
        """
        for name in self._values:
            key = known.get(name)
            place = self.place(name)
            if key is None:
                text = f"this key is not known.{nearest(name, known)}"
                if strict:
                    raise InvalidDependencyError(f"{place}: {text} Known: {', '.join(known)}.")
                self._remarks.warn(place, f"{text} It is left out.")
            elif key.use == "refused":
                raise InvalidDependencyError(f"{place}: {key.reason}")
            elif key.use == "warned":
                self._remarks.warn(place, key.reason)
            elif key.use == "noted":
                self._remarks.note(place, key.reason)
        return self

    def place(self, name: str | int) -> str:
        """Say where a key of this table stands."""
        shown = f"[{name}]" if isinstance(name, int) else quoted(name) if _is_odd(name) else name
        separator = "" if isinstance(name, int) or self.where.endswith(": ") else "."
        return f"{self.where}{separator}{shown}"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str) -> object:
        """Return a value unchecked; None when it is missing."""
        return self._values.get(name)

    def text(self, name: str) -> str:
        """Return a text; empty when it is missing.

        Raises:
            InvalidDependencyError: It is something else.
        """
        return "" if name not in self._values else text_at(self._values[name], self.place(name))

    def flag(self, name: str) -> bool:
        """Return True or False; False when it is missing.

        Raises:
            InvalidDependencyError: It is something else.
        """
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise InvalidDependencyError(f"{self.place(name)} must be true or false, not {kind(value)}.")
        return value

    def entries(self, name: str) -> list[tuple[object, str]]:
        """Return the entries of a list, each with its place; none when it is missing.

        Raises:
            InvalidDependencyError: It is something else than a list.
        """
        value = self._values.get(name, [])
        if not isinstance(value, list):
            raise InvalidDependencyError(f"{self.place(name)} must be a list, not {kind(value)}.")
        return [(entry, f"{self.place(name)}[{index}]") for index, entry in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; empty when it is missing.

        Raises:
            InvalidDependencyError: It is something else.
        """
        return [text_at(entry, where) for entry, where in self.entries(name)]

    def table(self, name: str) -> Table:
        """Return a table in this one; an empty one when it is missing.

        Raises:
            InvalidDependencyError: It is something else.
        """
        return Table(self._values.get(name), self.place(name), self._remarks)

    def tables(self, name: str) -> list[Table]:
        """Return a list of tables; empty when it is missing.

        Raises:
            InvalidDependencyError: It is something else.
        """
        return [Table(entry, where, self._remarks) for entry, where in self.entries(name)]

    def flag_or_texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of what may be a list or a flag: ``":all:"`` for true, none for false.

        Raises:
            InvalidDependencyError: It is neither.
        """
        if isinstance(self._values.get(name, []), list):
            return tuple(self.texts(name))
        return (":all:",) if self.flag(name) else ()


def text_at(value: object, where: str) -> str:
    """Check that a value is text.

    Raises:
        InvalidDependencyError: It is something else, or cannot be stored.
    """
    if not isinstance(value, str):
        raise InvalidDependencyError(f"{where} must be text, not {kind(value)}.")
    return check_encodable(value.strip(), where)


def _is_odd(name: str) -> bool:
    return not name or not name.isprintable() or not name.replace("-", "").replace("_", "").isalnum()
