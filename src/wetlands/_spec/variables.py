"""The environment variables that a recipe gives to the processes of its environment."""

from __future__ import annotations

import re

from wetlands._spec.checks import check_encodable, kind, quoted
from wetlands.exceptions import InvalidDependencyError

__all__ = ["check_variable", "variables_from_json"]

# A name begins with no "=": Windows has such variables for itself.
_NAME = re.compile(r"[^=\x00-\x1f\x7f\s]+")


def check_variable(name: object, value: object, where: str) -> tuple[str, str]:
    """Check the name and the value of an environment variable.

    Raises:
        InvalidDependencyError: The operating system would not take them.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidDependencyError(f"{where}: {quoted(str(name))} is not the name of an environment variable.")
    if not isinstance(value, str):
        raise InvalidDependencyError(f"{where}: the value of {quoted(name)} must be text, not {kind(value)}.")
    return check_encodable(name, where), check_encodable(value, f"{where}: the value of {quoted(name)}")


def variables_from_json(plain: object) -> tuple[tuple[str, str], ...]:
    """Read stored variables.

    Raises:
        InvalidDependencyError: They are something else.
    """
    where = 'stored "variables"'
    if not isinstance(plain, dict):
        raise InvalidDependencyError(f"{where} must be a dict, not {kind(plain)}.")
    return tuple(check_variable(name, value, where) for name, value in plain.items())
