"""Conda requirements: PEP 440 and conda spelling read once, written in one form that no tool misreads.

What the tools make of each spelling was tried with rattler and libmamba. They disagree about some; those are refused
with the spelling to use instead, since a recipe must never silently mean two things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from wetlands._spec.brackets import without_brackets
from wetlands._spec.channels import check_channel
from wetlands._spec.checks import quoted
from wetlands.exceptions import InvalidDependencyError

__all__ = ["CondaRequirement", "parse_conda", "version_text"]

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_BUILD = re.compile(r"[A-Za-z0-9_.*]+")
_STEM = re.compile(r"(?:[0-9]+!)?[0-9][A-Za-z0-9_]*(?:[.+-][A-Za-z0-9_]+)*")
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|=|<|>)?([A-Za-z0-9._+!*-]+)")
_BLANKS_AT_OPERATORS = re.compile(r"\s*([<>=!~]+|[,|])\s*")
_VERSION_AND_BUILD = re.compile(r"(={1,2})([A-Za-z0-9._+!*-]+)=([A-Za-z0-9_.*]+)")  # numpy=1.26.4=py311h64a7726_0
_ORDER = (">=", ">", "==", "", "<=", "<", "!=")
_SHORTEST_COMPATIBLE = 2  # numbers in the release of `~=1.5`


@dataclass(frozen=True, slots=True)
class CondaRequirement:
    """A package wanted from conda channels.

    Attributes:
        name: Its name, in lower case.
        version: A version expression in its safe form (``"==1.2.3"``, ``"1.2.*"``, ``">=1.2,<2"``); empty for any.
        build: A build string, ``*`` for any characters; empty for any.
        channel: The only channel it may come from; empty for all.
        dependencies: Whether what it depends on is installed too.
    """

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    dependencies: bool = True

    @property
    def text(self) -> str:
        """The requirement in the form that all tools read the same way, without ``dependencies``."""
        channel = f"{self.channel}::" if self.channel else ""
        version = self.version or ("*" if self.build else "")
        return channel + " ".join(part for part in (self.name, version, self.build) if part)


def parse_conda(text: str, *, where: str = '"conda"', dependencies: bool = True) -> CondaRequirement:
    """Read a conda requirement: ``channel::name version build``, or ``name[version=..., build=..., channel=...]``.

    Args:
        text: One line of text, without blanks around it.
        where: Where the user wrote it, to begin the error with.
        dependencies: Passed on to the requirement.

    Raises:
        InvalidDependencyError: It cannot be read, or the tools would not agree on its meaning.
    """
    try:
        plain = without_brackets(text)
    except ValueError as error:
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not a conda requirement: {error}.") from None
    channel, separator, rest = plain.rpartition("::")
    if separator:
        channel = check_channel(channel, f"{where}: {quoted(text)}")
    try:
        if any(character.isspace() for character in channel):
            raise ValueError("a channel before :: holds no blank")  # noqa: TRY301 - shown below
        _refuse_foreign_syntax(rest)
        name, tail = _split_name(rest.strip())
        version, build = _split_tail(tail)
        return CondaRequirement(name.lower(), version_text(version), build, channel, dependencies)
    except ValueError as error:
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not a conda requirement: {error}.") from None


def version_text(text: str) -> str:
    """Write a version expression, in PEP 440 or conda spelling, in its safe form.

    Alone, ``1.5`` is exactly that version and ``=1.5`` is ``1.5.*``, as conda has it.

    Args:
        text: The expression without blanks; ``,`` is *and*, ``|`` is *or*.

    Returns:
        The same set of versions in one spelling; empty for any version.

    Raises:
        ValueError: It cannot be read, or the tools would not agree on its meaning.
    """
    if not text:
        return ""
    alternatives = {_conjunction(part) for part in text.split("|")}
    return "" if "" in alternatives else "|".join(sorted(alternatives))


def _refuse_foreign_syntax(text: str) -> None:
    """Name what belongs elsewhere, instead of calling it a syntax error.

    Raises:
        ValueError: The text holds a marker, an address or parentheses.
    """
    reasons = {
        ";": 'markers are for "pip"; here use {"name": ..., "platforms": [...]}',
        "@": 'direct addresses are for "pip"',
        "://": "addresses of package files are not supported; name the package and its channel",
        "(": "parentheses are not supported; write each alternative in full, separated by |",
    }
    for sign, reason in reasons.items():
        if sign in text:
            raise ValueError(reason)


def _split_name(text: str) -> tuple[str, str]:
    match = _NAME.match(text)
    if match is None:
        raise ValueError("it must begin with the name of a package")
    tail = text[match.end() :]
    if tail and not tail[0].isspace() and tail[0] not in "=<>!~":
        raise ValueError(f"{quoted(tail[0])} cannot follow the name {match[0]!r}")
    return match[0], tail


def _split_tail(text: str) -> tuple[str, str]:
    """Split what follows the name into a version expression and a build string."""
    words = _BLANKS_AT_OPERATORS.sub(r"\1", text).split()
    if not words:
        return "", ""
    if len(words) == 1:
        both = _VERSION_AND_BUILD.fullmatch(words[0])
        # conda's own documentation: with a build, `=` is exact. libmamba takes it for a prefix, hence never written.
        return (both[2] if both[2].endswith("*") else f"=={both[2]}", both[3]) if both else (words[0], "")
    version, build, *rest = words
    if rest or not _BUILD.fullmatch(build):
        raise ValueError(
            "after the name come a version without blanks (clauses separated by commas) and a build string"
        )
    if re.match(r"=[^=]", version) and not version.endswith("*"):
        stem = version.removeprefix("=")
        raise ValueError(
            f"tools disagree on {version!r} beside a build string; write '{stem}.* {build}' or '=={stem} {build}'"
        )
    return version, build


def _conjunction(text: str) -> str:
    clauses = {clause for part in text.split(",") for clause in _clauses(part)}
    return ",".join(operator + version for operator, version in sorted(clauses, key=_place))


def _place(clause: tuple[str, str]) -> tuple[int, str]:
    return _ORDER.index(clause[0]), clause[1]


def _clauses(part: str) -> tuple[tuple[str, str], ...]:
    """Translate one clause into (operator, version) pairs; the empty operator goes with ``1.5.*``."""
    match = _CLAUSE.fullmatch(part)
    if match is None:
        found = f"{quoted(part)} is not a version clause" if part else "a clause is empty"
        raise ValueError(f"{found}; write such as '>=1.20,<2', clauses separated by commas")
    operator, version = match[1] or "", match[2]
    if version == "*" and operator in {"", "=", "=="}:
        return ()
    stem = _stem(version.removesuffix("*").removesuffix(".") if version.endswith("*") else version)
    if version.endswith("*"):
        return (_glob_clause(operator, stem, part),)
    if operator == "=":
        return (_glob_clause(operator, stem, part),)
    if "+" in stem and operator in {"~=", ">=", ">", "<=", "<"}:
        raise ValueError(f"tools disagree on {quoted(part)}: a local version has no agreed order; write =={stem}")
    if operator == "~=":
        return _compatible_clauses(stem)
    return (("==" if operator in {"", "===", "=="} else operator, stem),)


def _glob_clause(operator: str, stem: str, part: str) -> tuple[str, str]:
    if "+" in stem:
        raise ValueError(f"{quoted(part)} mixes a local version with a prefix; write =={stem}")
    if operator in {"", "=", "=="}:
        return "", f"{stem}.*"
    if operator == "!=":
        return operator, f"{stem}.*"
    if operator in {">=", "<"}:
        return operator, stem
    raise ValueError(f"tools disagree on {quoted(part)}; write the bound without '*'")


def _compatible_clauses(stem: str) -> tuple[tuple[str, str], ...]:
    """Expand ``~=1.5.2`` into ``>=1.5.2,1.5.*``: old tools do not know the operator, and this is what it means."""
    epoch, separator, rest = stem.rpartition("!")
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", rest)
    numbers = release[0].split(".") if release else []
    if len(numbers) < _SHORTEST_COMPATIBLE:
        raise ValueError(f"'~={stem}' needs at least two numbers, as in '~=1.5'")
    return (">=", stem), ("", f"{epoch}{separator}{'.'.join(numbers[:-1])}.*")


def _stem(text: str) -> str:
    """Check a version without operator and wildcard; conda's versions need not be PEP 440's (``1.1.1w``, ``2024a``)."""
    if not _STEM.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a version")
    if "-" not in text:
        return text.lower()
    try:
        return str(Version(text))  # no conda version holds a dash: it is a PEP 440 spelling, as in 1.0-rc1
    except InvalidVersion:
        raise ValueError(f"{quoted(text)} is not a version; conda versions hold no dash") from None
