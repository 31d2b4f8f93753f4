"""How PyPI packages are looked for and built: the settings a config file may carry beside its requirements."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from wetlands._spec.checks import check_entries, check_flag, check_keys, check_text, quoted
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NO_SETTINGS", "REFERENCE", "PypiSettings", "check_address", "settings_from_json"]

REFERENCE = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""An environment variable in an address, as pip and uv write it."""

_ADDRESS = re.compile(r"(?:\$\{[A-Z0-9_]+\}|[^\s<>\"`{|}\\^])+")
_USERINFO = re.compile(r"://(?!git@)([^/@\s]*)@")  # the account of git's ssh://git@host is no secret
_UNORDERED = frozenset({"no_binary", "only_binary", "no_build_isolation", "overrides"})


@dataclass(frozen=True, slots=True)
class PypiSettings:
    """Settings for the installation of PyPI packages.

    Addresses may name environment variables as ``${NAME}``; they are kept so, and read when an environment is built.

    Attributes:
        index_url: The index to take instead of the usual one; empty for the usual one.
        extra_index_urls: Further indexes, asked before it, in their order.
        find_links: Addresses, or folders relative to the base of the recipe, that hold or list packages.
        no_index: Whether no index is asked at all.
        no_binary: Packages to build from source; ``":all:"`` for all.
        only_binary: Packages never to build; ``":all:"`` for all.
        no_build_isolation: Packages to build with what is installed; ``":all:"`` for all.
        require_hashes: Whether a package without a hash is refused.
        index_strategy: How several indexes are searched, in uv's words.
        prerelease: When pre-releases are taken, in uv's words.
        resolution: Which of the versions that fit is taken, in uv's words.
        exclude_newer: The date after which what was published is not seen, or how old it must be; conda packages too.
        overrides: Requirements that replace those that packages have on each other.
    """

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    no_build_isolation: tuple[str, ...] = ()
    require_hashes: bool = False
    index_strategy: str = ""
    prerelease: str = ""
    resolution: str = ""
    exclude_newer: str = ""
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Keep each entry once, and bring what has no order into one."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                once = dict.fromkeys(value)
                object.__setattr__(self, field.name, tuple(sorted(once) if field.name in _UNORDERED else once))

    def given(self) -> Iterator[tuple[str, str | bool | tuple[str, ...]]]:
        """Yield name and value of each setting that was made."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value:
                yield field.name, value

    def to_json(self) -> dict[str, object]:
        """The settings that were made, as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.given()}


NO_SETTINGS = PypiSettings()
"""Everything as uv and the user's own configuration have it."""


def settings_from_json(plain: object) -> PypiSettings:
    """Read stored settings.

    Raises:
        InvalidDependencyError: They are something else.
    """
    where = 'stored "pypi_settings"'
    stored = check_keys(plain, [field.name for field in fields(PypiSettings)], where)
    return PypiSettings(**{name: _value(name, value, f"{name!r} of {where}") for name, value in stored.items()})  # type: ignore[arg-type]  # each is checked against the kind of its default


def check_address(text: str, where: str) -> str:
    """Check an address that is stored with an environment: it must not hold credentials in clear.

    Raises:
        InvalidDependencyError: It does, or it holds a character that no address has.
    """
    if not _ADDRESS.fullmatch(text):
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not an address.")
    account = _USERINFO.search(text)
    if account is not None and _is_secret(account[1]):
        raise InvalidDependencyError(
            f"{where}: {quoted(text)} holds credentials in clear, and would be stored with the environment. Write "
            "them as ${NAME} and set that environment variable, or leave them out and put them into a netrc file."
        )
    return text


def _is_secret(account: str) -> bool:
    """Tell whether a user, or a user and a password, hold a secret that is no reference to a variable."""
    user, separator, password = account.partition(":")
    return REFERENCE.fullmatch(password if separator else user) is None


def _value(name: str, value: object, where: str) -> str | bool | tuple[str, ...]:
    default = getattr(NO_SETTINGS, name)
    if isinstance(default, bool):
        return check_flag(value, where)
    if isinstance(default, tuple):
        return tuple(check_text(entry, where) for entry in check_entries(value, where))
    return check_text(value, where)
