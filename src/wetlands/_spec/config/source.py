"""What the readers of config files are handed in: the file, the machine to read it for, and how to read others."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Source", "read_text"]

_REFERENCE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_LARGEST = 16 * 1024 * 1024  # bytes; the longest hashed requirement files have one or two million


@dataclass(frozen=True)
class Source:
    """A config file and what it is read for.

    Attributes:
        path: The file, absolute.
        platform: The platform to read it for, in conda's words.
        environ: The environment variables that ``${NAME}`` refers to.
        read: Reads a file that the config file names.
    """

    path: Path
    platform: str
    environ: Mapping[str, str]
    read: Callable[[Path], str]

    @property
    def base(self) -> Path:
        """The folder that relative paths in the file begin at."""
        return self.path.parent

    def expanded(self, text: str, where: str) -> str:
        """Replace ``${NAME}`` by the environment variables.

        Raises:
            InvalidDependencyError: One is not set.
        """

        def value(match: re.Match[str]) -> str:
            if not self.environ.get(match[1]):
                raise InvalidDependencyError(f"{where}: the environment variable {match[1]} is not set.")
            return self.environ[match[1]]

        return _REFERENCE.sub(value, text)


def read_text(path: Path) -> str:
    """Read a config file, which is text in UTF-8, or in UTF-16 with its mark.

    Raises:
        InvalidDependencyError: It is not there, or something else.
    """
    try:
        if path.is_dir():
            raise InvalidDependencyError(f"{path} is a folder. Name the config file in it.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidDependencyError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InvalidDependencyError(f"{path} cannot be read: {error}.") from error
    if len(content) > _LARGEST:
        raise InvalidDependencyError(f"{path} is too large for a config file ({len(content)} bytes).")
    try:
        # Windows PowerShell 5 writes `pip freeze > requirements.txt` in UTF-16.
        return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDependencyError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start}).") from None
