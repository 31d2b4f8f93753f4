"""PyPI requirements: PEP 508 read once, written in one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wetlands._spec.checks import quoted
from wetlands._spec.versions import specifier_text
from wetlands.exceptions import InvalidDependencyError

__all__ = ["PypiRequirement", "parse_pypi"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s<>\"`{|}\\^]|\$\{[A-Z0-9_]+\})+")
_CHANNEL = re.compile(r"[^@;]*::")
_PATH = re.compile(r"[./~\\]|[A-Za-z]:[/\\]|[^@;\s]*[/\\]|[^@;\s]*\.(?:whl|zip|tar\.gz)$")
_CONDA_VERSION = re.compile(r"\s*([A-Za-z0-9._-]+)\s*=\s*([0-9][^=\s;,]*)")


@dataclass(frozen=True, slots=True)
class PypiRequirement:
    """A package wanted from PyPI or from an address.

    Attributes:
        name: Its normalised name (PEP 503).
        extras: Its extras, normalised and sorted.
        specifier: The versions wanted, as a PEP 440 specifier; empty for any.
        url: Where to take it from instead of an index; empty otherwise.
        marker: When it is wanted (PEP 508), for the installer to evaluate; empty for always.
        dependencies: Whether what it depends on is installed too.
        hashes: What a file of it may hash to (``"sha256:..."``), sorted; empty for anything.
        index: The only index it may come from; empty for all.
    """

    name: str
    extras: tuple[str, ...] = ()
    specifier: str = ""
    url: str = ""
    marker: str = ""
    dependencies: bool = True
    hashes: tuple[str, ...] = ()
    index: str = ""

    def __post_init__(self) -> None:
        """Bring the hashes into one order."""
        if self.hashes:
            object.__setattr__(self, "hashes", tuple(sorted(set(self.hashes))))

    @property
    def text(self) -> str:
        """The requirement as PEP 508 text, without ``dependencies``, ``hashes`` and ``index``."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        source = f" @ {self.url}" if self.url else self.specifier
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name}{extras}{source}{marker}"


def parse_pypi(text: str, *, where: str = '"pip"', dependencies: bool = True) -> PypiRequirement:
    """Read a PEP 508 requirement.

    Args:
        text: One line of text, without blanks around it.
        where: Where the user wrote it, to begin the error with.
        dependencies: Passed on to the requirement.

    Raises:
        InvalidDependencyError: It is none, or belongs in another part of the recipe; the message says which.
    """
    misplaced = _belongs_elsewhere(text)
    if misplaced:
        raise InvalidDependencyError(f"{where}: {quoted(text)} {misplaced}.")
    try:
        requirement = _read(text, dependencies=dependencies)
        if _read(requirement.text, dependencies=dependencies) != requirement:
            raise ValueError("it changes its meaning when it is written anew")  # noqa: TRY301 - shown below
    except (ValueError, RecursionError) as error:  # RecursionError: markers nested beyond reason
        raise InvalidDependencyError(
            f"{where}: {quoted(text)} is not a requirement ({_reason(error)}). {_advice(text)}"
        ) from None
    if requirement.name == "python":
        raise InvalidDependencyError(f'{where}: {quoted(text)}: Python is no package of PyPI; use the key "python".')
    return requirement


def _read(text: str, *, dependencies: bool) -> PypiRequirement:
    parsed = Requirement(text)
    if parsed.url and not _URL.fullmatch(parsed.url):
        raise ValueError("what follows @ is no address: it begins with a scheme, such as https:// or file:///")
    return PypiRequirement(
        name=canonicalize_name(parsed.name),
        extras=tuple(sorted({canonicalize_name(extra) for extra in parsed.extras})),
        specifier=specifier_text(parsed.specifier),
        url=parsed.url or "",
        marker=str(parsed.marker) if parsed.marker else "",
        dependencies=dependencies,
    )


def _belongs_elsewhere(text: str) -> str:
    """Say where a text that is no PEP 508 requirement belongs, or nothing."""
    if _CHANNEL.match(text):
        return 'names a conda channel, so it belongs in "conda"'
    if _URL.match(text):
        return 'is an address without a name; write "name @ address"'
    if _PATH.match(text):
        return 'is a path; a local package goes in "local", as {"name": ..., "path": ...}'
    return ""


def _reason(error: BaseException) -> str:
    """The first line of a parser's message: the others draw a marker under the text."""
    return str(error).partition("\n")[0].rstrip(".:") or type(error).__name__


def _advice(text: str) -> str:
    conda = _CONDA_VERSION.fullmatch(text)
    if conda is None:
        return 'Write it as "name[extra]>=1.0,<2 ; marker" (PEP 508).'
    name, version = conda.groups()
    stem = version.rstrip("*").rstrip(".")
    return f'That is a conda spec: write "{name}=={stem}" or "{name}=={stem}.*", or put it in "conda".'
