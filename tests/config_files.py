"""Config files that exist in memory only, read as `create_from_config` reads those on disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._spec.config import Request, Source, read_config
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._spec import Spec
    from wetlands._spec.config import Config

__all__ = ["BASE", "notes", "read", "refusal", "spec_of", "warnings_of"]

BASE = Path("base").absolute()


def read(
    name: str,
    text: str,
    *,
    files: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    platform: str = "linux-64",
    environment: str = "default",
    optional: Sequence[str] = (),
    base: Path = BASE,
) -> Config:
    """Read a file, which may name further ones by their paths below `base`."""
    contents = {base / file: content for file, content in {name: text, **(files or {})}.items()}

    def reader(path: Path) -> str:
        if path not in contents:
            raise InvalidDependencyError(f"There is no file {path}.")
        return contents[path]

    source = Source(base / name, platform, environ or {}, reader)
    return read_config(source, Request(environment, tuple(optional)))


def spec_of(name: str, text: str, **options: object) -> Spec:
    """Read a file and return its recipe; a remark on it fails the test."""
    config = read(name, text, **options)  # type: ignore[arg-type]  # passed on
    assert () == config.remarks
    return config.spec


def warnings_of(config: Config) -> list[str]:
    return [remark.text for remark in config.remarks if remark.level == logging.WARNING]


def notes(config: Config) -> list[str]:
    return [remark.text for remark in config.remarks if remark.level == logging.INFO]


def refusal(name: str, text: str, **options: object) -> str:
    """Read a file that must be refused, and return what the error says."""
    try:
        read(name, text, **options)  # type: ignore[arg-type]  # passed on
    except InvalidDependencyError as error:
        return str(error)
    raise AssertionError(f"{name} was not refused")
