"""What a call asks for, ready to be sent."""

from __future__ import annotations

from wetlands._pool.callbacks import encode_arguments

__all__ = ["Work"]


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

    Raises:
        EncodeError: An argument cannot cross; the error names the part.
    """

    __slots__ = ("buffers", "call_target", "callbacks", "head", "keep", "kind", "timeout", "values")

    def __init__(
        self,
        kind: int,
        head: bytes,
        call_target: str,
        values: tuple[object, ...],
        timeout: float | None = None,
        *,
        keep: bool = False,
    ) -> None:
        self.keep = keep
        self.values, self.buffers, self.callbacks = encode_arguments(values, ("args", "kwargs"))
        self.head = head
        self.kind = kind
        self.call_target = call_target
        self.timeout = timeout

    def release(self) -> None:
        """It will not be sent any more: let go of the arguments, which may be large."""
        self.values, self.buffers = b"", []
