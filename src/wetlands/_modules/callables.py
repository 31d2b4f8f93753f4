"""A callable of this program, turned into what a worker can call: by its name, or by its source.

The rules, in their order:

1. A `functools.partial` is taken apart. A method of an object is the function of its class, with the object as its
   first argument; so is an object that can be called.
2. What is found under its name in its module (see `home`) goes by that name: functions, classes, static and class
   methods, built-in ones.
3. Any other function of a file that workers can import goes by its source (see `closures`): lambdas, nested functions.
4. All else is refused.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, TypeAlias

from wetlands._modules.closures import source_reference
from wetlands._modules.home import home_of
from wetlands._modules.target import is_file
from wetlands._pool.call import Work
from wetlands._pool.callbacks import encode_arguments
from wetlands_worker import messages
from wetlands_worker.pieces import nested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Callback: TypeAlias = Callable[..., Any]  # what a user's function takes and gives is the user's

Plain: TypeAlias = "tuple[Any, ...]"  # see wetlands_worker.callables

_FAR = "wetlands_worker.callables"
_PLACEHOLDER = getattr(functools, "Placeholder", object())  # from Python 3.14 on


@dataclass(frozen=True)
class Callee:
    """A callable of this program, as workers are told of it.

    Attributes:
        reference: Where a worker finds it; see `wetlands_worker.callables`.
        label: How people are told of it.
        bound: Positional arguments that come with it.
        keywords: Keyword arguments that come with it.
    """

    reference: Plain
    label: str
    bound: tuple[object, ...] = ()
    keywords: Mapping[str, object] | None = None

    @classmethod
    def of(cls, function: Callback) -> Callee:
        """Find out how workers are told of a callable.

        Raises:
            TypeError: It cannot run in another process; the message says why, and what to do.
            RuntimeError: Its file is still being imported.
        """
        bound: tuple[object, ...] = ()
        keywords: dict[str, object] = {}
        while isinstance(function, functools.partial):
            bound = _filled(function.args, bound)
            keywords = {**function.keywords, **keywords}
            function = function.func
        reference, first = refer(function)
        target, name = reference[1], reference[2] if reference[0] == "name" else reference[3]
        label = f"{PurePath(target).stem if is_file(target) else target}:{name}"
        return cls(reference, label, (*first, *bound), keywords)

    def call(self, args: Sequence[object], kwargs: Mapping[str, object]) -> Work:
        """One call of it.

        Raises:
            EncodeError: An argument cannot cross.
        """
        values = (_filled(self.bound, args), {**(self.keywords or {}), **kwargs})
        if self.reference[0] == "name":
            head = messages.pack_target(self.reference[1], self.reference[2])
            return Work(messages.CALL, head, self.label, values)
        return self._wrapped("call", values, "args")

    def call_each(self, rows: Sequence[Sequence[object]]) -> Work:
        """A call of it for each row of positional arguments, one after the other, in one task.

        Raises:
            EncodeError: An argument cannot cross.
        """
        return self._wrapped("call_each", ([_filled(self.bound, row) for row in rows], self.keywords or {}), "rows")

    def _wrapped(self, how: str, values: tuple[object, object], name: str) -> Work:
        body, buffers, callbacks = encode_arguments(values, (name, "kwargs"))
        encoded = (body, nested(buffers))
        work = Work(messages.CALL, messages.pack_target(_FAR, how), self.label, ((self.reference, encoded), {}))
        work.callbacks = callbacks
        return work


def refer(function: Callback, within: tuple[Callback, ...] = ()) -> tuple[Plain, tuple[object, ...]]:
    """Where a worker finds a callable, and the arguments to put first.

    Args:
        function: Anything but a partial.
        within: The functions that captured it, each captured by the one before.

    Raises:
        TypeError: It cannot run in another process.
        RuntimeError: Its file is still being imported.
    """
    if isinstance(function, MethodType) and not isinstance(function.__self__, type):
        reference, first = refer(function.__func__, within)
        return reference, (*first, function.__self__)
    for module, name, first in _names(function):
        if isinstance(module, str) and _stands_for(_looked_up(module, name), function, first):
            return ("name", home_of(module, name), name), first
    if isinstance(function, FunctionType):
        return source_reference(function, within, refer), ()
    message = (
        f"{function!r} cannot run in another process: it is not found under its name in its module. Hand over a "
        "function or class defined at the top level of a file, or a functools.partial of one"
    )
    raise TypeError(message)


def _names(function: Callback) -> list[tuple[object, str, tuple[object, ...]]]:
    """The modules and qualified names under which a callable may be found, with the arguments to put first."""
    own = getattr(function, "__self__", None)
    name = getattr(function, "__qualname__", None)
    if isinstance(own, type):  # a class method
        return [(own.__module__, f"{own.__qualname__}.{function.__name__}", ())]
    if isinstance(function, (MethodDescriptorType, WrapperDescriptorType)):
        return [(function.__objclass__.__module__, str(name), ())]
    if isinstance(function, BuiltinFunctionType) and own is not None and not isinstance(own, ModuleType):
        return [(type(own).__module__, f"{type(own).__qualname__}.{function.__name__}", (own,))]
    found: list[tuple[object, str, tuple[object, ...]]] = []
    if isinstance(name, str) and "<" not in name:
        found.append((getattr(function, "__module__", None), name, ()))
    if not isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, type)):  # it has a __call__
        kind = type(function)
        found.append((kind.__module__, f"{kind.__qualname__}.__call__", (function,)))
    return found


def _looked_up(module: str, name: str) -> object:
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _stands_for(found: object, function: Callback, first: tuple[object, ...]) -> bool:
    if found is None or first:
        return found is not None
    bound = isinstance(found, (MethodType, BuiltinFunctionType))  # made anew at each look
    return found is function or (bound and found == function)


def _filled(bound: Sequence[object], args: Sequence[object]) -> tuple[object, ...]:
    """The positional arguments of a partial and those of the call, in the order of the function's parameters."""
    rest = list(args)
    filled = [rest.pop(0) if one is _PLACEHOLDER and rest else one for one in bound]
    return (*filled, *rest)
