"""The main module of a worker, as its children of `multiprocessing` run it: what the worker can import, they can.

With the methods "spawn" and "forkserver" a child is a new interpreter. It gets the `sys.path` of its parent, runs the
file of its parent's main module under the name `__mp_main__`, and then imports the modules of the functions and objects
that it is sent. So the main module of a worker names this file, which adds what is not found by `sys.path`:

* `wetlands_worker`, and with it what a worker offers as `wetlands`;
* a file of the user that had to be given another name in the worker (`load-images.py`, `queue.py`);
* in a package of the user, the neighbours that its files import plainly, as scripts do.

Nothing is looked for, and nothing imported, until something else has not been found.
"""

import os
import sys
from _frozen_importlib import ModuleSpec  # as in `__main__`: it runs in each child, and importlib.util is slow
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Iterator, Optional, Sequence

_PACKAGE = "wetlands_worker"
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_CHECKSUM = 8


class First:
    """First of `sys.meta_path`: the packages that stand for ours, whatever folder is called so too."""

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """See `importlib.abc.MetaPathFinder`."""
        if path is None and name == _PACKAGE:
            return _package_spec(name, os.path.join(_FOLDER, "__init__.py"))
        if path is None and name == "wetlands":
            from wetlands_worker import alias  # noqa: PLC0415 - found by this finder

            alias.install()
            return alias.find_spec(name, path, target)
        return None


class Last:
    """Last of `sys.meta_path`: files of the user by the names that they have in the worker."""

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, _target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """See `importlib.abc.MetaPathFinder`."""
        if path is not None:
            return None
        renamed = next(_renamed(name), None)
        if renamed is not None:
            return _package_spec(name, renamed)
        package = next(_packages_with(name), None)
        if package is None:
            return None
        from wetlands_worker.folders import SameModule  # noqa: PLC0415 - found by the other finder

        return ModuleSpec(name, SameModule(f"{package}.{name}"))  # type: ignore[arg-type]  # see folders.py


def _package_spec(name: str, file: str) -> ModuleSpec:
    is_package = os.path.basename(file) == "__init__.py"
    spec = ModuleSpec(name, SourceFileLoader(name, file), origin=file, is_package=is_package)
    spec.has_location = True
    if is_package:
        spec.submodule_search_locations = [os.path.dirname(file)]
    return spec


def _renamed(name: str) -> "Iterator[str]":
    """The files that `ModuleLoader` would call so: their name, made plain, and a checksum of their path."""
    plain, _, checksum = name.rpartition("_")
    if not plain or len(checksum) != _CHECKSUM:
        return
    from wetlands_worker.modules import SOURCE_ENDINGS, distinct_name  # noqa: PLC0415 - found by the other finder

    for folder in sys.path:
        for entry in _listed(folder):
            stem, ending = os.path.splitext(entry)
            file = os.path.join(folder, entry if ending in SOURCE_ENDINGS else os.path.join(entry, "__init__.py"))
            if distinct_name(stem, file) == name and os.path.isfile(file):
                yield file


def _packages_with(name: str) -> "Iterator[str]":
    """The imported packages of the user in which a neighbour of that name lies."""
    from wetlands_worker.sources import StandardLibrary, is_installed_packages  # noqa: PLC0415 - see above

    standard = StandardLibrary()
    for package, module in list(sys.modules.items()):
        if package.startswith(_PACKAGE) or standard.holds(package.partition(".")[0]):
            continue
        for folder in list(getattr(module, "__path__", ())):
            sources = (os.path.join(folder, name + ".py"), os.path.join(folder, name, "__init__.py"))
            if not is_installed_packages(folder) and any(map(os.path.isfile, sources)):
                yield package


def _listed(folder: str) -> "Sequence[str]":
    try:
        return os.listdir(folder or ".")
    except OSError:
        return ()


if __name__ == "__mp_main__" and not any(type(finder).__name__ == "First" for finder in sys.meta_path):
    sys.meta_path.insert(0, First())
    sys.meta_path.append(Last())
