"""Where a worker finds a module of this program: by its name, or by the path of its file.

The rules, in their order:

1. What has no source file goes by name: built-in and frozen modules, extensions, packages in archives.
2. What lies in the standard library, or in a folder of installed packages, goes by name. Whether the environment has
   such a module, and which version, is the environment's own business; a worker that does not have it says so.
3. Every other module goes by its file. So does `__main__`, whatever the program was started as.

A file is imported by the worker, under another name than `__main__`.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from wetlands._modules.target import is_file
from wetlands_worker.sources import StandardLibrary, is_installed_packages

if TYPE_CHECKING:
    from types import ModuleType

_OURS = ("wetlands", "wetlands_worker")
_PUT_IT = "Define it at the top level of a file whose name ends in .py"


def home_of(name: str, what: str) -> str:
    """What a worker is asked to load for a loaded module of this program.

    Args:
        name: Its name here.
        what: What is looked for in it, for the errors.

    Returns:
        An absolute path ending in `.py` or `.pyw`, or a dotted name.

    Raises:
        TypeError: It is no module that a worker could load: that of an interactive session, for example.
        RuntimeError: Its file is still being imported: a worker that imports the file would make this call too.
    """
    module = sys.modules.get(name)
    if module is None:
        message = f"{what} says that it is of the module {name!r}, which this program has not loaded. {_PUT_IT}."
        raise TypeError(message)
    spec = module.__spec__ if hasattr(module, "__spec__") else None
    file = source_of(module)
    if name == "__main__":
        return _home_of_main(file, None if spec is None else spec.name, what)
    if file is None or name.partition(".")[0] in _OURS or _is_installed(file):
        return name
    if getattr(spec, "_initializing", False):
        message = (
            f"{what} was handed to an executor while its file {file} was still being imported; a worker imports that "
            "file too, and would do the same. Move the call into a function, or under `if __name__ == '__main__':`"
        )
        raise RuntimeError(message)
    return _real(file)


def source_of(module: ModuleType) -> str | None:
    """The source file of a module, or None when there is none that a worker could read."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not os.path.isfile(file):  # noqa: PTH113 - asked on every call; Path is slower
        return None
    return file if is_file(file) or module.__name__ == "__main__" else None


def _home_of_main(file: str | None, started_as: str | None, what: str) -> str:
    if file is None:
        message = f"{what} is of this interactive session or command line, which workers cannot read. {_PUT_IT}."
        raise TypeError(message)
    if started_as is not None and _is_installed(file):
        return started_as
    if not is_file(file):
        message = f"{what} is of {file}, which workers cannot import. {_PUT_IT}."
        raise TypeError(message)
    return _real(file)


@lru_cache(maxsize=1024)
def _is_installed(file: str) -> bool:
    standard = StandardLibrary()
    real = os.path.realpath(file)
    return any(is_installed_packages(path) or standard.holds_folder(os.path.dirname(path)) for path in (file, real))  # noqa: PTH120 - text in, text out


def _real(file: str) -> str:
    real = os.path.realpath(file)
    return real if is_file(real) else os.path.abspath(file)  # noqa: PTH100 - a link to a file with another ending
