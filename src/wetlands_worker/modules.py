"""What a call names, found: the module of a file or of a dotted name, and the function in it.

What you can rely on: a file is one module however it is reached, known by its resolved path; files beside it are
importable from it, at import and at call time; `sys.path` does not grow; an edited file, or an edited file that it
imported from its folder, is loaded afresh at the next call, with all other modules of that folder. A dotted name means
what the environment alone says: no folder of the user is importable while it is imported and called, so that the order
of calls never decides what a name means. Dotted names are not watched for edits.

Limits: one thread at a time (see `wetlands_worker.folders`).
"""

import os
import sys
from time import monotonic

from wetlands_worker.folders import OURS, Folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Callable, Dict, List, Optional, Sequence, Tuple

    from wetlands_worker.folders import Folder

SOURCE_ENDINGS = (".py", ".pyw")


class Target:
    """A file that is called: the folder to make importable, and the name its module has there."""

    __slots__ = ("folder", "name", "path", "siblings")

    def __init__(self, path: str, folder: "Folder", name: str) -> None:
        self.path = path
        self.folder = folder
        self.name = name
        package = name if os.path.basename(path) == "__init__.py" else name.rpartition(".")[0]
        self.siblings = (os.path.dirname(path), package) if package else None


class ModuleLoader:
    """Finds the modules and functions that calls name, in this process.

    Args:
        clock: Seconds that only go forward; it paces how often folders of many files are looked at.
    """

    def __init__(self, clock: "Callable[[], float]" = monotonic) -> None:
        self._folders = Folders(clock)
        self._targets: "Dict[str, Target]" = {}

    @classmethod
    def of_this_process(cls) -> "ModuleLoader":
        """The loader of the worker that this process is."""
        if _LoaderOfProcess.loader is None:
            _LoaderOfProcess.loader = cls()
        return _LoaderOfProcess.loader

    def load(self, target: str) -> "ModuleType":
        """The module of a target, imported or taken as it is; its folder is importable afterwards.

        Args:
            target: An absolute path ending in `.py` or `.pyw`, or a dotted name.

        Raises:
            FileNotFoundError: The file is not there, or no longer.
            ModuleNotFoundError: The environment has no module of that dotted name.
            Exception: Whatever the module raises while it is imported; the next call tries again.
        """
        known = self._targets.get(target)
        if known is None:
            if not target.endswith(SOURCE_ENDINGS):
                return self._load_dotted(target)
            known = self._targets[target] = self._placed(target)
        folders, folder = self._folders, known.folder
        if folder is not folders.active:
            folders.activate(folder)
        folder.siblings = known.siblings
        folders.refresh(folder, known.path)
        module = sys.modules.get(known.name)
        return self._import(known) if module is None or known.path not in folder.stamps else module

    def function(self, target: str, qualname: str) -> "Callable[..., object]":
        """The callable of that name in a target, as it is now: a name that was bound anew is seen.

        Args:
            target: As for `load`.
            qualname: A name of the module, or a dotted one (`Class.method`).

        Raises:
            AttributeError: There is no such name; the message lists what comes close.
            TypeError: What has the name cannot be called.
        """
        module = self.load(target)
        found: object = module
        try:
            for name in qualname.split("."):
                found = getattr(found, name)
        except AttributeError:
            raise AttributeError(_missing(target, module, qualname)) from None
        if not callable(found):
            problem = f"{qualname!r} of {target} is of type {type(found).__name__}, and cannot be called"
            raise TypeError(problem)
        return found

    def run_script(self, path: str, args: "Sequence[object]" = (), run_name: str = "__main__") -> "Dict[str, object]":
        """Run a file as `python path args` would; its public globals afterwards.

        Args:
            path: An absolute path; its folder is importable while the script runs, as for `load`.
            args: What `sys.argv` holds behind the path, turned into strings.
            run_name: The script's `__name__`.

        Raises:
            wetlands_worker.scripts.ScriptExit: It called `sys.exit` with something else than success.
            Exception: Whatever the script raises.
        """
        from wetlands_worker import scripts  # noqa: PLC0415 - not needed on the way to the first call

        resolved = os.path.realpath(path)
        folder = self._folders.at(os.path.dirname(resolved))
        self._folders.activate(folder)
        folder.siblings = None
        self._folders.refresh(folder, resolved)
        return scripts.run(path, args, run_name)

    def leave(self) -> None:
        """Make no folder of the user importable; for a process that has other things to do between calls."""
        self._folders.activate(None)

    def close(self) -> None:
        """Leave the import system as it was found; modules of the user's folders are forgotten."""
        self._folders.close()
        self._targets.clear()

    # ---------------------------------------------------------- dotted names

    def _load_dotted(self, name: str) -> "ModuleType":
        if self._folders.active is not None:
            self._folders.activate(None)
        module = sys.modules.get(name)
        if module is not None:
            return module
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            missing = error.name or name
            if name != missing and not name.startswith(missing + "."):
                raise  # the module is there, and something that it imports is not
            raise ModuleNotFoundError(_not_installed(name, missing), name=missing) from None
        return sys.modules[name]

    # ----------------------------------------------------------------- files

    def _placed(self, target: str) -> Target:
        path = os.path.realpath(target)
        if not os.path.isfile(path):
            problem = "The file of the module to call is not there"
            raise FileNotFoundError(2, problem, target)
        known = self._targets.get(path)
        if known is None:
            location, parts, top = _place(path)
            folder = self._folders.at(location)
            self._folders.activate(folder)
            folder.tops[self._rename(folder, parts, top)] = top
            known = self._targets[path] = Target(path, folder, ".".join(parts))
        return known

    def _rename(self, folder: "Folder", parts: "List[str]", top: str) -> str:
        """Give the first part another name where the file's own is not free; that first part."""
        stem = parts[0]
        if not self._is_free(folder, stem, top):
            parts[0] = distinct_name(stem, top)
        return parts[0]

    def _is_free(self, folder: "Folder", stem: str, top: str) -> bool:
        if "." in stem or stem in OURS or folder.tops.get(stem, top) != top or self._folders.standard.holds(stem):
            return False
        loaded = sys.modules.get(stem)
        return loaded is None or (hasattr(loaded, "__file__") and _is_from(loaded, top))

    def _import(self, target: Target) -> "ModuleType":
        """Import a file's module, or take over one that was imported before anybody called it."""
        folder = target.folder
        stamp = os.stat(target.path)
        self._folders.look_again(folder)
        __import__(target.name)
        module = sys.modules[target.name]
        if not _is_from(module, target.path):
            problem = f"{target.name!r} was imported from {getattr(module, '__file__', None)}, not from {target.path}"
            raise ImportError(problem, name=target.name, path=target.path)
        folder.names.add(target.name)
        folder.stamps.setdefault(target.path, (stamp.st_mtime_ns, stamp.st_size))
        return module


class _LoaderOfProcess:
    loader: "Optional[ModuleLoader]" = None


def distinct_name(stem: str, file: str) -> str:
    """The name of a module whose file cannot have its own: made from its place alone, so children find the same."""
    from binascii import crc32  # noqa: PLC0415 - seldom needed

    plain = "".join(letter if letter.isalnum() else "_" for letter in stem)
    return f"{plain}_{crc32(os.fsencode(file)):08x}"


def _place(path: str) -> "Tuple[str, List[str], str]":
    """The folder to make importable for a file, the parts of its name there, and the file of the first part."""
    folder, file = os.path.split(path)
    stem = os.path.splitext(file)[0]
    if not stem.isidentifier():  # `import` could not name it in a package
        return folder, [stem], path
    parts, top = ([] if stem == "__init__" and _is_package(folder) else [stem]), path
    while _is_package(folder):
        top = os.path.join(folder, "__init__.py")
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return folder, parts, top


def _is_package(folder: str) -> bool:
    return os.path.basename(folder).isidentifier() and os.path.isfile(os.path.join(folder, "__init__.py"))


def _is_from(module: object, path: str) -> bool:
    """Whether a module came from that file; what put itself in the module's place and has no file, counts as it."""
    file = getattr(module, "__file__", None)
    return file is None or file == path or os.path.realpath(file) == path


def _not_installed(name: str, missing: str) -> str:
    asked = "" if name == missing else f" (asked for as {name!r})"
    parent = missing.rpartition(".")[0]
    where = f"the package {parent!r} has none" if parent else f"the environment {sys.prefix} does not have it"
    return (
        f"No module named {missing!r}{asked}: {where}. "
        "Add it to the environment, or name a file of yours by its path, ending in .py"
    )


def _missing(target: str, module: "ModuleType", qualname: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a failure needs it

    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    close = get_close_matches(qualname, names, n=3, cutoff=0.6)
    offer = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"It has: {', '.join(names[:20]) or 'none'}."
    return f"{target} has no function {qualname!r}. {offer}"
