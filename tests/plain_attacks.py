"""Pickles that do harm where they are loaded, and how they are refused."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from wetlands._plain.decoding import decode_plain
from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

RAN: list[str] = []


def run(what: str) -> str:
    """What no value may lead to."""
    RAN.append(what)
    return what


def refused(body: bytes, buffers: Sequence[object] = ()) -> str:
    """How a value is refused; within seconds, and without much memory."""
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError) as caught:
            decode_plain(body, buffers)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 30
    assert [] == RAN
    return str(caught.value)


def name(module: str, word: str) -> bytes:
    return b"".join(b"\x8c" + bytes((len(text),)) + text.encode() for text in (module, word)) + b"\x93"


def call(module: str, word: str, arguments: object) -> bytes:
    """A pickle that calls something with arguments that are plain."""
    inner = pickle.dumps(arguments, 4)[:-1]
    frame = inner.find(b"\x95")
    plain = inner[frame + 9 :] if frame == 2 else inner[2:]
    return b"\x80\x05" + name(module, word) + plain + b"R."
