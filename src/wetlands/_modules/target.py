"""What the user names as a module, turned into what a worker can load: the path of a `.py` file, or a dotted name.

The rules, in their order:

1. A `Path`, and a text that ends in `.py` or contains a separator, is a file: as written, with `.py` added, or the
   `__init__.py` of that folder. Relative ones are meant from the current folder of the host. No such file: an error.
2. A text for which `<text>.py` exists in the current folder is that file.
3. Any other text made of identifiers and dots is a module that the environment can import. Only a worker can tell
   whether it does.

Paths come back with symbolic links resolved, as Python itself does for a script: one file is one module, and its
siblings are those beside the real file.
"""

from __future__ import annotations

import keyword
import os
from difflib import get_close_matches
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from wetlands.exceptions import ModuleNotResolvedError

if TYPE_CHECKING:
    from collections.abc import Callable

ENDINGS = (".py", ".pyw")
RECHECK_SECONDS = 0.25
"""For so long an answer is given again without a look at the disk; calls in a loop then cost a microsecond."""
_MAX_REMEMBERED = 1024
_ROOT = "/"


class Resolver:
    """Turns names into targets, and remembers the answers for a moment.

    Args:
        clock: Seconds that only go forward.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._answers: dict[tuple[bool, str, str], tuple[float, str]] = {}  # an absolute path means the same anywhere

    def resolve(self, module: str | os.PathLike[str], *, cwd: str | os.PathLike[str] | None = None) -> str:
        """What a worker is asked to load for a module that the user names.

        Args:
            module: A path to a file, with or without `.py`, or a dotted name.
            cwd: The folder that relative paths start from; the current one when not given.

        Returns:
            An absolute path ending in `.py` or `.pyw`, or a dotted name.

        Raises:
            ModuleNotResolvedError: It is a path without a file, or no name that Python could import.
            TypeError: It is neither a text nor a path.
        """
        is_text = isinstance(module, str)
        text = os.fspath(module)
        if cwd is None:
            cwd = "" if text.startswith(_ROOT) else _current()
        key = (is_text, text, os.fspath(cwd))
        remembered = self._answers.get(key)
        now = self._clock()
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        answer = _find(*key)
        if len(self._answers) >= _MAX_REMEMBERED:
            self._answers.clear()
        self._answers[key] = (now + RECHECK_SECONDS, answer)
        return answer


resolve = Resolver().resolve
"""The resolver of this process; see `Resolver.resolve`."""


def resolve_script(path: str | os.PathLike[str], *, cwd: str | os.PathLike[str] | None = None) -> str:
    """The absolute path of a script, which may have any ending; `.py` is added where only that gives a file.

    Raises:
        ModuleNotResolvedError: There is no such file.
    """
    base = Path(os.path.normpath(Path(_current() if cwd is None else cwd, path)))
    candidates = [base, _with_ending(base)]
    found = next(filter(Path.is_file, candidates), None)
    if found is None:
        raise ModuleNotResolvedError(_not_there("script", os.fspath(path), candidates))
    return str(found)


def is_file(target: str) -> bool:
    """Whether a resolved target is a file, and not a dotted name."""
    return target.endswith(ENDINGS)


def _current() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - asked on every call, and Path.cwd() takes ten times as long
    except FileNotFoundError:  # the folder was removed: absolute paths and dotted names still mean something
        return ""


def _find(is_text: bool, text: str, cwd: str) -> str:  # noqa: FBT001 - the key of the cache, unpacked
    base = Path(cwd, text)
    if is_text and not _looks_like_path(text):
        file = _with_ending(base)
        if text and file.is_file():
            return _real(file)
        _check_name(text, base)
        return text
    candidates = [base, base / "__init__.py"] if is_file(text) else [base, _with_ending(base), base / "__init__.py"]
    found = next(filter(Path.is_file, candidates), None)
    if found is None:
        raise ModuleNotResolvedError(_not_there("module file", text, candidates))
    if not is_file(found.name):
        raise ModuleNotResolvedError(
            f"{text!r} is a file, but no Python module: its name does not end in .py. Rename it, or run it as a script."
        )
    return _real(found)


def _looks_like_path(text: str) -> bool:
    return is_file(text) or any(separator in text for separator in ("/", "\\", os.sep)) or text in (".", "..", "~")


def _with_ending(base: Path) -> Path:
    return base.parent / (base.name + ENDINGS[0])


def _real(path: Path) -> str:
    real = str(path.resolve())
    return real if is_file(real) else str(path.parent.resolve() / path.name)  # a link to a file with another ending


def _check_name(text: str, base: Path) -> None:
    if not text.strip():
        raise ModuleNotResolvedError("The name of the module to call is empty. Give a path or a dotted name.")
    if text.startswith("."):
        raise ModuleNotResolvedError(
            f"{text!r} is a relative module name, which has no meaning from outside its package. "
            "Give the whole dotted name, or a path ending in .py."
        )
    wrong = [part for part in text.split(".") if not part.isidentifier() or keyword.iskeyword(part)]
    if wrong:
        raise ModuleNotResolvedError(
            f"{text!r} is no module: there is no file {_with_ending(base)}, and {wrong[0]!r} is no name that Python "
            f"could import.{_advice(base)}"
        )


def _not_there(what: str, text: str, candidates: list[Path]) -> str:
    looked = " and ".join(dict.fromkeys(os.path.normpath(candidate) for candidate in candidates))
    return f"There is no {what} {text!r}: looked for {looked}.{_advice(candidates[0])}"


def _advice(base: Path) -> str:
    """The names in the same folder that come close."""
    try:
        names = sorted(entry.name for entry in base.parent.iterdir() if is_file(entry.name))
    except (OSError, ValueError):
        return f" There is no folder {os.path.normpath(base.parent)}."
    wanted = base.name if is_file(base.name) else base.name + ENDINGS[0]
    close = get_close_matches(wanted, names, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
