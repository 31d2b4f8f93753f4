"""How source files of the user are read: every file read is noted, and bytecode that may be stale is not trusted."""

import os
import sys

# importlib.util and importlib.machinery are the documented doors to these; they cost milliseconds at start-up.
from _frozen_importlib_external import PathFinder, SourceFileLoader, spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Dict, Optional, Tuple

    Stamp = Tuple[int, int]

BYTECODE_SUFFIX = ".pyc"


def stamp_of(path: str) -> "Stamp":
    """What changes when a file is edited: its modification time in nanoseconds, and its size.

    Raises:
        OSError: The file cannot be looked at.
    """
    status = os.stat(path)
    return (status.st_mtime_ns, status.st_size)


class NotingLoader(SourceFileLoader):
    """Loads one source file as Python does, and notes the stamp the file had just before.

    Python trusts a `.pyc` whose source has the recorded size and modification time *in whole seconds*: an edit within
    the second of its compilation that keeps the size (`return 1` to `return 2`) would run the old code. Here a `.pyc`
    counts only when it was written in a later second than its source, the rule by which git calls an index entry racy.
    """

    def __init__(self, name: str, path: str, stamps: "Dict[str, Stamp]") -> None:
        super().__init__(name, path)
        self._stamps = stamps

    def create_module(self, _spec: "ModuleSpec") -> None:
        """Note the stamp before the file is read: an edit during the import then shows as a difference afterwards.

        Not in `exec_module`: a frame of ours there would keep Python from hiding the frames of its import system.
        """
        self._stamps[self.path] = stamp_of(self.path)

    def get_data(self, path: str) -> bytes:
        """Read a file; refuse bytecode that may be older than its source."""
        if path.endswith(BYTECODE_SUFFIX) and int(os.stat(path).st_mtime) <= int(os.stat(self.path).st_mtime):
            problem = "bytecode written in the second of its source's last change is not trusted"
            raise OSError(problem)
        return super().get_data(path)


def spec_of(name: str, path: str, stamps: "Dict[str, Stamp]") -> "Optional[ModuleSpec]":
    """The spec by which the import system makes the module `name` from the source file `path`."""
    locations = [os.path.dirname(path)] if os.path.basename(path) == "__init__.py" else None
    return spec_from_file_location(
        name, path, loader=NotingLoader(name, path, stamps), submodule_search_locations=locations
    )


class StandardLibrary:
    """Which names and folders belong to the standard library of this interpreter."""

    def __init__(self, path: "Optional[str]" = None) -> None:
        self._root = os.path.normcase(path or os.path.dirname(os.__file__))
        self._zip = os.path.normcase(f"python{sys.version_info[0]}{sys.version_info[1]}.zip")
        self._names = frozenset(sys.builtin_module_names) | getattr(sys, "stdlib_module_names", frozenset())
        self._known: "Dict[str, bool]" = {}

    def holds_folder(self, entry: str) -> bool:
        """Whether an entry of `sys.path` is one of the standard library's."""
        folder = os.path.normcase(entry)
        if folder == self._root or os.path.basename(folder) in (self._zip, "dlls"):
            return True
        return folder.startswith(self._root + os.sep) and not is_installed_packages(folder)

    def holds(self, name: str) -> bool:
        """Whether a top-level module of that name is the standard library's, here or on another platform."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = name in self._names or self._finds(name)
        return known

    def _finds(self, name: str) -> bool:
        entries = [entry for entry in sys.path if self.holds_folder(entry)]
        spec = PathFinder.find_spec(name, entries)
        return spec is not None and spec.loader is not None


def is_installed_packages(folder: str) -> bool:
    """Whether a path is in a folder of installed packages, whose modules are not the user's to edit."""
    parts = folder.replace("\\", "/").split("/")
    return "site-packages" in parts or "dist-packages" in parts
