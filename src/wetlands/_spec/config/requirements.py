"""Reads ``requirements.txt``: pip's format, with its options.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._spec.checks import check_text, quoted
from wetlands._spec.config.draft import Draft
from wetlands._spec.config.keys import keys, nearest
from wetlands._spec.config.lines import logical_lines
from wetlands._spec.config.wanted import add_wanted, package_place
from wetlands._spec.local import absolute_path
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wetlands._spec.config.source import Source

__all__ = ["OPTIONS", "OPTIONS_OF_REQUIREMENTS", "Requirements", "format_name", "read_requirements"]

_SHORT = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-c": "--constraint", "-e": "--editable"}
_SPELLINGS = {"--pypi-url": "--index-url", "--hashes": "--hash", "-C": "--config-settings"}
_BUILD = "the settings of a build are not passed on."
OPTIONS = keys(
    "--index-url --extra-index-url --no-index --find-links --requirement --constraint --editable --no-binary"
    " --only-binary --pre --require-hashes",
    about="--prefer-binary",  # that is what uv does
    warned={
        "--trusted-host": "a host is not trusted by a file. Set UV_INSECURE_HOST if you must.",
        "--use-feature": "features of pip mean nothing here: packages are installed with uv.",
    },
)
"""The options that may stand alone on a line."""

OPTIONS_OF_REQUIREMENTS = keys("--hash", warned={"--config-settings --global-option": _BUILD})
"""The options that may follow a requirement."""

_FLAGS = {"--no-index", "--pre", "--require-hashes", "--prefer-binary"}
_OPTIONS_BEHIND = re.compile(r"\s+(?=-{1,2}[A-Za-z])")
_EDITABLE = re.compile(r"(?:-e\s*|--editable(?:\s+|\s*=\s*))(?P<text>[^\s=].*)")
_HASH = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")


def read_requirements(text: str, source: Source) -> Draft:
    """Read a requirements file, and those it refers to.

    Relative paths of projects begin at the folder of this file, those of other requirements files at the folder of the
    file that names them.

    Raises:
        InvalidDependencyError: A line cannot be understood; the message begins with its place.
    """
    draft = Draft(source)
    Requirements(draft).read(text, source.path)
    return draft


class Requirements:
    """Adds what lines of requirements files say to a draft.

    Args:
        draft: The recipe so far.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._open: list[Path] = []
        self._options: dict[str, Callable[[str, str], None]] = {
            "--index-url": self._index_url,
            "--extra-index-url": self._extra_index_url,
            "--find-links": self._find_links,
            "--no-binary": lambda value, where: self._formats("no_binary", value, where),
            "--only-binary": lambda value, where: self._formats("only_binary", value, where),
            "--no-index": lambda _value, _where: self._set(no_index=True),
            "--pre": lambda _value, _where: self._set(prerelease="allow"),
            "--require-hashes": lambda _value, _where: self._set(require_hashes=True),
        }

    def read(self, text: str, path: Path, *, constraints: bool = False) -> None:
        """Read a file.

        Args:
            text: Its content.
            path: Where it lies.
            constraints: Whether its requirements only restrict what others need.

        Raises:
            InvalidDependencyError: A line cannot be understood.
        """
        if path in self._open:
            raise InvalidDependencyError(f"{self._shown(path)} refers to itself, by way of other files.")
        self._open.append(path)
        for line in logical_lines(text):
            self.line(line.text, f"{self._shown(path)}:{line.number}", folder=path.parent, constraints=constraints)
        self._open.pop()

    def line(self, text: str, where: str, *, folder: Path, constraints: bool = False) -> None:
        """Read a logical line.

        Args:
            text: It.
            where: Its place, to begin errors with.
            folder: What the paths of further files begin at.
            constraints: Whether a requirement only restricts what others need.

        Raises:
            InvalidDependencyError: It cannot be understood.
        """
        editable = _EDITABLE.fullmatch(text)
        if editable is None and text.startswith("-"):
            for name, value in self._options_of(text, where):
                self._option(name, value, where, folder=folder, constraints=constraints)
            return
        wanted, *behind = _OPTIONS_BEHIND.split(editable["text"] if editable else text, maxsplit=1)
        hashes = self._hashes(behind[0], where) if behind else ()
        if not constraints:
            add_wanted(_unquoted(wanted), where, self._draft, editable=editable is not None, hashes=hashes)
            return
        if editable is not None:
            raise InvalidDependencyError(f"{where}: {quoted(text)}: a constraint cannot be editable.")
        requirement = self._draft.pypi_requirement(self._draft.source.expanded(wanted, where), where)
        if requirement.extras:
            raise InvalidDependencyError(f"{where}: {quoted(text)}: a constraint has no extras.")
        self._draft.constraints.append(replace(requirement, hashes=hashes))

    def _option(self, name: str, value: str, where: str, *, folder: Path, constraints: bool) -> None:
        if name in {"--requirement", "--constraint"}:
            if "://" in value:
                raise InvalidDependencyError(
                    f"{where}: {quoted(value)}: files are not downloaded. Save it beside this one, and name that."
                )
            path = absolute_path(folder, self._draft.source.expanded(value, where))
            content = self._draft.source.read(path)
            self.read(content, path, constraints=constraints or name == "--constraint")
        elif name == "--editable":
            add_wanted(value, where, self._draft, editable=True)
        elif OPTIONS[name].use == "warned":
            self._draft.remarks.warn(f"{where}: {name}", OPTIONS[name].reason)
        elif OPTIONS[name].use == "honoured":
            self._options[name](value, where)

    def _options_of(self, text: str, where: str) -> Iterator[tuple[str, str]]:
        """Yield the long names and the values of the options of a line."""
        words = _words(text, where)
        while words:
            name, value = _split_option(words.pop(0))
            name = _SHORT.get(name, _SPELLINGS.get(name, name))
            if name not in OPTIONS:
                raise InvalidDependencyError(
                    f"{where}: {quoted(name)} is not an option of requirements files.{nearest(name, OPTIONS)}"
                )
            if name not in _FLAGS and value is None:
                value = words.pop(0) if words else None
            if (name in _FLAGS) is not (value is None):
                problem = "takes no value" if name in _FLAGS else "needs a value"
                raise InvalidDependencyError(f"{where}: {name} {problem}.")
            yield name, value or ""

    def _hashes(self, text: str, where: str) -> tuple[str, ...]:
        words, hashes = _words(text, where), []
        while words:
            name, value = _split_option(words.pop(0))
            name = _SPELLINGS.get(name, name)
            if name not in OPTIONS_OF_REQUIREMENTS:
                known = ", ".join(OPTIONS_OF_REQUIREMENTS)
                raise InvalidDependencyError(f"{where}: {quoted(name)} cannot follow a requirement. Known: {known}.")
            if value is None:
                value = words.pop(0) if words else ""
            if name != "--hash":
                self._draft.remarks.warn(f"{where}: {name}", OPTIONS_OF_REQUIREMENTS[name].reason)
            elif not _HASH.fullmatch(value.lower()):
                raise InvalidDependencyError(
                    f"{where}: {quoted(value)} is not a hash. Write --hash=sha256:<64 hexadecimal digits>, or one of "
                    "sha384 or sha512."
                )
            else:
                hashes.append(value.lower())
        if hashes:
            self._set(require_hashes=True)  # as pip has it: one hash in a file, and all packages need one
        return tuple(hashes)

    def _index_url(self, value: str, where: str) -> None:
        self._set(index_url=package_place(value, where, self._draft.source))

    def _extra_index_url(self, value: str, where: str) -> None:
        place = package_place(value, where, self._draft.source)
        self._set(extra_index_urls=(*self._draft.settings.extra_index_urls, place))

    def _find_links(self, value: str, where: str) -> None:
        place = package_place(value, where, self._draft.source)
        self._set(find_links=(*self._draft.settings.find_links, place))

    def _formats(self, setting: str, value: str, where: str) -> None:
        names: list[str] = list(getattr(self._draft.settings, setting))
        for name in value.split(","):
            if name.strip() == ":none:":
                names.clear()
            else:
                names.append(format_name(name, where))
        self._set(**{setting: tuple(names)})

    def _set(self, **changes: object) -> None:
        self._draft.settings = replace(self._draft.settings, **changes)  # type: ignore[arg-type]  # by their names

    def _shown(self, path: Path) -> str:
        base = self._draft.source.base
        return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def format_name(text: str, where: str) -> str:
    """Check the name of a package, or ``:all:``, of a setting on the formats of packages.

    Raises:
        InvalidDependencyError: It is neither.
    """
    name = check_text(text, where)
    if name == ":all:":
        return name
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise InvalidDependencyError(f"{where}: {quoted(name)} is not the name of a package.")
    return canonicalize_name(name)


def _words(text: str, where: str) -> list[str]:
    """Split options as a shell would, but keep backslashes: they occur in the paths of Windows."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="")
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        raise InvalidDependencyError(f"{where}: {quoted(text)} cannot be read: {error}.") from None


def _split_option(word: str) -> tuple[str, str | None]:
    """Split ``--name=value``, and ``-rvalue`` too."""
    if word.startswith("-") and not word.startswith("--") and len(word) > len("-r"):
        return word[:2], word[2:].removeprefix("=")
    name, separator, value = word.partition("=")
    return name, value if separator else None


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]
    return text[1:-1] if is_quoted else text
