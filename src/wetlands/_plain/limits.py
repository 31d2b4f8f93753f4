"""How much a worker that is not trusted may send at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._platform.segment import memory_of_machine

if TYPE_CHECKING:
    from wetlands_worker.frames import Connection

__all__ = ["INTRODUCTION", "distrust"]

INTRODUCTION = (1 << 20, 0, 0)
"""For what a worker says before anything is known of it."""

_BODY_SHARE = 64
"""A value of many small things takes up to 50 times as much memory as its bytes, so they are a small part of it."""

_LEAST_BODY = 64 << 20
_INLINE_SHARE = 4
_MOST_BUFFERS = 1 << 20
_CONTROL = (1 << 26, 0, 0)


def distrust(call: Connection, control: Connection) -> None:
    """Bound what is received from a worker by the memory of this machine; what is more fails its call."""
    memory = memory_of_machine()
    call.limits = max(_LEAST_BODY, memory // _BODY_SHARE), memory // _INLINE_SHARE, _MOST_BUFFERS
    control.limits = _CONTROL
