"""What an annotation says about a parameter: that it receives the task's handle, that it is the user's own, or nothing.

Annotations come as objects or as text, from functions in a worker and from sources that the host only reads.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import FrozenSet, List, Mapping, Set

HANDLE = "RemoteTaskHandle"

_BUILTIN = ("bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple")
_COMMON = ("Dict", "List", "Literal", "Mapping", "Path", "Sequence", "Set", "Tuple", "ndarray")
_OWN_TYPES = frozenset((*_BUILTIN, *_COMMON))
_NONE = frozenset(("None", "NoneType"))
_NOTHING: "Mapping[str, object]" = {}


def means_handle(annotation: object, namespace: "Mapping[str, object]" = _NOTHING) -> bool:
    """Whether an annotation is the handle's class, or optionally so.

    Args:
        annotation: A class, a form of `typing`, or text.
        namespace: Where the names of a text mean something: a class under another name is then recognised.
    """
    return _alternatives(annotation, namespace) - _NONE == {HANDLE}


def means_own(annotation: object, namespace: "Mapping[str, object]" = _NOTHING) -> bool:
    """Whether an annotation is of plain values, which no handle is."""
    named = _alternatives(annotation, namespace) - _NONE
    return bool(named) and named <= _OWN_TYPES


def _alternatives(annotation: object, namespace: "Mapping[str, object]") -> "FrozenSet[str]":
    """The names of the classes that an annotation allows, without their modules and parameters."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
    if isinstance(text, str):
        return frozenset(_named(text, namespace))
    origin = getattr(annotation, "__origin__", None)
    if str(origin) == "typing.Union" or type(annotation).__name__ in ("UnionType", "Union"):
        parts = getattr(annotation, "__args__", ())
        return frozenset(name for part in parts for name in _alternatives(part, namespace))
    if annotation is None:
        return _NONE
    known = origin if origin is not None else annotation
    name = getattr(known, "__name__", None) or str(known)
    return frozenset((str(name).rpartition(".")[2],))


def _named(text: str, namespace: "Mapping[str, object]") -> "Set[str]":
    text = text.strip(" \t\n'\"")
    parts = _split(text, "|")
    if len(parts) > 1:
        return {name for part in parts for name in _named(part, namespace)}
    head, _, parameters = text.partition("[")
    name = head.strip().rpartition(".")[2]
    if name in ("Optional", "Union"):
        return {name for part in _split(parameters.rstrip()[:-1], ",") for name in _named(part, namespace)}
    meant = namespace.get(head.strip())
    return {meant.__name__ if isinstance(meant, type) else name}


def _split(text: str, separator: str) -> "List[str]":
    """The parts of a text between separators that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == separator and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
