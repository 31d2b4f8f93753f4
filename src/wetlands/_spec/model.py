"""The frozen recipe of an environment, and its JSON form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from wetlands._spec.channels import stored_channels
from wetlands._spec.checks import check_entries, check_flag, check_keys, check_text
from wetlands._spec.commands import command_lines
from wetlands._spec.conda import CondaRequirement, parse_conda
from wetlands._spec.fingerprint import fingerprint
from wetlands._spec.local import LocalRequirement, local_from_json
from wetlands._spec.pixi_manifest import manifest_from_json
from wetlands._spec.pypi import PypiRequirement, parse_pypi
from wetlands._spec.python import ANY_PYTHON, parse_python
from wetlands._spec.settings import NO_SETTINGS, settings_from_json
from wetlands._spec.variables import variables_from_json
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wetlands._spec.pixi_manifest import PixiManifest
    from wetlands._spec.python import PythonRequirement
    from wetlands._spec.settings import PypiSettings

__all__ = ["Spec"]

_FORMAT = 1
_KEYS = ("format", "python", "conda", "channels", "pypi", "local", "commands")
_LATER_KEYS = ("constraints", "pypi_settings", "variables", "pixi_manifest")
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
        constraints: PyPI packages that are not wanted for themselves, but must be like this when others need them.
        settings: How PyPI packages are looked for and built.
        variables: Environment variables of its processes, as sorted pairs of name and value.
        manifest: A manifest of pixi that says what is wanted, in place of all the above but the commands.
    """

    python: PythonRequirement = ANY_PYTHON
    conda: tuple[CondaRequirement, ...] = ()
    channels: tuple[str, ...] = ()
    pypi: tuple[PypiRequirement, ...] = ()
    local: tuple[LocalRequirement, ...] = ()
    commands: tuple[str, ...] = ()
    constraints: tuple[PypiRequirement, ...] = ()
    settings: PypiSettings = NO_SETTINGS
    variables: tuple[tuple[str, str], ...] = ()
    manifest: PixiManifest | None = None

    def __post_init__(self) -> None:
        """Bring what has no order into one."""
        object.__setattr__(self, "conda", _sorted(self.conda))  # the documented way of a frozen dataclass
        object.__setattr__(self, "pypi", _sorted(self.pypi))
        object.__setattr__(self, "local", _sorted(self.local))
        object.__setattr__(self, "constraints", _sorted(self.constraints))
        object.__setattr__(self, "variables", tuple(sorted(dict(self.variables).items())))
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
        """The recipe as JSON values, from which `from_json` makes an equal one.

        What came after the first version of the format is left out when it is empty: identities stay what they were.
        """
        later: dict[str, object] = {
            "constraints": [_pypi_json(entry) for entry in self.constraints],
            "pypi_settings": self.settings.to_json(),
            "variables": dict(self.variables),
            "pixi_manifest": {} if self.manifest is None else self.manifest.to_json(),
        }
        return {
            "format": _FORMAT,
            "python": self.python.asked,
            "conda": [{"requirement": entry.text, "dependencies": entry.dependencies} for entry in self.conda],
            "channels": list(self.channels),
            "pypi": [_pypi_json(entry) for entry in self.pypi],
            "local": [entry.to_json() for entry in self.local],
            "commands": list(self.commands),
            **{key: value for key, value in later.items() if value},
        }

    @classmethod
    def from_json(cls, plain: object) -> Spec:
        """Make the recipe that `to_json` wrote.

        Raises:
            InvalidDependencyError: It is something else, or was written by a later version in another format.
        """
        stored = check_keys(plain, (*_KEYS, *_LATER_KEYS), "a stored recipe")
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
            pypi=_stored_pypi(stored["pypi"], 'stored "pypi"'),
            local=tuple(local_from_json(entry) for entry in check_entries(stored["local"], 'stored "local"')),
            commands=command_lines(stored["commands"], 'stored "commands"'),
            constraints=_stored_pypi(stored.get("constraints", []), 'stored "constraints"'),
            settings=settings_from_json(stored.get("pypi_settings", {})),
            variables=variables_from_json(stored.get("variables", {})),
            manifest=manifest_from_json(stored["pixi_manifest"]) if stored.get("pixi_manifest") else None,
        )


def _pypi_json(entry: PypiRequirement) -> dict[str, object]:
    plain: dict[str, object] = {"requirement": entry.text, "dependencies": entry.dependencies}
    if entry.hashes:
        plain["hashes"] = list(entry.hashes)
    if entry.index:
        plain["index"] = entry.index
    return plain


def _stored_pypi(value: object, where: str) -> tuple[PypiRequirement, ...]:
    return tuple(_one_stored_pypi(entry, where) for entry in check_entries(value, where))


def _one_stored_pypi(entry: object, where: str) -> PypiRequirement:
    stored = check_keys(entry, ("requirement", "dependencies", "hashes", "index"), where)
    requirement = parse_pypi(
        check_text(stored.get("requirement"), where),
        dependencies=check_flag(stored.get("dependencies"), f'"dependencies" of {where}'),
    )
    hashes = check_entries(stored.get("hashes", ()), f'"hashes" of {where}')
    return replace(
        requirement,
        hashes=tuple(check_text(entry, f'"hashes" of {where}') for entry in hashes),
        index=check_text(stored["index"], f'"index" of {where}') if "index" in stored else "",
    )


def _requirements(value: object, where: str) -> Iterable[tuple[str, bool]]:
    for entry in check_entries(value, where):
        stored = check_keys(entry, ("requirement", "dependencies"), where)
        text = check_text(stored.get("requirement"), where)
        yield text, check_flag(stored.get("dependencies"), f'"dependencies" of {where}')


def _sorted(requirements: Iterable[_R]) -> tuple[_R, ...]:
    return tuple(sorted(set(requirements), key=lambda entry: (entry.text, repr(entry))))
