"""The environment variables of a recipe, kept in the prefix: activation finds them there without asking the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RECIPE_VARIABLES", "write_recipe_variables"]

RECIPE_VARIABLES = Path("etc", "conda", "env_vars.d", "~wetlands-recipe.json")
"""Where they are in a prefix: beside those of conda packages, and behind them, so that the recipe has the last word."""


def write_recipe_variables(prefix: Path, variables: Iterable[tuple[str, str]]) -> None:
    """Write the variables of a recipe into its prefix, or nothing when it has none."""
    plain = dict(variables)
    if not plain:
        return
    file = prefix / RECIPE_VARIABLES
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(plain, indent=2), encoding="utf-8")
    file.chmod(0o600)  # they may be secrets
