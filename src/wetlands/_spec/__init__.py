"""What is wanted: recipes as the user writes them, turned once into frozen values.

Everything here is values and text. Nothing is read or written, except that `parse` looks whether the folders of local
packages hold a project.
"""

from __future__ import annotations

from wetlands._spec.channels import DEFAULT_CHANNEL
from wetlands._spec.commands import parse_commands
from wetlands._spec.conda import CondaRequirement, parse_conda
from wetlands._spec.cutoff import Cutoff, newest_allowed, parse_cutoff
from wetlands._spec.dependencies import (
    Commands,
    Dependencies,
    LocalDependency,
    PlatformCommands,
    PlatformName,
    RequirementDict,
)
from wetlands._spec.differences import differences
from wetlands._spec.local import LocalRequirement
from wetlands._spec.model import Spec
from wetlands._spec.names import check_name
from wetlands._spec.parse import parse
from wetlands._spec.platforms import PLATFORMS, parse_platforms
from wetlands._spec.pypi import PypiRequirement, parse_pypi
from wetlands._spec.python import ANY_PYTHON, OLDEST_PYTHON, PythonRequirement, parse_python
from wetlands._spec.secrets import masked, without_credentials
from wetlands._spec.settings import NO_SETTINGS, REFERENCE, PypiSettings
from wetlands._spec.storable import storable

__all__ = [
    "ANY_PYTHON",
    "DEFAULT_CHANNEL",
    "NO_SETTINGS",
    "OLDEST_PYTHON",
    "PLATFORMS",
    "REFERENCE",
    "Commands",
    "CondaRequirement",
    "Cutoff",
    "Dependencies",
    "LocalDependency",
    "LocalRequirement",
    "PlatformCommands",
    "PlatformName",
    "PypiRequirement",
    "PypiSettings",
    "PythonRequirement",
    "RequirementDict",
    "Spec",
    "check_name",
    "differences",
    "masked",
    "newest_allowed",
    "parse",
    "parse_commands",
    "parse_conda",
    "parse_cutoff",
    "parse_platforms",
    "parse_pypi",
    "parse_python",
    "storable",
    "without_credentials",
]
