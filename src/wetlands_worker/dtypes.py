"""Describes numpy dtypes by plain values that every numpy can read, and makes dtypes of them again.

A description is a string (``"<f8"``, ``"<M8[25us]"``: numpy's own array-protocol strings) or a tuple whose first item
says its kind: ``("struct", ...)``, ``("record", struct)``, ``("typed", class, struct)``, ``("subarray", base, shape)``,
``("string", na_object, coerce)``, ``("scalar type", class, byteorder)``, ``("metadata", description, dict)``.
The strings are those of https://numpy.org/doc/stable/reference/arrays.interface.html.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Union

    Description = Union[str, tuple[Any, ...]]
    DType = Any  # a numpy.dtype; numpy has no types where it is not installed

__all__ = ["describe", "itemsize", "make"]

_USER_DEFINED = 2  # numpy.dtype.isbuiltin of dtypes that another library registered


def describe(dtype: "DType") -> "Description | None":
    """The description of a dtype; None for one that only its own library can describe."""
    if dtype.names is not None:
        plain = _describe_struct(dtype)
    elif dtype.subdtype is not None:
        base, shape = dtype.subdtype
        inner = describe(base)
        plain = None if inner is None else ("subarray", inner, shape)
    elif dtype.isbuiltin == _USER_DEFINED:
        plain = ("scalar type", dtype.type, dtype.byteorder)
    elif dtype.kind == "T":
        # Without a missing-value object the attribute does not exist; None is a legitimate one, hence the tuple.
        plain = ("string", (dtype.na_object,) if hasattr(dtype, "na_object") else (), dtype.coerce)
    else:
        plain = dtype.str if dtype.num >= 0 else None
    return ("metadata", plain, dict(dtype.metadata)) if dtype.metadata and plain is not None else plain


def _describe_struct(dtype: "DType") -> "Description | None":
    fields = [dtype.fields[name] for name in dtype.names]
    formats = [describe(field[0]) for field in fields]
    if None in formats:
        return None
    offsets = [field[1] for field in fields]
    titles = [field[2] if len(field) > 2 else None for field in fields]  # noqa: PLR2004 - (dtype, offset[, title])
    struct = ("struct", list(dtype.names), formats, offsets, titles, dtype.itemsize, dtype.isalignedstruct)
    scalar = dtype.type
    if scalar.__name__ == "void" and scalar.__module__ == "numpy":
        return struct
    # By name, so that it also passes through a Python without numpy. It lives in another module of numpy 1.
    return ("record", struct) if scalar.__name__ == "record" else ("typed", scalar, struct)


def make(numpy: "ModuleType", description: "Description") -> "DType":
    """The dtype of a description.

    Raises:
        TypeError: This numpy has no such dtype.
    """
    try:
        return numpy.dtype(description) if isinstance(description, str) else _make(numpy, *description)
    except (TypeError, ValueError, AttributeError) as error:
        kind = description if isinstance(description, str) else description[0]
        msg = f"numpy {numpy.__version__} has no dtype {kind!r}" + (
            " (it came with numpy 2)" if kind == "string" else ""
        )
        raise TypeError(msg) from error


def _make(numpy: "ModuleType", kind: str, *details: "Any") -> "DType":
    if kind == "struct":
        names, formats, offsets, titles, size, aligned = details
        fields = {
            "names": names,
            "formats": [make(numpy, form) for form in formats],
            "offsets": offsets,
            "itemsize": size,
        }
        if any(title is not None for title in titles):
            fields["titles"] = titles
        return numpy.dtype(fields, align=aligned)
    if kind == "string":
        na_object, coerce = details
        return numpy.dtypes.StringDType(coerce=coerce, **dict(zip(("na_object",), na_object)))
    if kind == "scalar type":
        return numpy.dtype(details[0]).newbyteorder(details[1])
    base = make(numpy, details[-1] if kind in {"record", "typed"} else details[0])
    if kind == "metadata":
        return numpy.dtype(base, metadata=details[1])
    return numpy.dtype((base, details[1]) if kind == "subarray" else (_scalar_class(numpy, details), base))


def _scalar_class(numpy: "ModuleType", details: "tuple[Any, ...]") -> "Any":
    return numpy.record if len(details) == 1 else details[0]


def itemsize(description: "Description") -> int:
    """The bytes of one item, found without numpy; 0 where only numpy knows."""
    if isinstance(description, str):
        digits = description[2:].split("[")[0]
        return int(digits) * (4 if description[1] == "U" else 1) if digits.isdigit() else 0
    kind, details = description[0], description[1:]
    if kind == "struct":
        return int(details[4])
    if kind in {"record", "typed"}:
        return itemsize(details[-1])
    return itemsize(details[0]) if kind == "metadata" else 0
