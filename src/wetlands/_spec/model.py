"""The frozen recipe of an environment, and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from wetlands._spec.channels import stored_channels
from wetlands._spec.checks import check_entries, check_flag, check_keys, check_text
from wetlands._spec.commands import command_lines
from wetlands._spec.conda import CondaRequirement, parse_conda
from wetlands._spec.fingerprint import fingerprint
from wetlands._spec.local import LocalRequirement, local_from_json
from wetlands._spec.pypi import PypiRequirement, parse_pypi
from wetlands._spec.python import ANY_PYTHON, parse_python
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wetlands._spec.python import PythonRequirement

__all__ = ["Spec"]

_FORMAT = 1
_KEYS = ("format", "python", "conda", "channels", "pypi", "local", "commands")
_R = TypeVar("_R", CondaRequirement, PypiRequirement, LocalRequirement)


@dataclass(frozen=True, slots=True)
class Spec:
    """What an environment should hold: checked, for one platform, in one spelling.

    Two recipes that mean the same are equal: where the order of requirements means nothing they are sorted, and each
    is kept once.

    Attributes:
        python: The Python wanted.
        conda: Conda packages.
        channels: Conda channels in the order they are searched, the default included where it applies.
        pypi: PyPI packages.
        local: Packages in folders of this machine.
        commands: Shell lines to run after installing, in their order.
    """

    python: PythonRequirement = ANY_PYTHON
    conda: tuple[CondaRequirement, ...] = ()
    channels: tuple[str, ...] = ()
    pypi: tuple[PypiRequirement, ...] = ()
    local: tuple[LocalRequirement, ...] = ()
    commands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Bring what has no order into one."""
        object.__setattr__(self, "conda", _sorted(self.conda))  # the documented way of a frozen dataclass
        object.__setattr__(self, "pypi", _sorted(self.pypi))
        object.__setattr__(self, "local", _sorted(self.local))
        object.__setattr__(self, "channels", tuple(dict.fromkeys(self.channels)))

    @property
    def has_conda(self) -> bool:
        """Whether only a conda backend can make this environment: packages or channels of conda are named."""
        return bool(self.conda or self.channels)

    @property
    def fingerprint(self) -> str:
        """The identity of the recipe: equal on every machine, whatever order and spelling it was written in."""
        return fingerprint(self.to_json())

    def to_json(self) -> dict[str, object]:
        """The recipe as JSON values, from which `from_json` makes an equal one."""
        return {
            "format": _FORMAT,
            "python": self.python.asked,
            "conda": [{"requirement": entry.text, "dependencies": entry.dependencies} for entry in self.conda],
            "channels": list(self.channels),
            "pypi": [{"requirement": entry.text, "dependencies": entry.dependencies} for entry in self.pypi],
            "local": [{"name": entry.name, "path": entry.path, "editable": entry.editable} for entry in self.local],
            "commands": list(self.commands),
        }

    @classmethod
    def from_json(cls, plain: object) -> Spec:
        """Make the recipe that `to_json` wrote.

        Raises:
            InvalidDependencyError: It is something else, or was written by a later version in another format.
        """
        stored = check_keys(plain, _KEYS, "a stored recipe")
        if type(stored.get("format")) is not int or stored["format"] != _FORMAT:
            raise InvalidDependencyError(f"a stored recipe has another format than {_FORMAT}, the one known here.")
        missing = [key for key in _KEYS if key not in stored]
        if missing:
            raise InvalidDependencyError(f"a stored recipe lacks {', '.join(missing)}.")
        return cls(
            python=parse_python(stored["python"]) if stored["python"] != "" else ANY_PYTHON,
            conda=tuple(
                parse_conda(text, dependencies=dependencies)
                for text, dependencies in _requirements(stored["conda"], 'stored "conda"')
            ),
            channels=stored_channels(stored["channels"], 'stored "channels"'),
            pypi=tuple(
                parse_pypi(text, dependencies=dependencies)
                for text, dependencies in _requirements(stored["pypi"], 'stored "pypi"')
            ),
            local=tuple(local_from_json(entry) for entry in check_entries(stored["local"], 'stored "local"')),
            commands=command_lines(stored["commands"], 'stored "commands"'),
        )


def _requirements(value: object, where: str) -> Iterable[tuple[str, bool]]:
    for entry in check_entries(value, where):
        stored = check_keys(entry, ("requirement", "dependencies"), where)
        text = check_text(stored.get("requirement"), where)
        yield text, check_flag(stored.get("dependencies"), f'"dependencies" of {where}')


def _sorted(requirements: Iterable[_R]) -> tuple[_R, ...]:
    return tuple(sorted(set(requirements), key=lambda entry: (entry.text, repr(entry))))
