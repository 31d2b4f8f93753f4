"""Finds the part of a value that could not be encoded, and says why: a second look, taken only after a failure.

The value is pickled once more with a pickler that remembers what it visited: pickle visits an object before anything in
it, so the last one visited is the culprit, or something on its way. Where it sits is then found by walking the
containers and attributes of the value until an object of that identity turns up. Both are bounded, neither recurses.
"""

import sys
from collections import deque

from wetlands_worker.foreign_names import brief
from wetlands_worker.values import ValuePickler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Union

    Step = Union[int, str]

    Name = Union[str, tuple[str, ...]]

__all__ = ["explain"]

_REMEMBERED = 1000  # visited objects, the latest
_PROBES = 20  # candidates that are pickled alone to see whether they fail
_STEPS = 2_000_000  # items looked at on the way to the culprit
_SHOWN_STEPS = 8  # of a path that is longer, at either end
_SHOWN_KEY = 60  # characters
_ATOMS = frozenset((str, bytes, int, float, complex, bool, type(None)))
_FUNCTION = type(lambda: None)
_GENERATOR = type(_ for _ in ())


def explain(
    value: object, name: "Name", error: BaseException, spares: "Callable[[object], bool] | None" = None
) -> "tuple[str, str, str]":
    """The path, reason and type name of the part that raised ``error``.

    Args:
        value: What could not be encoded.
        name: What the value is called; for a tuple, possibly one name for each item.
        error: What its encoding raised.
        spares: Whether the pickler that failed takes care of a part by itself.
    """
    try:
        return _explain(value, name, error, spares)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a user's class may raise anything when it is looked at
        return _spell((), name), f"its pickling raised {type(error).__name__}", _type_name(value)


def _explain(
    value: object, name: "Name", error: BaseException, spares: "Callable[[object], bool] | None"
) -> "tuple[str, str, str]":
    if isinstance(error, MemoryError):
        return _spell((), name), "there is not enough memory to encode it", _type_name(value)
    suspects = _suspects(value, spares, too_deep=isinstance(error, RecursionError))
    steps, part = _locate(value, suspects)
    return _spell(steps, name), _reason(suspects[0] if suspects else value, error), _type_name(part)


class _TracingPickler(ValuePickler):
    """A pickler that remembers the objects it visited last."""

    visited: "deque[object]"
    spares: "Callable[[object], bool] | None"

    def persistent_id(self, value: object) -> "str | None":
        if type(value) in _ATOMS:
            return None
        if self.spares is not None and self.spares(value):
            return "spared"
        self.visited.append(value)
        return None


class _Nowhere:
    """A file that forgets."""

    def write(self, chunk: object) -> None:
        pass


def _fails(value: object, visited: "deque[object]", spares: "Callable[[object], bool] | None") -> bool:
    pickler = _TracingPickler(_Nowhere(), 5, buffer_callback=lambda _: False)
    pickler.visited = visited
    pickler.spares = spares
    try:
        pickler.dump(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a user's __reduce__ may raise anything
        return True
    return False


def _suspects(value: object, spares: "Callable[[object], bool] | None", *, too_deep: bool) -> "list[object]":
    """What may be the culprit, the most likely one first, then what was visited before it."""
    visited: "deque[object]" = deque(maxlen=_REMEMBERED)
    if not _fails(value, visited, spares):
        return []  # it failed once and not again
    suspects = list(reversed(visited))
    if too_deep:
        return suspects  # each of them alone is not too deep
    for index, suspect in enumerate(suspects[:_PROBES]):
        if _fails(suspect, deque(maxlen=1), spares):
            return suspects[index:]
    return suspects


def _locate(value: object, suspects: "list[object]") -> "tuple[tuple[Step, ...], object]":
    """The steps to the likeliest suspect that can be reached from ``value``, and that suspect."""
    ranks: "dict[int, int]" = {}
    for rank, suspect in enumerate(suspects):
        ranks.setdefault(id(suspect), rank)
    best = ranks.get(id(value), len(suspects))
    found: "tuple[tuple[Step, ...], object]" = (), value
    seen = {id(value): value}  # the objects too: an attribute made for us would free its identity for another
    trail: "list[Step]" = []
    open_parts = [_parts(value)]
    for _ in range(_STEPS):
        if best == 0 or not open_parts:
            break
        step, part = _next(open_parts[-1])
        if step is None:
            open_parts.pop()
            del trail[-1:]
            continue
        if type(part) in _ATOMS or id(part) in seen:
            continue
        seen[id(part)] = part
        trail.append(step)
        open_parts.append(_parts(part))
        if ranks.get(id(part), best) < best:
            best, found = ranks[id(part)], (tuple(trail), part)
    return found


def _next(parts: "Iterator[tuple[Step, object]]") -> "tuple[Step | None, object]":
    try:
        return next(parts, (None, None))
    except Exception:  # noqa: BLE001 - a user's class may raise anything when it is looked at
        return None, None


def _parts(value: object) -> "Iterator[tuple[Step, object]]":
    """What a value is made of, each with the expression that leads to it."""
    if isinstance(value, dict):
        for index, (key, item) in enumerate(value.items()):
            yield f".keys()[{index}]", key
            yield f"[{_key(key)}]", item
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field, item in zip(value._fields, value):
            yield f".{field}", item
    elif isinstance(value, (list, tuple, deque)):
        yield from enumerate(value)
    elif isinstance(value, (set, frozenset)):
        for index, item in enumerate(value):
            yield f"{{{index}}}", item
    elif _is_array(value):
        yield from _elements(value)
    if not isinstance(value, (type, _FUNCTION)):
        yield from _attributes(value)


def _attributes(value: object) -> "Iterator[tuple[Step, object]]":
    for name in _attribute_names(value):
        try:
            item = getattr(value, name)
        except Exception:  # noqa: BLE001, S112 - a user's __getattr__ may raise anything
            continue
        yield f".{name}", item


def _attribute_names(value: object) -> "Iterator[str]":
    if isinstance(value, BaseException):
        yield "args"
    if hasattr(value, "__self__"):  # a method
        yield "__self__"
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        yield from ("func", "args", "keywords")
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots
    yield from list(getattr(value, "__dict__", ()))


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy, "ndarray", ()))


def _elements(array: "Any") -> "Iterator[tuple[Step, object]]":
    if array.dtype.names is not None:
        for name in array.dtype.names:
            yield f"[{name!r}]", array[name]
    elif array.dtype.hasobject:
        for index, item in enumerate(array.flat):
            yield (index if array.ndim == 1 else f".flat[{index}]"), item


def _key(key: object) -> str:
    """A key as it is written in a program; of keys that could be long or fail to say, their type."""
    if type(key) in _ATOMS:
        text = repr(key)
        return text if len(text) <= _SHOWN_KEY else text[:_SHOWN_KEY] + "..."
    return f"<{_type_name(key)}>"


def _spell(steps: "tuple[Step, ...]", name: "Name") -> str:
    if not isinstance(name, str):
        if steps and isinstance(steps[0], int) and steps[0] < len(name):
            return name[steps[0]] + _join(steps[1:])
        name = f"({', '.join(name)})"
    return name + _join(steps)


def _join(steps: "tuple[Step, ...]") -> str:
    words = [f"[{step}]" if isinstance(step, int) else step for step in steps]
    if len(words) > 2 * _SHOWN_STEPS:
        words[_SHOWN_STEPS:-_SHOWN_STEPS] = [f"...({len(words) - 2 * _SHOWN_STEPS} more)..."]
    return "".join(words)


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _reason(culprit: object, error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return f"it is nested deeper than the recursion limit of {sys.getrecursionlimit()} allows; flatten it"
    if isinstance(culprit, (type, _FUNCTION)):
        return (
            f"{'classes' if isinstance(culprit, type) else 'functions'} cross by name, and {brief(error)}; "
            "define it at the top level of a module that both sides can import"
        )
    if isinstance(culprit, _GENERATOR):
        return "a generator cannot cross; call the function that makes it with stream(), or make a list of it"
    return f"{brief(error)}; create it on the side that uses it, or leave it out (with __getstate__)"
