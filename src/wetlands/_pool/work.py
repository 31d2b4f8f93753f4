"""What a call asks for, ready to be sent."""

from __future__ import annotations

import sys
from pickle import dumps
from typing import TYPE_CHECKING, Any

from wetlands._pool.callbacks import encode_arguments
from wetlands._pool.flow import weight_of
from wetlands_worker import messages
from wetlands_worker.handover import Holder
from wetlands_worker.small_arrays import encode_small_arguments
from wetlands_worker.values import are_scalars

if TYPE_CHECKING:
    from wetlands._pool.callbacks import Callbacks

__all__ = ["Work"]

_PROTOCOL = 5
_PAIR = 2  # positional and keyword arguments; streams have more
_FEW = 16
_SHARED = "wetlands_worker.shared"


class Work:
    """What a call asks for: a function of a module, or a script, with its arguments already encoded.

    Large arrays among the arguments are not copied; they are sent from where they lie when a worker takes the call.

    Args:
        kind: CALL, SCRIPT or STREAM.
        head: The target, as `wetlands_worker.messages.pack_target` makes it.
        call_target: How people are told of it.
        values: The arguments.
        timeout: The seconds that it may run.
        keep: Whether the result stays where it is, and a `wetlands.ref.Ref` comes instead.

    Attributes:
        weight: The bytes of shared memory that the arguments take on their way.

    Raises:
        EncodeError: An argument cannot cross; the error names the part.
    """

    __slots__ = (
        *("buffers", "call_target", "callbacks", "head", "holder"),
        *("keep", "kind", "timeout", "values", "weight"),
    )

    def __init__(
        self,
        kind: int,
        head: bytes,
        call_target: str,
        values: tuple[Any, ...],  # Any: the user's
        timeout: float | None = None,
        *,
        keep: bool = False,
    ) -> None:
        self.keep = keep
        self.holder: Holder | None = None
        if _SHARED in sys.modules:  # shared arrays among the arguments are kept until they have arrived
            self.holder = Holder()
            with self.holder:
                self.values, self.buffers, self.callbacks = _encoded(values)
        else:
            self.values, self.buffers, self.callbacks = _encoded(values)
        self.weight = weight_of(self.buffers) if self.buffers else 0
        self.head = head
        self.kind = kind
        self.call_target = call_target
        self.timeout = timeout

    @property
    def may_wait(self) -> bool:
        """Whether it may go on only when something happens in this program."""
        return self.callbacks is not None or self.kind == messages.STREAM

    def release(self) -> None:
        """It will not be sent any more: let go of the arguments, which may be large."""
        self.values, self.buffers, self.holder = b"", [], None


def _encoded(values: tuple[Any, ...]) -> tuple[bytes, list[memoryview], Callbacks | None]:  # Any: the user's
    """The arguments of a call; those of most calls are few and plain, and nothing has to be looked for in them."""
    args, options = values[:2]
    if not options and len(values) == _PAIR and len(args) <= _FEW:
        if are_scalars(args):
            return dumps(values, _PROTOCOL), [], None
        small = encode_small_arguments(args)
        if small is not None:
            return small, [], None
    return encode_arguments(values, ("args", "kwargs"))
