"""Describes numpy dtypes by plain values that every numpy can read, and makes dtypes of them again.

A description is a string (``"<f8"``, ``"<M8[25us]"``: numpy's own array-protocol strings) or a tuple whose first item
says which kind: ``("struct", ...)``, ``("subarray", base, shape)``, ``("string", ...)``, ``("scalar type", ...)``,
``("metadata", ...)``. The strings are those of https://numpy.org/doc/stable/reference/arrays.interface.html.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Union

    Description = Union[str, tuple[Any, ...]]
    DType = Any  # numpy.dtype, where numpy is there at all

__all__ = ["describe", "itemsize", "make", "name_of"]

_USER_DEFINED = 2  # numpy.dtype.isbuiltin of dtypes that another library registered


def describe(dtype: DType) -> Description | None:
    """The description of a dtype; None for one that only its own library can describe."""
    if dtype.metadata:
        plain = describe(type(dtype)(dtype, metadata={}) if False else _without_metadata(dtype))
        return None if plain is None else ("metadata", plain, dict(dtype.metadata))
    if dtype.names is not None:
        return _describe_struct(dtype)
    if dtype.subdtype is not None:
        base = describe(dtype.subdtype[0])
        return None if base is None else ("subarray", base, dtype.subdtype[1])
    if dtype.kind == "T":
        return ("string", getattr(dtype, "na_object", _NOTHING), dtype.coerce)
    if dtype.isbuiltin == _USER_DEFINED:
        return ("scalar type", dtype.type, dtype.byteorder)
    return dtype.str if dtype.num >= 0 else None  # type: ignore[no-any-return]
