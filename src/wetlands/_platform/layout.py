"""Where things lie in a prefix: interpreter, scripts, packages, and what of it an activated PATH names.

Sources: ``sysconfig`` install schemes (``venv``, ``nt``, ``posix_prefix``), and for conda on Windows the entries that
``conda.activate._Activator._get_path_dirs`` puts on PATH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wetlands._platform.system import CURRENT

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._platform.system import System

__all__ = [
    "PrefixKind",
    "find_site_packages",
    "path_entries",
    "prefix_of_python",
    "pythons",
    "scripts",
    "standalone_pythons",
]

PrefixKind = Literal["venv", "conda"]


def pythons(prefix: Path, kind: PrefixKind, *, system: System = CURRENT) -> tuple[Path, ...]:
    """Return where the interpreter of a prefix may lie, the usual place first."""
    if system == "posix":
        return (prefix / "bin" / "python", prefix / "bin" / "python3")
    if kind == "conda":
        return (prefix / "python.exe",)
    # MSYS2's Python makes virtual environments with `bin`, as on POSIX.
    return (prefix / "Scripts" / "python.exe", prefix / "bin" / "python.exe")


def scripts(prefix: Path, *, system: System = CURRENT) -> Path:
    """Return the folder that the commands of Python packages are installed to."""
    return prefix / ("bin" if system == "posix" else "Scripts")


def path_entries(prefix: Path, kind: PrefixKind, *, system: System = CURRENT) -> tuple[Path, ...]:
    """Return what activating a prefix puts in front of PATH, in order."""
    if system == "posix" or kind == "venv":
        return (scripts(prefix, system=system),)
    return (
        prefix,
        prefix / "Library" / "mingw-w64" / "bin",
        prefix / "Library" / "usr" / "bin",
        prefix / "Library" / "bin",
        prefix / "Scripts",
        prefix / "bin",
    )


def find_site_packages(prefix: Path, *, system: System = CURRENT) -> tuple[Path, ...]:
    """Return the ``site-packages`` folders that exist in a prefix, in a stable order.

    Links to them are left out: ``lib64`` in virtual environments, ``lib/python3.1`` in conda prefixes of Python 3.11.
    """
    pattern = "lib/*/site-packages" if system == "posix" else "Lib/site-packages"
    found = (folder for folder in prefix.glob(pattern) if folder.is_dir() and not folder.parent.is_symlink())
    return tuple(sorted(found))


def prefix_of_python(python: Path, *, system: System = CURRENT) -> Path:
    """Return the prefix that an interpreter belongs to, from where it lies; links are not followed."""
    folder = python.parent
    in_scripts = folder.name == "bin" if system == "posix" else folder.name.lower() in {"scripts", "bin"}
    return folder.parent if in_scripts else folder


def standalone_pythons(versions: Path, *, system: System = CURRENT) -> tuple[Path, ...]:
    """Return the folders, in the order of their names, that hold the interpreters of a version manager.

    Args:
        versions: A folder with one installation per subfolder, as pyenv, asdf and mise keep them.
        system: The operating system.
    """
    inside = "*/bin" if system == "posix" else "*"
    return tuple(sorted(folder for folder in versions.glob(inside) if folder.is_dir()))
