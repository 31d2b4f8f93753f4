"""A module of another environment, as if it were imported here: one callable per public function of its file."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wetlands._modules.source import Unevaluated, read, stamp
from wetlands._modules.target import is_file, resolve
from wetlands.exceptions import ModuleNotResolvedError
from wetlands_worker.annotations import means_handle, means_own
from wetlands_worker.invoke import NAME

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from wetlands._modules.source import FunctionSource, ModuleSource

    Execute = Callable[[str, str, tuple[object, ...], dict[str, object]], object]

_FILLED_IN = Unevaluated("<the task's handle>")


class ModuleProxy:
    """Calls the functions of one file through `execute`; their names, signatures and docstrings are the file's.

    A generator function that has no decorators is called through `stream`, so calling it gives a `Stream`.

    A function that is defined later, by an edit of the file, is found when it is first asked for. A parameter that
    receives the task's handle is left out of the signature shown, or optional where it could also be the user's own.

    Args:
        source: What the file offers.
        execute: Runs a function: target, function name, arguments, keyword arguments.
        stream: The same for a generator function.
    """

    def __init__(self, source: ModuleSource, execute: Execute, stream: Execute) -> None:
        self._source = source
        self._execute = execute
        self._stream = stream
        self._stamp = stamp(source.path)
        self._callables: dict[str, Callable[..., Any]] = {}
        self.__name__ = Path(source.path).stem
        self.__file__ = source.path
        self.__doc__ = source.doc

    @classmethod
    def of(cls, module: str | os.PathLike[str], execute: Execute, stream: Execute) -> ModuleProxy:
        """The proxy of a file, with or without `.py`, relative to the current folder.

        Raises:
            ModuleNotResolvedError: There is no such file, or it cannot be read as Python.
        """
        target = resolve(module)
        if not is_file(target):
            raise ModuleNotResolvedError(
                f"There is no file {target + '.py'!r} in {Path.cwd()} to read functions from. Give the path of one; "
                f"a module that is installed in the environment is called with execute({target!r}, function)."
            )
        return cls(read(target), execute, stream)

    def __getattr__(self, name: str) -> Callable[..., Any]:  # what a user's function gives is the user's
        if name.startswith("__") or "_callables" not in vars(
            self
        ):  # asked by a protocol of Python: copy, pickle, inspect
            raise AttributeError(f"a module proxy has no attribute {name!r}")
        made = self._callables.get(name)
        if made is not None:
            return made
        if name not in self._source.functions:
            self._read_again()
        function = self._source.functions.get(name)
        if function is None:
            raise AttributeError(self._no_such(name))
        made = self._callables[name] = self._callable(function)
        return made

    def __dir__(self) -> list[str]:
        self._read_again()
        return sorted(self._source.functions)

    def __repr__(self) -> str:
        return f"<module proxy {self.__name__!r} of {self.__file__!r}>"

    def _callable(self, function: FunctionSource) -> Callable[..., Any]:
        target, name = self._source.path, function.name
        run = self._stream if function.generator else self._execute

        def call(*args: object, **kwargs: object) -> object:
            return run(target, name, args, kwargs)

        call.__name__ = call.__qualname__ = name
        call.__doc__ = function.doc
        call.__module__ = self.__name__
        call.__signature__ = _without_handle(function.signature)  # type: ignore[attr-defined]  # read by inspect
        return call

    def _read_again(self) -> None:
        now = stamp(self._source.path)
        if now is not None and now != self._stamp:
            self._source, self._stamp = read(self._source.path), now
            self._callables.clear()

    def _no_such(self, name: str) -> str:
        names = list(self._source.functions)
        close = get_close_matches(name, names, n=3, cutoff=0.6)
        offer = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"It has: {', '.join(names) or 'none'}."
        return f"{self._source.path} has no public function {name!r}. {offer}"


def _without_handle(signature: inspect.Signature) -> inspect.Signature:
    """The signature for those who call: see `wetlands_worker.invoke` for which parameter receives the handle."""
    parameters = list(signature.parameters.values())
    named = [parameter for parameter in parameters if parameter.kind not in (_ANY_POSITIONAL, _ANY_KEYWORD)]
    handles = [parameter for parameter in named if means_handle(parameter.annotation)]
    if handles:
        return signature.replace(parameters=[parameter for parameter in parameters if parameter not in handles])
    receiver = next((parameter for parameter in named if parameter.name == NAME and _may_receive(parameter)), None)
    if receiver is None:
        return signature
    kept = [parameter for parameter in parameters if parameter is not receiver]
    place = next((index for index, parameter in enumerate(kept) if parameter.kind is _ANY_KEYWORD), len(kept))
    if receiver.kind is not inspect.Parameter.POSITIONAL_ONLY:
        kept.insert(place, receiver.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=_FILLED_IN))
    return signature.replace(parameters=kept)


_ANY_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_ANY_KEYWORD = inspect.Parameter.VAR_KEYWORD


def _may_receive(parameter: inspect.Parameter) -> bool:
    if parameter.default not in (inspect.Parameter.empty, None):
        return False
    return parameter.annotation is inspect.Parameter.empty or not means_own(parameter.annotation)
