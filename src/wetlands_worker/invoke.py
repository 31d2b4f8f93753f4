"""How a function of the user is called: with the task's handle where it asks for one, coroutines run to their end.

Which parameter receives the handle:

* each one annotated `RemoteTaskHandle` (the class, or its name in a string; also optional), whatever it is called;
* if there is none, the one named `task`, unless its annotation or its default shows that it is the user's own
  (`task: str`, `task="denoise"`).

What the caller passed is never overwritten. A parameter that stands before others is skipped by the caller's values
when the call would not fit otherwise (`def f(task, x)` called with one value), and always when it is annotated, for
the values of a caller cannot be handles.

Limits: a decorated function is looked at through `__wrapped__` when its wrapper takes any keyword; a wrapper that adds
a `task` of its own to such a call has to declare it.
"""

from _weakref import ref

from wetlands_worker.annotations import means_handle, means_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, AsyncGenerator, Callable, Coroutine, Dict, Mapping, Optional, Sequence, Set, Tuple

    Callback = Callable[..., Any]  # what a user's function takes and gives is the user's
    Arguments = Tuple[Sequence[object], Mapping[str, object]]

NAME = "task"

_VARIABLE_POSITIONAL = 0x04  # inspect.CO_VARARGS; importing inspect takes 10 ms
_VARIABLE_KEYWORD = 0x08  # inspect.CO_VARKEYWORDS


async def _coroutine() -> None:
    """Show of what type coroutines are."""


async def _asynchronous_generator() -> "AsyncGenerator[None, None]":
    yield


if TYPE_CHECKING:
    from types import FunctionType as _Function
else:
    _Function = type(_coroutine)


class _Shown:
    def method(self) -> None:
        """Show of what type bound methods are."""


_shown = _coroutine()
_Coroutine = type(_shown)
_shown.close()
_AsynchronousGenerator = type(_asynchronous_generator())
_Method = type(_Shown().method)
_Builtin = type(len)
_MOST_WRAPPERS = 100
_PLAIN = frozenset((type(None), bool, bytes, dict, float, int, list, str, tuple))


def call(function: "Callback", args: "Sequence[object]", kwargs: "Mapping[str, object]", handle: object) -> object:
    """Call a function, with the handle where it asks for one; run what an `async def` returned to its result.

    Args:
        function: Any callable.
        args: What the caller passed by position.
        kwargs: What the caller passed by name.
        handle: The handle of this task.

    Raises:
        TypeError: It gave an asynchronous generator, which has no result; or the call does not fit the function.
        Exception: Whatever the function raises.
    """
    result = begin(function, args, kwargs, handle)
    kind = type(result)
    if kind in _PLAIN:
        return result
    if hasattr(kind, "__await__"):
        return result_of(result)
    if kind is _AsynchronousGenerator:
        name = getattr(function, "__qualname__", repr(function))
        problem = f"{name} is an asynchronous generator and has no result; use stream(), or let it return a list"
        raise TypeError(problem)
    return result


def begin(function: "Callback", args: "Sequence[object]", kwargs: "Mapping[str, object]", handle: object) -> "Any":
    """Call a function, with the handle where it asks for one; what it returns is left as it is."""
    known = _known.get(id(function))
    receivers = known[1] if known is not None and known[0]() is function else _remember(function)
    for receiver in receivers:
        args, kwargs = receiver.place(args, kwargs, handle)
    return function(*args, **kwargs)


def result_of(awaitable: "Any") -> object:
    """Run an awaitable to its end, in an event loop of its own."""
    import asyncio  # noqa: PLC0415 - it takes 75 ms

    async def wait() -> object:
        return await awaitable

    coroutine: "Coroutine[Any, Any, object]" = awaitable if type(awaitable) is _Coroutine else wait()
    try:
        return asyncio.run(coroutine)
    finally:
        coroutine.close()  # asyncio refuses to run it where a loop already runs


class Parameters:
    """The parameters of a callable as far as they matter here, however they were found out."""

    __slots__ = ("annotated", "any_positional", "keyword_only", "optional", "own", "positional", "positional_only")

    def __init__(self) -> None:
        self.positional: "Tuple[str, ...]" = ()
        self.positional_only = 0
        """How many of the positional ones cannot be passed by name."""
        self.any_positional = False
        self.keyword_only: "Tuple[str, ...]" = ()
        self.optional: "Set[str]" = set()
        self.annotated: "Set[str]" = set()
        """Those annotated as a handle."""
        self.own: "Set[str]" = set()
        """Those that cannot be meant for a handle."""

    def receivers(self) -> "Tuple[Receiver, ...]":
        """The parameters that receive the handle."""
        names = (*self.positional, *self.keyword_only)
        annotated = [name for name in names if name in self.annotated and name not in self.own]
        if annotated:
            return tuple(Receiver(self, name) for name in annotated)
        return (Receiver(self, NAME),) if NAME in names and NAME not in self.own else ()

    def describe(
        self, name: str, annotation: object, default: object, namespace: "Mapping[str, object]", *, bound: bool = False
    ) -> None:
        """Note what the annotation and the default (None: there is none, or it is None) of one parameter say."""
        if not bound and means_handle(annotation, namespace):
            self.annotated.add(name)
        elif bound or default is not None or means_own(annotation, namespace):
            self.own.add(name)


class Receiver:
    """A parameter that receives the handle, and what must be known of its function to put it there."""

    __slots__ = ("_annotated", "_index", "_limit", "_name", "_positional", "_positional_only", "_required")

    def __init__(self, parameters: Parameters, name: str) -> None:
        self._name = name
        self._annotated = name in parameters.annotated
        self._positional = parameters.positional
        self._index = parameters.positional.index(name) if name in parameters.positional else None
        self._positional_only = self._index is not None and self._index < parameters.positional_only
        self._limit = None if parameters.any_positional else len(parameters.positional)
        self._required = [other for other in parameters.positional if other not in parameters.optional]

    def place(self, args: "Sequence[object]", kwargs: "Mapping[str, object]", handle: object) -> "Arguments":
        """The arguments with the handle among them, or as they are when the caller passed this parameter."""
        index, given = self._index, len(args)
        if self._name in kwargs and not self._positional_only:
            return args, kwargs
        if index is None or (given <= index and not self._positional_only):
            return args, {**kwargs, self._name: handle}
        if given == index or (given > index and self._makes_room(given, kwargs)):
            return (*args[:index], handle, *args[index:]), kwargs
        return args, kwargs

    def _makes_room(self, given: int, kwargs: "Mapping[str, object]") -> bool:
        """Whether the values passed by position belong behind the handle."""
        if self._limit is not None and given >= self._limit:
            return False
        behind = self._positional[given:]
        if behind and behind[0] in kwargs:
            return False
        return self._annotated or any(name in self._required and name not in kwargs for name in behind)


_known: "Dict[int, Tuple[Callable[[], object], Tuple[Receiver, ...]]]" = {}


def _remember(function: "Callback") -> "Tuple[Receiver, ...]":
    """What receives the handle; remembered while the function lives, without keeping it (and its module) alive."""
    parameters = _parameters(function)
    receivers = () if parameters is None else parameters.receivers()
    key = id(function)
    try:
        _known[key] = (ref(function, lambda _: _known.pop(key, None)), receivers)
    except TypeError:  # it cannot be referred to weakly, and is looked at again at the next call
        pass
    return receivers


def _parameters(function: "Callback") -> "Optional[Parameters]":
    kind = type(function)
    if kind is _Builtin:  # C functions know nothing of handles
        return None
    plain = function.__func__ if kind is _Method else function  # type: ignore[attr-defined]  # a method has it
    if not isinstance(plain, _Function) or hasattr(plain, "__signature__"):
        return _by_inspection(function)
    skip = int(kind is _Method)
    own = _by_code(plain, skip)
    inner = _innermost(plain)
    if inner is plain or not isinstance(inner, _Function) or not plain.__code__.co_flags & _VARIABLE_KEYWORD:
        return own
    if NAME in own.positional or NAME in own.keyword_only or own.annotated:
        return own
    wrapped = _by_code(inner, skip)
    if not own.any_positional:  # it takes what the inner function takes by name alone
        wrapped.keyword_only += wrapped.positional[wrapped.positional_only :]
        wrapped.positional = ()
    return wrapped


def _innermost(function: object) -> object:
    for _ in range(_MOST_WRAPPERS):
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
    return function


def _by_code(function: _Function, skip: int) -> Parameters:
    """The parameters of a function written in Python, without its first `skip` ones."""
    code: "CodeType" = function.__code__
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    found = Parameters()
    found.positional = names[skip:count]
    found.positional_only = max(code.co_posonlyargcount - skip, 0)
    found.keyword_only = names[count : count + keyword_only]
    found.any_positional = bool(code.co_flags & _VARIABLE_POSITIONAL)
    defaults: "Dict[str, object]" = dict(function.__kwdefaults__ or {})
    values = function.__defaults__ or ()
    defaults.update(zip(names[count - len(values) : count], values))
    found.optional = set(defaults)
    annotations = _annotations(function)
    for name in (*found.positional, *found.keyword_only):
        if name == NAME or name in annotations:
            found.describe(name, annotations.get(name, ""), defaults.get(name), function.__globals__)
    return found


def _annotations(function: _Function) -> "Mapping[str, object]":
    try:
        return function.__annotations__
    except Exception:  # noqa: BLE001 - from Python 3.14 on they are evaluated now, and may name what is not imported
        library: "Any" = __import__("annotationlib")  # unknown to the checkers of our floor
        found: "Mapping[str, object]" = library.get_annotations(function, format=library.Format.FORWARDREF)
        return found


def _by_inspection(function: "Callback") -> "Optional[Parameters]":
    """The parameters of any other callable; None when it does not tell them."""
    import functools  # noqa: PLC0415 - inspect needs it too
    import inspect  # noqa: PLC0415 - it takes 10 ms

    try:
        signature = inspect.signature(function)
    except Exception:  # noqa: BLE001 - the call itself will show whether the callable is sound
        return None
    bound = function.keywords if isinstance(function, functools.partial) else {}
    found = Parameters()
    for parameter in signature.parameters.values():
        name, kind = parameter.name, parameter.kind
        if kind is parameter.VAR_POSITIONAL:
            found.any_positional = True
        elif kind is parameter.KEYWORD_ONLY:
            found.keyword_only += (name,)
        elif kind is not parameter.VAR_KEYWORD:
            found.positional += (name,)
            found.positional_only += kind is parameter.POSITIONAL_ONLY
        default = None if parameter.default is parameter.empty else parameter.default
        if parameter.default is not parameter.empty:
            found.optional.add(name)
        annotation = "" if parameter.annotation is parameter.empty else parameter.annotation
        found.describe(name, annotation, default, getattr(function, "__globals__", {}), bound=name in bound)
    return found
