"""A TOML document as a table of a config file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._spec.config.tables import Table
from wetlands._spec.toml import toml_document
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.draft import Draft

__all__ = ["toml_table"]


def toml_table(text: str, draft: Draft) -> Table:
    """Read a TOML document.

    Raises:
        InvalidDependencyError: It is none; the message names line and column.
    """
    file = draft.source.path.name
    try:
        return Table(toml_document(text), f"{file}: ", draft.remarks)
    except InvalidDependencyError:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error) or "it is nested beyond reason"
        raise InvalidDependencyError(f"{file} cannot be read as TOML: {reason}.") from None
