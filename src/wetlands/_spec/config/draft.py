"""A recipe while it is read from a config file: what was found so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wetlands._spec.channels import parse_channels
from wetlands._spec.checks import check_text, quoted
from wetlands._spec.conda import parse_conda
from wetlands._spec.config.remarks import Remarks
from wetlands._spec.model import Spec
from wetlands._spec.pypi import parse_pypi
from wetlands._spec.python import ANY_PYTHON, parse_python
from wetlands._spec.secrets import masked
from wetlands._spec.settings import NO_SETTINGS, check_address
from wetlands._spec.variables import check_variable
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.config.source import Source
    from wetlands._spec.local import LocalRequirement
    from wetlands._spec.pypi import PypiRequirement
    from wetlands._spec.python import PythonRequirement
    from wetlands._spec.settings import PypiSettings

__all__ = ["Draft"]


class Draft:
    """Collects the parts of a recipe.

    Args:
        source: The config file.

    Attributes:
        source: As given.
        remarks: What is not honoured.
        settings: The settings for PyPI packages so far.
        channels: The channels so far, in their order, ``"nodefaults"`` included.
        pypi: PyPI packages.
        constraints: What restricts them.
        local: Local packages.
        left_to_build: Extras of the project whose requirements only its build knows.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.remarks = Remarks()
        self.settings: PypiSettings = NO_SETTINGS
        self.channels: list[str] = []
        self.pypi: list[PypiRequirement] = []
        self.constraints: list[PypiRequirement] = []
        self.local: list[LocalRequirement] = []
        self.left_to_build: list[str] = []
        self._conda: list[CondaRequirement] = []
        self._pythons: list[tuple[str, str]] = []
        self._variables: dict[str, str] = {}

    def add_python(self, text: str, where: str) -> None:
        """Add a condition on the Python; all of them must hold.

        Raises:
            InvalidDependencyError: It cannot be read.
        """
        self._pythons.append((parse_python(text, where).asked or "*", where))

    def add_conda(self, text: str, where: str) -> None:
        """Add a conda requirement; Python itself becomes a condition on the Python where that says it all.

        Raises:
            InvalidDependencyError: It cannot be read.
        """
        requirement = parse_conda(check_text(text, where), where=where)
        plain = not requirement.build and not requirement.channel and "|" not in requirement.version
        if requirement.name != "python" or not plain:
            self._conda.append(requirement)
        elif requirement.version:
            self.add_python(requirement.version, where)

    def add_pypi(self, text: str, where: str, *, hashes: tuple[str, ...] = (), index: str = "") -> PypiRequirement:
        """Add a PyPI requirement, and return it.

        Raises:
            InvalidDependencyError: It cannot be read, or its address holds credentials in clear.
        """
        requirement = self.pypi_requirement(text, where)
        requirement = replace(requirement, hashes=hashes, index=check_address(index, where) if index else "")
        self.pypi.append(requirement)
        return requirement

    @staticmethod
    def pypi_requirement(text: str, where: str) -> PypiRequirement:
        """Read a PyPI requirement without adding it.

        Raises:
            InvalidDependencyError: It cannot be read, or its address holds credentials in clear.
        """
        requirement = parse_pypi(check_text(text, where), where=where)
        if requirement.url:
            check_address(requirement.url, where)
        return requirement

    def add_variable(self, name: str, value: object, where: str) -> None:
        """Add an environment variable; the last of a name holds.

        Raises:
            InvalidDependencyError: It cannot be one.
        """
        key, text = check_variable(name, value, where)
        self._variables[key] = text

    def spec(self, commands: tuple[str, ...]) -> Spec:
        """Return the recipe.

        Raises:
            InvalidDependencyError: Its parts contradict each other.
        """
        where = self.source.path.name
        for channel in (*self.channels, *(entry.channel for entry in self._conda)):
            _refuse_token(channel, where)
        channels = parse_channels(self.channels, f"{where}: channels", default_wanted=bool(self._conda))
        if self._conda and not channels and any(not entry.channel for entry in self._conda):
            raise InvalidDependencyError(f'{where}: channels: none is named beside "nodefaults". Add a channel.')
        return Spec(
            python=self._python(),
            conda=tuple(self._conda),
            channels=channels,
            pypi=tuple(self.pypi),
            local=self._local(),
            commands=commands,
            constraints=tuple(self.constraints),
            settings=self.settings,
            variables=tuple(self._variables.items()),
        )

    def _python(self) -> PythonRequirement:
        if not self._pythons:
            return ANY_PYTHON
        texts = dict.fromkeys(text for text, _ in self._pythons)
        places = dict.fromkeys(where for _, where in self._pythons)
        return parse_python(",".join(texts), " and ".join(places))

    def _local(self) -> tuple[LocalRequirement, ...]:
        places: dict[tuple[str, str], LocalRequirement] = {}
        for package in self.local:
            first = places.setdefault((package.name, package.marker), package)
            if first != package:
                raise InvalidDependencyError(
                    f"{self.source.path.name}: {package.name!r} is wanted twice and differently: "
                    f"{first.text}; {package.text}."
                )
        return tuple(places.values())


def _refuse_token(channel: str, where: str) -> None:
    if masked(channel) != channel:
        raise InvalidDependencyError(
            f"{where}: channel {quoted(channel)} holds credentials in clear, and would be stored with the environment. "
            "Leave them out, and put them into the file that RATTLER_AUTH_FILE names, or into a netrc file."
        )
