"""What plain values may name, and who builds it: functions that check each argument, and never the class itself."""

from __future__ import annotations

import datetime as dt
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from wetlands._plain import arrays
from wetlands._plain.scan import damaged
from wetlands_worker import stdlib_values

if TYPE_CHECKING:
    from collections.abc import Callable

    Name = tuple[str, str]

__all__ = ["NAMES", "builder", "hint"]

# Any: what has not been checked yet.

_PATHS = frozenset(("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath"))
_FORMATS = frozenset("?cbBhHiIlLqQfd")
_TYPECODES = frozenset("bBhHiIlLqQfd")
_FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?\Z")
_FRACTION_BITS = 1 << 16
_INTEGER_BITS = 1 << 12
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,60}(?:/[A-Za-z0-9_+-]{1,60}){0,3}\Z")
_DECIMAL_DIGITS = 1 << 20


def _only(kinds: tuple[type, ...], build: Callable[..., object], *, most: int) -> Callable[..., object]:
    """Call something with so many arguments of these very types only."""

    def built(*arguments: object) -> object:
        if len(arguments) > most or not all(type(one) in kinds and _is_short(one) for one in arguments):
            raise damaged(f"{getattr(build, '__name__', build)} is built of something else")
        return build(*arguments)

    return built


def _is_short(number: object) -> bool:
    """Not an integer of megabytes, whose arithmetic takes for ever."""
    return not isinstance(number, int) or number.bit_length() <= _INTEGER_BITS


def _bytes(memory: Any) -> bytes:  # noqa: ANN401 - see above
    return bytes(memoryview(arrays.memory_of(memory)))


def _bytearray(memory: Any) -> bytearray:  # noqa: ANN401 - see above
    return bytearray(memoryview(arrays.memory_of(memory)))


def _path(kind: Any, text: Any) -> object:  # noqa: ANN401 - see above
    if kind not in _PATHS or type(text) is not str:
        raise damaged("a path of another kind")
    return stdlib_values.make_path(kind, text)


def _memoryview(form: Any, shape: Any, memory: Any) -> memoryview:  # noqa: ANN401 - see above
    if form not in _FORMATS or type(shape) is not tuple or any(type(side) is not int or side < 0 for side in shape):
        raise damaged("a memoryview of another kind")
    return stdlib_values.make_memoryview(form, shape, memoryview(arrays.memory_of(memory)))


def _array(typecode: Any, itemsize: Any, memory: Any) -> object:  # noqa: ANN401 - see above
    if typecode not in _TYPECODES or type(itemsize) is not int:
        raise damaged("an array.array of another kind")
    return stdlib_values.make_array(typecode, itemsize, arrays.memory_of(memory))


def _uuid(number: Any, safe: Any = None) -> object:  # noqa: ANN401 - see above
    if type(number) is not int or number < 0 or number >> 128 or safe not in {None, 0, -1}:
        raise damaged("a UUID of another kind")
    return stdlib_values.make_uuid(number, safe)


def _date(*state: Any) -> object:  # noqa: ANN401 - see above
    return _moment(dt.date, state)


def _datetime(*state: Any) -> object:  # noqa: ANN401 - see above
    return _moment(dt.datetime, state)


def _time(*state: Any) -> object:  # noqa: ANN401 - see above
    return _moment(dt.time, state)


def _moment(kind: type, state: tuple[Any, ...]) -> object:
    """A date or time of its bytes, which its own class takes as they are: ``replace`` looks whether they make sense."""
    zones = (dt.timezone, *_zone_kinds())
    if not state or type(state[0]) is not bytes or any(type(zone) not in zones for zone in state[1:]):
        raise damaged(f"{kind.__name__} is built of something else")
    made: Any = kind(*state)
    return made.replace()


def _zone_kinds() -> tuple[type, ...]:
    zoneinfo = sys.modules.get("zoneinfo")
    return () if zoneinfo is None else (zoneinfo.ZoneInfo,)


def _zone(key: Any) -> object:  # noqa: ANN401 - see above
    if type(key) is not str or _ZONE.match(key) is None:
        raise damaged("a time zone of another kind")
    return stdlib_values.make_zone(key)


def _timezone(*arguments: Any) -> object:  # noqa: ANN401 - see above
    offset, *name = arguments
    if type(offset) is not dt.timedelta or [str] * len(name) != list(map(type, name)):
        raise damaged("a time zone of another kind")
    return dt.timezone(offset, *name)


def _decimal(text: Any) -> object:  # noqa: ANN401 - see above
    from decimal import Decimal  # noqa: PLC0415 - most values hold none

    if type(text) is not str or len(text) > _DECIMAL_DIGITS:
        raise damaged("a Decimal of another kind")
    return Decimal(text)


def _fraction(*parts: Any) -> object:  # noqa: ANN401 - see above
    from fractions import Fraction  # noqa: PLC0415 - most values hold none

    if len(parts) == 1 and type(parts[0]) is str and _FRACTION.match(parts[0]):
        return Fraction(*map(int, parts[0].split("/")))
    if len(parts) != 2 or any(type(part) is not int or part.bit_length() > _FRACTION_BITS for part in parts):  # noqa: PLR2004 - both parts
        raise damaged("a Fraction of another kind")
    return Fraction(*parts)


def _same(buffer: Any) -> object:  # noqa: ANN401 - see above
    return arrays.memory_of(buffer)


_NUMBERS = (int, type(None))
_CONSTANTS: dict[Name, object] = {("builtins", "Ellipsis"): Ellipsis, ("builtins", "NotImplemented"): NotImplemented}
_BUILDERS: dict[Name, Callable[..., object]] = {
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "complex"): _only((float, int), complex, most=2),
    ("builtins", "range"): _only((int,), range, most=3),
    ("builtins", "slice"): _only(_NUMBERS, slice, most=3),
    ("datetime", "date"): _date,
    ("datetime", "datetime"): _datetime,
    ("datetime", "time"): _time,
    ("datetime", "timedelta"): _only((int,), dt.timedelta, most=3),
    ("datetime", "timezone"): _timezone,
    ("decimal", "Decimal"): _decimal,
    ("fractions", "Fraction"): _fraction,
    ("wetlands_worker.pieces", "same"): _same,
    ("wetlands_worker.stdlib_values", "make_array"): _array,
    ("wetlands_worker.stdlib_values", "make_memoryview"): _memoryview,
    ("wetlands_worker.stdlib_values", "make_path"): _path,
    ("wetlands_worker.stdlib_values", "make_uuid"): _uuid,
    ("wetlands_worker.stdlib_values", "make_zone"): _zone,
    **{
        ("wetlands_worker.array_values", name): getattr(arrays, name)
        for name in ("fill", "make_array", "make_dtype", "make_masked", "make_scalar", "make_shared", "make_view")
    },
}
_EMPTY: Name = ("wetlands_worker.array_values", "make_empty")

NAMES = frozenset((*_BUILDERS, *_CONSTANTS, _EMPTY))
"""What a plain value may name."""

_HINTS: dict[Name, str] = {
    ("wetlands_worker.array_values", "make_item"): "return its fields, or an array of numbers or text",
    ("wetlands_worker.array_values", "set_attributes"): "return numpy.asarray() of it",
    ("wetlands_worker.callbacks", "_returned"): "a callable of this program cannot be given back",
    ("wetlands_worker.shared", "make_shared"): "return a copy of the shared array, or write into one that was passed",
}


def hint(name: Name) -> str:
    """What to do instead of something that is not plain; empty where there is nothing special to say."""
    return _HINTS.get(name, "")


def builder(name: Name, length: int) -> object:
    """What builds a value that one of `NAMES` stands for, in a pickle of so many bytes."""
    if name == _EMPTY:
        return partial(arrays.make_empty, length)
    return _CONSTANTS[name] if name in _CONSTANTS else _BUILDERS[name]
