"""A result that was kept where it is, when it comes as (a part of) the argument of another call."""

from wetlands_worker.values import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["opened"]


def opened(body: bytes, parts: "Sequence[object]") -> object:
    """The value, on the memory that it was kept in.

    Args:
        body: As `wetlands_worker.values.encode` made it.
        parts: Its buffers.
    """
    return decode(body, parts)
