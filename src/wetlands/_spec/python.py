"""The Python a recipe asks for: every spelling of it turned into one PEP 440 specifier."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from wetlands._spec.checks import check_text, kind, quoted
from wetlands._spec.versions import specifier_text
from wetlands.exceptions import InvalidDependencyError, UnsupportedPythonError

__all__ = ["ANY_PYTHON", "OLDEST_PYTHON", "PythonRequirement", "parse_python"]

OLDEST_PYTHON = "3.8"
"""The oldest Python that workers run on."""

_FLOOR = Version(OLDEST_PYTHON)
_OLDER = (Version("3.7.99"), Version("2.7.18"), Version("0"))  # witnesses of "only older Pythons fit"
_CLAUSE = re.compile(r"\s*(===|==|~=|!=|<=|>=|=|<|>)?\s*([0-9][A-Za-z0-9.+!-]*?)(\.?\*)?\s*")
_FULL_RELEASE = 3  # numbers in 3.11.7: nothing is left open behind them
_LOWER_BOUNDS = {"==", "~=", ">=", ">"}


@dataclass(frozen=True, slots=True)
class PythonRequirement:
    """The Python a recipe asks for.

    Attributes:
        asked: What was asked, as a PEP 440 specifier in its normal form; empty when any Python will do. This is what
            identifies a recipe: it does not change when this library stops supporting an old Python.
    """

    asked: str = ""

    @property
    def specifier(self) -> str:
        """The PEP 440 specifier to choose an interpreter by: what was asked, and no Python older than 3.8."""
        clauses = [clause for clause in SpecifierSet(self.asked) if not _implied_by_floor(clause)]
        if not any(_is_above_floor(clause) for clause in clauses):
            clauses.append(Specifier(f">={OLDEST_PYTHON}"))
        return specifier_text(clauses)

    def allows(self, version: str) -> bool:
        """Tell whether an interpreter of this version will do.

        Pre-releases will only do when the recipe names one. A ``+`` behind the version, which Pythons built from a
        checkout carry, is ignored; a text that is no version is not allowed.
        """
        try:
            found = Version(version.strip().removesuffix("+"))
        except InvalidVersion:
            return False
        specifiers = SpecifierSet(self.specifier)
        return specifiers.contains(found, prereleases=bool(specifiers.prereleases))

    def __str__(self) -> str:
        if not self.asked:
            return "of any version"
        only_series = re.fullmatch(r"==([^,]+\.\*)", self.asked)
        return only_series[1] if only_series else self.asked


ANY_PYTHON = PythonRequirement()
"""What a recipe that says nothing about Python asks for."""


def parse_python(value: object, where: str = '"python"') -> PythonRequirement:
    """Read a Python requirement.

    Understood are PEP 440 specifiers (``">=3.10,<3.13"``, ``"~=3.11"``), versions (``"3.11"`` and ``"3.12.*"`` are any
    patch release of it, ``"3.11.7"`` exactly that one), conda specs (``"=3.11"``) and ``"*"``.

    Raises:
        UnsupportedPythonError: Only Pythons older than 3.8 fit.
        InvalidDependencyError: It cannot be read, or no version at all fits.
    """
    if isinstance(value, (int, float)):
        raise InvalidDependencyError(
            f'{where} must be text, not {kind(value)}: 3.10 would become 3.1. Write it in quotes, as "3.11".'
        )
    text = check_text(value, where)
    try:
        clauses = [Specifier(clause) for part in text.split(",") for clause in _clauses(part)]
        requirement = PythonRequirement(specifier_text(clauses))
    except ValueError:  # not understood here, by packaging, or a number too long for int()
        raise InvalidDependencyError(
            f'{where}: {quoted(text)} is not a Python version. Write a specifier such as ">=3.10,<3.13" '
            '(clauses are separated by commas), a version such as "3.11", or a conda spec such as "=3.11".'
        ) from None
    _check_satisfiable(SpecifierSet(requirement.asked), text, where)
    return requirement


def _clauses(part: str) -> tuple[str, ...]:
    """Translate one clause, in any of the spellings, into PEP 440."""
    if part.strip() == "*":
        return ()
    match = _CLAUSE.fullmatch(part)
    if match is None:
        raise ValueError(part)
    operator, version, glob = match.groups()
    if operator in {None, "="}:
        return (f"=={version}" if not glob and _is_full(version) else f"=={version}.*",)
    if operator == "===":
        operator = "=="
    if not glob:
        return (f"{operator}{version}",)
    if operator in {"==", "!="}:
        return (f"{operator}{version}.*",)
    if operator in {">=", "<"}:  # conda's habit: ">=3.10.*" is ">=3.10"; for ">" and "<=" it is ambiguous
        return (f"{operator}{version}",)
    raise ValueError(part)


def _is_full(version: str) -> bool:
    parsed = Version(version)
    return len(parsed.release) >= _FULL_RELEASE or parsed.is_prerelease


def _implied_by_floor(clause: Specifier) -> bool:
    return clause.operator in {">=", ">"} and Version(clause.version) < _FLOOR


def _is_above_floor(clause: Specifier) -> bool:
    return clause.operator in _LOWER_BOUNDS and Version(clause.version.removesuffix(".*")) >= _FLOOR


def _check_satisfiable(specifiers: SpecifierSet, text: str, where: str) -> None:
    versions = [version for clause in specifiers for version in _witnesses(clause)]
    if _any_fits(specifiers, [_FLOOR, *(version for version in versions if version >= _FLOOR)]):
        return
    if _any_fits(specifiers, [*_OLDER, *versions]):
        raise UnsupportedPythonError(
            f"{where}: {quoted(text)} asks for a Python older than {OLDEST_PYTHON}, on which workers cannot run. "
            f"Ask for {OLDEST_PYTHON} or newer."
        )
    raise InvalidDependencyError(f"{where}: no version fits {quoted(text)}; its clauses contradict each other.")


def _any_fits(specifiers: SpecifierSet, versions: list[Version]) -> bool:
    return any(specifiers.contains(version, prereleases=True) for version in versions)


def _witnesses(clause: Specifier) -> tuple[Version, ...]:
    """Versions of which one fits if any does: where each clause begins to hold, and just behind where it ceases to."""
    version = Version(clause.version.removesuffix(".*"))
    major, minor, micro = version.major, version.minor, version.micro
    behind = (f"{major}.{minor}.{micro + 1}", f"{major}.{minor + 1}", f"{major + 1}")
    return (version, *(Version(text) for text in behind))
