"""Which folder of the user is importable at the moment, and which loaded modules belong to it.

One folder is active at a time. Its path stands in `sys.path` behind the standard library and before the installed
packages: a `random.py` or `pickle.py` beside the user's file never shadows the standard library, and a `utils.py`
beside it wins over an installed package of that name. When another folder becomes active, the modules loaded from the
old one leave `sys.modules` for a stash, and come back with it: equal names in two folders never meet.

Limits: one thread at a time, for `sys.modules` is the process's. A thread that outlives its call and then imports a
sibling for the first time does so from whichever folder is active then. A folder that was on `sys.path` anyway (an
editable installation, `PYTHONPATH`) keeps its modules in `sys.modules`.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import (
    BYTECODE_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from _imp import extension_suffixes

from wetlands_worker.sources import NotingLoader, StandardLibrary, is_installed_packages, spec_of, stamp_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

    from wetlands_worker.sources import Stamp

FEW = 8
"""So many files are looked at on every call; a folder with more of them is looked at every `RECHECK_SECONDS`."""
RECHECK_SECONDS = 0.25
OURS = frozenset(("__main__", "__mp_main__", "wetlands", "wetlands_worker"))
"""Names that the user's files never take: other modules in this process rely on what they mean."""


class Folder:
    """One folder of the user, and what was loaded from it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.prefix = path.rstrip(os.sep) + os.sep
        self.installed = is_installed_packages(path)
        self.tops: "Dict[str, str]" = {}
        """Top-level name -> source file, of the files that were called; these names mean these files here."""
        self.names: "Set[str]" = set()
        """Full names of the modules loaded from here."""
        self.stamps: "Dict[str, Stamp]" = {}
        """Source file -> its stamp when it was executed."""
        self.siblings: "Optional[Tuple[str, str]]" = None
        """The folder and the dotted name of the package whose file is called, if it is in one."""
        self.stash: "Dict[str, ModuleType]" = {}
        self.hidden: "Dict[str, ModuleType]" = {}
        self.on_path = False
        self.checked = 0.0
        self._listed: "Tuple[int, List[str]]" = (-1, [])

    def contains(self, path: str) -> bool:
        """Whether a folder or file is this one or below it, and not an installed package."""
        return path == self.path or (path.startswith(self.prefix) and not is_installed_packages(path))

    def owns(self, name: str, path: str) -> bool:
        """Whether a module belongs here: its package does, or its place below this folder is what its name says.

        Below the folder there may be others that are on `sys.path` themselves: the `src` of an editable installation,
        an environment with its standard library. What is found by way of those is not the folder's.
        """
        parent = name.rpartition(".")[0]
        if parent in self.names:
            return True
        if parent and getattr(sys.modules.get(parent), "__file__", None) is not None:
            return False
        place = os.path.join(self.path, *name.split("."))
        return path.startswith((place + ".", os.path.join(place, "__init__.")))

    def loaded(self) -> "List[str]":
        """The names in `sys.modules` that go when this folder goes."""
        names = set(self.names)
        for name in self.names:
            parent = name.rpartition(".")[0]
            while parent and parent not in names:
                if self._has_whole_namespace(sys.modules.get(parent)):
                    names.add(parent)
                parent = parent.rpartition(".")[0]
        return [name for name in names if name in sys.modules]

    def top_names(self) -> "List[str]":
        """The names that `import` could find here, namespace packages aside; read anew when the folder changed."""
        changed = os.stat(self.path).st_mtime_ns
        if self._listed[0] != changed:
            self._listed = (changed, [name for name in map(self._top_name, os.listdir(self.path)) if name])
        return self._listed[1]

    def edited(self, but: str) -> bool:
        """Whether any file executed from here is not what it was, one of them aside."""
        try:
            return any(path != but and stamp_of(path) != stamp for path, stamp in self.stamps.items())
        except OSError:
            return True

    def _has_whole_namespace(self, module: "Optional[ModuleType]") -> bool:
        if module is None or getattr(module, "__file__", None) is not None:
            return False
        portions = list(getattr(module, "__path__", ()))
        return bool(portions) and all(map(self.contains, portions))

    def _top_name(self, entry: str) -> str:
        stem, dot, _ = entry.partition(".")
        if not dot:
            return stem if os.path.isfile(os.path.join(self.path, entry, "__init__.py")) else ""
        return stem if entry.endswith((*SOURCE_SUFFIXES, *extension_suffixes())) else ""


class Folders:
    """The folders of the user that this process has called into, at most one of them active."""

    def __init__(self, clock: "Callable[[], float]") -> None:
        self.active: "Optional[Folder]" = None
        self.standard = StandardLibrary()
        self._clock = clock
        self._known: "Dict[str, Folder]" = {}
        self._finders = (_TopFinder(self), _SiblingFinder(self))

    def at(self, path: str) -> Folder:
        """The folder of a path, made known to the import system when it is new."""
        folder = self._known.get(path)
        if folder is None:
            if not self._known:
                self._install()
            folder = self._known[path] = Folder(path)
            self._forget_finders(folder)
        return folder

    def activate(self, folder: "Optional[Folder]") -> None:
        """Make one folder importable and no other; `None` leaves only the environment."""
        active = self.active
        if folder is active:
            return
        if active is not None:
            self._leave(active)
        if folder is not None:
            self._enter(folder)

    def refresh(self, folder: Folder, path: str) -> None:
        """Forget the modules of a folder when the file that is called, or another one executed from there, was edited.

        Raises:
            OSError: The file that is called cannot be looked at.
        """
        status = os.stat(path)
        stamps = folder.stamps
        stamp = (status.st_mtime_ns, status.st_size)
        edited = stamps.get(path, stamp) != stamp
        if edited or (len(stamps) > (path in stamps) and self._others_edited(folder, path)):
            for name in folder.names:
                sys.modules.pop(name, None)
            folder.names.clear()
            stamps.clear()

    def look_again(self, folder: Folder) -> None:
        """Have new files of a folder found, also those that came within one tick of the file system's clock."""
        for path, finder in list(sys.path_importer_cache.items()):
            if finder is not None and folder.contains(path) and hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()

    def close(self) -> None:
        """Leave the import system as it was found."""
        self.activate(None)
        for folder in self._known.values():
            self._forget_finders(folder)
        self._known.clear()
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in self._finders]
        sys.path_hooks[:] = [hook for hook in sys.path_hooks if hook != self._hook]

    # --------------------------------------------------- entering and leaving

    def _enter(self, folder: Folder) -> None:
        folder.on_path = folder.path in sys.path
        if not folder.on_path:
            self._hide(folder)
            sys.path.insert(self._position(), folder.path)
        folder.hidden.update((name, sys.modules[name]) for name in folder.stash if name in sys.modules)
        sys.modules.update(folder.stash)
        folder.stash.clear()
        self.active = folder

    def _leave(self, folder: Folder) -> None:
        self.active = None
        if folder.on_path:
            return
        if folder.path in sys.path:
            sys.path.remove(folder.path)
        for name in folder.loaded():
            folder.stash[name] = sys.modules.pop(name)
        sys.modules.update(folder.hidden)
        folder.hidden.clear()

    def _position(self) -> int:
        """Behind the last entry of the standard library."""
        after = [index + 1 for index, entry in enumerate(sys.path) if self.standard.holds_folder(entry)]
        return after[-1] if after else 0

    def _hide(self, folder: Folder) -> None:
        """Put aside loaded modules from elsewhere whose names mean a file of this folder while it is active."""
        taken = [name for name in folder.top_names() if name in sys.modules and self._may_hide(folder, name)]
        for top in taken:
            for name in [name for name in list(sys.modules) if name == top or name.startswith(top + ".")]:
                folder.hidden[name] = sys.modules.pop(name)

    def _may_hide(self, folder: Folder, name: str) -> bool:
        if name in OURS or self.standard.holds(name):
            return False
        return not folder.owns(name, str(getattr(sys.modules[name], "__file__", "")))

    def _others_edited(self, folder: Folder, path: str) -> bool:
        if len(folder.stamps) > FEW:
            now = self._clock()
            if now - folder.checked < RECHECK_SECONDS:
                return False
            folder.checked = now
        return folder.edited(path)

    # ------------------------------------------------------ the import system

    def _install(self) -> None:
        sys.meta_path.insert(0, self._finders[0])
        sys.meta_path.append(self._finders[1])
        sys.path_hooks.insert(0, self._hook)

    def _hook(self, path: str) -> FileFinder:
        """The hook of `sys.path_hooks` that has files of the user read by our loader."""
        if not any(not folder.installed and folder.contains(path) for folder in self._known.values()):
            problem = "not a folder of the user"
            raise ImportError(problem, path=path)
        if not os.path.isdir(path):
            problem = "only folders are supported"
            raise ImportError(problem, path=path)
        return FileFinder(
            path,
            (self._extension, extension_suffixes()),  # type: ignore[arg-type]  # any callable will do
            (self._source, SOURCE_SUFFIXES),  # type: ignore[arg-type]  # the same
            (self._bytecode, BYTECODE_SUFFIXES),  # type: ignore[arg-type]  # the same
        )

    def _extension(self, name: str, path: str) -> ExtensionFileLoader:
        self._note(name, path)
        return ExtensionFileLoader(name, path)

    def _source(self, name: str, path: str) -> SourceFileLoader:
        folder = self._note(name, path)
        return SourceFileLoader(name, path) if folder is None else NotingLoader(name, path, folder.stamps)

    def _bytecode(self, name: str, path: str) -> SourcelessFileLoader:
        self._note(name, path)
        return SourcelessFileLoader(name, path)

    def _note(self, name: str, path: str) -> "Optional[Folder]":
        folder = self.active
        if folder is None or not folder.owns(name, path):
            return None
        folder.names.add(name)
        return folder

    def _forget_finders(self, folder: Folder) -> None:
        for path in [path for path in list(sys.path_importer_cache) if folder.contains(path)]:
            del sys.path_importer_cache[path]


class _TopFinder:
    """First of `sys.meta_path`: in the active folder, the name of a file that is called means that very file."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, _target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """See `importlib.abc.MetaPathFinder`."""
        folder = self._folders.active
        if folder is None or path is not None:
            return None
        top = folder.tops.get(name)
        if top is None:
            return None
        folder.names.add(name)
        return spec_of(name, top, folder.stamps)


class _SiblingFinder:
    """Last of `sys.meta_path`: `import b` in a file of a package finds the package's `b`, as the very same module.

    Files whose folder happens to have an `__init__.py` are often written as scripts are, with plain imports of their
    neighbours. Last, so that a package whose `io.py` imports `io` gets what it always got.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, _target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """See `importlib.abc.MetaPathFinder`."""
        folder = self._folders.active
        if folder is None or path is not None or folder.siblings is None:
            return None
        location, package = folder.siblings
        for source in (os.path.join(location, name + ".py"), os.path.join(location, name, "__init__.py")):
            if os.path.isfile(source):
                folder.names.add(name)
                loader = SameModule(package + "." + name)
                return ModuleSpec(name, loader, origin=source)  # type: ignore[arg-type]  # a loader by its methods: importlib.abc is slow to import
        return None


class SameModule:
    """A loader that gives a module a second name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, _spec: "ModuleSpec") -> None:
        """See `importlib.abc.Loader`."""

    def exec_module(self, module: "ModuleType") -> None:
        """Put the real module where the import system looks for the one it asked for."""
        __import__(self._name)
        sys.modules[module.__name__] = sys.modules[self._name]
