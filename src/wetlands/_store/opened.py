"""Which environments one manager has open, and from which record."""

from __future__ import annotations

import difflib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from wetlands._backends.existing import adopt
from wetlands._spec import check_name, differences
from wetlands.exceptions import (
    EnvironmentNotFoundError,
    EnvironmentReuseError,
    InvalidNameError,
    RecordError,
    WetlandsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wetlands._backends.prefix import Prefix
    from wetlands._store.record import Record
    from wetlands._store.store import Store
    from wetlands._store.usage import Mark

__all__ = ["Openable", "Opened"]


class Named(Protocol):
    """Whatever claims to be an environment of this manager."""

    name: str
    path: Path | None


class Openable(Named, Protocol):
    """An environment, as far as this module is concerned."""

    prefix: Prefix
    generation: str | None

    def _switch(self, prefix: Prefix, generation: str | None) -> None: ...


E = TypeVar("E", bound=Openable)


class Opened(Generic[E]):
    """The open environments; safe to use from several threads.

    Args:
        store: Where their records are.
        make: Makes the object for a name, a prefix, and the generation or None for a prefix that others made.

    Attributes:
        environments: The objects by name.
    """

    def __init__(self, store: Store, make: Callable[[str, Prefix, str | None], E]) -> None:
        self.environments: dict[str, E] = {}
        self._records: dict[str, Record] = {}  # of those in `environments` that others did not make
        self._store = store
        self._make = make
        self._guard = threading.Lock()

    def open(self, record: Record) -> E:
        """Return the object for a record: the one that is there, switched to the record's generation, or a new one."""
        prefix = adopt(self._store.prefix_path(record))
        self._store.note_use(record)
        with self._guard:
            self._records[record.name] = record
            environment = self.environments.get(record.name)
            if environment is None:
                environment = self.environments[record.name] = self._make(record.name, prefix, record.generation)
            elif environment.generation != record.generation:
                environment._switch(prefix, record.generation)  # noqa: SLF001 - for us, and for nobody else
            return environment

    def open_foreign(self, name: str, prefix: Prefix) -> E:
        """Return the object for a prefix that others made.

        Raises:
            EnvironmentReuseError: Another one of that name is open.
        """
        with self._guard:
            environment = self.environments.get(name)
            if environment is None:
                environment = self.environments[name] = self._make(name, prefix, None)
            elif environment.prefix.path != prefix.path:
                raise _taken(name, environment.prefix.path)
            return environment

    def refuse_foreign(self, name: str) -> None:
        """Make sure that the name does not mean a prefix that others made.

        Raises:
            EnvironmentReuseError: It does.
        """
        environment = self.environments.get(name)
        if environment is not None and environment.generation is None:
            raise _taken(name, environment.prefix.path)

    def forget(self, environment: object) -> None:
        """Let go of an object: the next one of its name is a new one."""
        with self._guard:
            for name in [name for name, opened in self.environments.items() if opened is environment]:
                del self.environments[name]
                self._records.pop(name, None)

    def check_name(self, name: object, *, reserved: str) -> str:
        """Check the name of an environment, against the others of this manager and of the store too.

        Raises:
            InvalidNameError: It cannot be one.
        """
        checked = check_name(name, (*self.environments, reserved))
        if checked == reserved:
            raise InvalidNameError(f"{reserved!r} is the name of this very process. Use another name.")
        return check_name(checked, self._store.layout.names_like(checked))

    def exists(self, path: str | Path) -> bool:
        """Say whether there is an environment, by the name it was created with or by its folder."""
        try:
            record = self._store.record(check_name(path))
        except InvalidNameError:
            record = None
        except RecordError:
            return True
        try:
            adopt(Path(path) if record is None else self._store.prefix_path(record))
        except WetlandsError:
            return False
        return True

    def find(self, name: str) -> Record:
        """Return the record of an environment of the store.

        Raises:
            EnvironmentNotFoundError: There is none of that name.
            RecordError: It is damaged.
        """
        record = self._store.record(name)
        if record is not None:
            return record
        names = self._store.names()
        near = difflib.get_close_matches(name, names, n=1)
        raise EnvironmentNotFoundError(
            f"There is no environment {name!r} in {self._store.layout.root} (there are: {', '.join(names) or 'none'}). "
            f"{f'Did you mean {near[0]!r}? ' if near else ''}Use create() to make one."
        )

    def mark_in_use(self, environment: Named, pid: int | None = None) -> Mark | None:
        """Keep the files of an environment until the mark is released; None for those that others made.

        Args:
            environment: The environment.
            pid: Who uses them, see `Store.mark_in_use`.

        When another process replaced it by a build of the same recipe, the object is switched to that first.

        Raises:
            EnvironmentNotFoundError: It was deleted meanwhile.
            EnvironmentReuseError: It was replaced meanwhile by a build of another recipe.
        """
        while not self.is_foreign(environment):
            opened = self._opened_record(environment)
            mark = self._mark(opened, pid)
            if mark is not None:
                return mark
            current = self.find(environment.name)
            if reasons := differences(opened.spec, current.spec):
                raise EnvironmentReuseError(environment.name, reasons)
            self.open(current)
        return None

    def is_foreign(self, environment: object) -> bool:
        """Say whether it is open here and was made by others."""
        opened = (known for known in self.environments.values() if known is environment)
        return any(known.generation is None for known in opened)

    def record_of(self, environment: Named) -> Record:
        """Return what the store knows now about an environment that is open here.

        Raises:
            EnvironmentNotFoundError: It was deleted, belongs to another manager, or was made by others.
            RecordError: Its record is damaged.
        """
        if self.is_foreign(environment):
            raise EnvironmentNotFoundError(
                f"Environment {environment.name!r} at {environment.path} was made by others: use the tool that made it."
            )
        return self.find(self._opened_record(environment).name)

    def _opened_record(self, environment: Named) -> Record:
        with self._guard:
            if self.environments.get(environment.name) is environment:
                return self._records[environment.name]
        raise EnvironmentNotFoundError(
            f"Environment {environment.name!r} at {environment.path} was deleted, or is another manager's. "
            "Use create() or load() to open it here."
        )

    def _mark(self, opened: Record, pid: int | None) -> Mark | None:
        """Return a mark, or None when there is a newer generation to mark."""
        try:
            return self._store.mark_in_use(opened, pid=pid)
        except EnvironmentNotFoundError:
            current = self._store.record(opened.name)
            if current is not None and current.generation == opened.generation:
                raise
            return None


def _taken(name: str, path: Path) -> EnvironmentReuseError:
    return EnvironmentReuseError(name, [f"this manager has the environment at {path} open under that name"])
