"""Variables of the host that must not reach another Python: they pick the wrong interpreter, library or package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["scrubbed"]

_NAMES = frozenset(
    {
        # where an interpreter takes its own library and the packages from, and what it runs unasked
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONPLATLIBDIR",
        "PYTHONEXECUTABLE",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "__PYVENV_LAUNCHER__",
        # the environment the host was started in
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "_CE_CONDA",
        "_CE_M",
        "PIXI_IN_SHELL",
        # what frozen programs say to their own child processes
        "_MEIPASS2",
        "PYTHONFROZEN",
        "RESOURCEPATH",
        "ARGVZERO",
        "EXECUTABLEPATH",
    }
)
_BEGINNINGS = ("CONDA_", "_CONDA_", "_OLD_VIRTUAL_", "PIXI_PROJECT_", "PIXI_ENVIRONMENT_", "_PYI_", "PYOBJC_BUNDLE_")
# Folders of the bundle a program is frozen into (PyInstaller, AppImage): no path inside may leak, by any variable.
_BUNDLES = ("_PYI_APPLICATION_HOME_DIR", "_MEIPASS2", "APPDIR")
# PyInstaller keeps the user's value of these beside its own.
# https://pyinstaller.org/en/stable/runtime-information.html#ld-library-path-libpath-considerations
_SAVED = "_ORIG"
_LIBRARY_PATHS = (
    "LD_LIBRARY_PATH",
    "LIBPATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)


def scrubbed(host: Mapping[str, str], *, separator: str = os.pathsep) -> dict[str, str]:
    """Return the variables without those that belong to the host's own Python, environment or bundle.

    Args:
        host: The environment variables of the host. Not changed.
        separator: What separates the folders of a search path.
    """
    bundles = tuple(_as_folder(host[name]) for name in _BUNDLES if host.get(name))
    clean = _with_saved_library_paths(host)
    if bundles:
        clean = _outside_of(bundles, clean, separator)
    return {
        name: value
        for name, value in clean.items()
        if name.upper() not in _NAMES and not name.upper().startswith(_BEGINNINGS)
    }


def _with_saved_library_paths(host: Mapping[str, str]) -> dict[str, str]:
    restored = dict(host)
    for name in _LIBRARY_PATHS:
        saved = restored.pop(name + _SAVED, None)
        if saved is not None:
            restored[name] = saved
    return restored


def _outside_of(bundles: tuple[str, ...], env: Mapping[str, str], separator: str) -> dict[str, str]:
    """Drop from every variable the entries that lie in a bundle, and the variables of which nothing is left."""
    kept = {}
    for name, value in env.items():
        entries = value.split(separator)
        outside = [entry for entry in entries if not _as_folder(entry).startswith(bundles)]
        if outside:
            kept[name] = separator.join(outside)
    return kept


def _as_folder(path: str) -> str:
    """Return the path so that one lies in the other exactly when it begins with it."""
    return os.path.normcase(path).rstrip("/\\") + os.sep
