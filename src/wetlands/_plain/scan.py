"""Reads a pickle without building anything: whether all that it names may be built, and at a cost that its size bounds.

The unpickler of CPython asks its `find_class` for most of what a pickle names, but not for all: extension codes that
were seen before are not asked for; a number in a memo instruction allocates as many places; ``BUILD`` and the methods
``append``, ``extend`` and ``__setitem__`` reach into whatever lies on the stack; and a tuple of tuples that are one and
the same takes exponential time to hash, or overflows the stack of C. So only the instructions that the pickler of
protocol 5 writes for plain values get through here, each on a stack of the kinds of things that it is made for.

What an instruction takes and leaves is that of ``Modules/_pickle.c`` (the same from 3.8 to 3.14), and there are no
jumps, so what is read here is what is done there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wetlands_worker.values import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    Name = tuple[str, str]
    Item = int | bytes | str | Name
    Deed = Callable[["_Scan", int], int | None]  # of the place of an instruction; its length, where that is not 1

__all__ = ["refused", "scan"]

_KEY_PARTS = 1000
_WEAK_KEYS = 20_000
_MOST_SETS = 1_000_000
_LONGEST_NAME = 512
_STRONG_INT, _LONGEST_INT = 8, 1 << 17  # bytes
_BYTES_PER_PART = 64

# What lies on the stack: 0 for what is hashed at no cost that matters, or not at all; from 1 up, how many parts hashing
# visits; below 0 the same of a tuple; a short text as its bytes; two texts for what was named; or one of these.
_LIST, _DICT, _SET, _BUFFER = "a list", "a dict", "a set", "a buffer"
_BUILT = 1

_WIDTHS = {ord("N"): 1, 0x88: 1, 0x89: 1, ord("K"): 2, ord("M"): 3, ord("J"): 5, ord("G"): 9}
_RUN = re.compile(rb"[N\x88\x89]+|(?:K.)+|(?:M..)+|(?:J.{4})+|(?:G.{8})+", re.DOTALL)
_SHORT_TEXT, _MEMOIZE, _STOP = 0x8C, 0x94, ord(".")


def refused(module: str, name: str, hint: str = "") -> DecodeError:
    """The error for something that a value names and that is not plain."""
    what = ascii(f"{module}.{name}")[1:-1][:200]
    advice = hint or (
        "return numbers, text, bytes, lists, dicts, sets, dates, paths, or arrays of numbers or text, or launch with "
        'accept="any" if you trust the packages of the environment'
    )
    return DecodeError(f'it holds {what}, and only plain values are accepted here (accept="plain"): {advice}')


def scan(body: bytes, buffers: int, names: Collection[Name], hints: Callable[[Name], str]) -> None:
    """Refuse a pickle that is not made of plain values.

    Args:
        body: The pickle.
        buffers: How many buffers came with it.
        names: The functions and classes that may be named.
        hints: What to do instead of another one.

    Raises:
        DecodeError: Something in it is not plain, costs more than its size, or is damaged.
    """
    try:
        _Scan(body, buffers, names, hints).run()
    except (IndexError, UnicodeDecodeError) as error:
        raise damaged("it ends too early") from error


def damaged(what: str) -> DecodeError:
    """The error for what no pickler of ours writes."""
    return DecodeError(f"the bytes of the value are damaged, or not made by a worker of wetlands: {what}")


class _Scan:
    """One pickle while it is read."""

    __slots__ = ("body", "buffers", "end", "frame_end", "hints", "marks", "memo", "names", "sets", "stack", "weak")

    def __init__(self, body: bytes, buffers: int, names: Collection[Name], hints: Callable[[Name], str]) -> None:
        self.body = body
        self.buffers = buffers
        self.names = names
        self.hints = hints
        self.end = self.frame_end = len(body)
        self.stack: list[Item] = []
        self.marks: list[int] = []
        self.memo: list[Item] = []
        self.weak = 0
        self.sets = 0

    def run(self) -> None:
        """Read it to its end."""
        body, stack, memo, widths = self.body, self.stack, self.memo, _WIDTHS
        position = 0
        while True:
            if position >= self.frame_end:
                self.leave_frame(position)
            code = body[position]
            if code == _MEMOIZE:
                memo.append(stack[-1])
                position += 1
            elif code == _SHORT_TEXT:
                last = position + 2 + body[position + 1]
                stack.append(body[position + 2 : last])
                position = last
            elif code in widths:
                width = widths[code]
                if body[position + width] != code:  # a run of one
                    stack.append(0)
                    position += width
                    continue
                last = self.end_of_run(position)
                stack.extend((0,) * ((last - position) // width))
                position = last
            elif code == _STOP:
                break
            else:
                position += (_DEEDS.get(code) or _unknown(code))(self, position) or 1
        if position + 1 != self.end or self.frame_end != self.end or len(stack) != 1 or self.marks:
            raise damaged("it does not end where it stops")

    def leave_frame(self, position: int) -> None:
        """Go on outside of a frame.

        CPython drops what is left of a frame when an instruction reaches beyond it, and goes on elsewhere.
        """
        if position > self.frame_end:
            raise damaged("an instruction reaches beyond its frame")
        self.frame_end = self.end

    def end_of_run(self, position: int) -> int:
        """Where instructions end that are the same and push a number each."""
        run = _RUN.match(self.body, position, self.frame_end)
        if run is None:
            raise IndexError
        return run.end()

    def number_at(self, position: int, width: int) -> int:
        """The number in so many bytes."""
        return int.from_bytes(self.body[position : position + width], "little")

    # ------------------------------------------------------------ instructions

    def pop(self) -> Item:
        """Take what lies on top."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise damaged("it takes more than there is")
        return self.stack.pop()

    def since_mark(self) -> list[Item]:
        """Take all above the last mark."""
        if not self.marks:
            raise damaged("it goes back to a place that it has not marked")
        start = self.marks.pop()
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def under(self, kind: str) -> None:
        """Make sure that what lies on top is of a kind."""
        floor = self.marks[-1] if self.marks else 0
        if len(self.stack) <= floor or self.stack[-1] is not kind:
            raise damaged(f"it changes something that is not {kind}")

    def tuple_of(self, parts: list[Item]) -> None:
        """Push a tuple."""
        cost = 1 + len(parts)
        for part in parts:
            if part and type(part) is int:
                cost += abs(part)
        self.stack.append(-cost if cost <= _KEY_PARTS else -_KEY_PARTS - 1)

    def short_tuple(self, count: int) -> None:
        """Push a tuple of so many."""
        stack = self.stack
        if len(stack) - count < (self.marks[-1] if self.marks else 0):
            raise damaged("it takes more than there is")
        parts = stack[-count:] if count else []
        del stack[len(stack) - count :]
        self.tuple_of(parts)

    def hashed(self, keys: list[Item]) -> None:
        """These become keys."""
        for key in keys:
            if key and type(key) is int:  # else it costs nothing that matters
                self.weak += abs(key)
                if abs(key) > _KEY_PARTS:
                    problem = f"a key of a dict, or an item of a set, has more than {_KEY_PARTS} parts"
                    raise DecodeError(f"{problem}, which is not accepted here; return a list of pairs instead")
        if self.weak > _WEAK_KEYS:
            problem = f"its keys that are neither text nor short numbers have more than {_WEAK_KEYS:,} parts together"
            raise DecodeError(f"{problem}, which is not accepted here; return lists or arrays instead of dicts or sets")

    def set_made(self) -> None:
        """Count one more set, the only thing that takes hundreds of bytes for one instruction."""
        self.sets += 1
        if self.sets > _MOST_SETS:
            raise DecodeError(
                f"it holds more than {_MOST_SETS:,} sets, which is not accepted here; return lists instead"
            )

    def named(self) -> None:
        """Find a function or class by the two texts on top."""
        name, module = self.pop(), self.pop()
        if not isinstance(name, bytes) or not isinstance(module, bytes):
            raise damaged("it names something by what is no text")
        found = module.decode(), name.decode()
        if found not in self.names:
            raise refused(*found, self.hints(found))
        self.stack.append(found)

    def called(self) -> None:
        """Call what was named just there, and never what came of another call."""
        arguments, function = self.pop(), self.pop()
        if type(function) is not tuple or type(arguments) is not int or arguments >= 0:
            raise damaged("it calls something that it has not named")
        self.stack.append(_BUILT)

    def next_buffer(self) -> None:
        """Push the next buffer."""
        self.buffers -= 1
        if self.buffers < 0:
            raise damaged("it takes more buffers than have come")
        self.stack.append(_BUFFER)


def _unknown(code: int) -> Deed:
    raise damaged(f"plain values need no instruction {bytes((code,))!r}")


def _frame(scan: _Scan, position: int) -> int:
    if scan.frame_end != scan.end:
        raise damaged("a frame begins within another one")
    scan.frame_end = position + 9 + scan.number_at(position + 1, 8)
    return 9


def _get(width: int) -> Deed:
    def get(scan: _Scan, position: int) -> int:
        scan.stack.append(scan.memo[scan.number_at(position + 1, width)])
        return 1 + width

    return get


def _sized(width: int, item: Callable[[bytes], Item]) -> Deed:
    """Text, bytes, or an integer: a length in so many bytes, and what follows."""

    def sized(scan: _Scan, position: int) -> int:
        start = position + 1 + width
        last = start + scan.number_at(position + 1, width)
        if last > scan.end:
            raise damaged(f"{last - start} bytes were announced and are not there")
        scan.stack.append(item(scan.body[start : min(last, start + _LONGEST_INT)]))
        return last - position

    return sized


def _text(content: bytes) -> Item:
    return content if len(content) <= _LONGEST_NAME else 0


def _integer(content: bytes) -> Item:
    """Of long ones many have the same hash, and anybody can find them; and hashing one reads all of it."""
    return 0 if len(content) <= _STRONG_INT else 1 + len(content) // _BYTES_PER_PART


def _set_items(scan: _Scan, _: int) -> None:
    items = scan.since_mark()
    scan.under(_DICT)
    scan.hashed(items[::2])


def _set_item(scan: _Scan, _: int) -> None:
    scan.pop()
    key = scan.pop()
    scan.under(_DICT)
    scan.hashed([key])


def _appends(scan: _Scan, _: int) -> None:
    scan.since_mark()
    scan.under(_LIST)


def _append(scan: _Scan, _: int) -> None:
    scan.pop()
    scan.under(_LIST)


def _adds(scan: _Scan, _: int) -> None:
    items = scan.since_mark()
    scan.under(_SET)
    scan.hashed(items)


def _frozen_set(scan: _Scan, _: int) -> None:
    scan.hashed(scan.since_mark())
    scan.set_made()
    scan.stack.append(_BUILT)


def _empty_set(scan: _Scan, _: int) -> None:
    scan.set_made()
    scan.stack.append(_SET)


def _pop_mark(scan: _Scan, _: int) -> None:
    scan.since_mark()


def _pop(scan: _Scan, _: int) -> None:
    scan.pop()


_DEEDS: dict[int, Deed] = {
    0x80: lambda _scan, _: 2,
    0x95: _frame,
    ord("h"): _get(1),
    ord("j"): _get(4),
    ord("X"): _sized(4, _text),
    0x8D: _sized(8, _text),
    ord("C"): _sized(1, lambda _: 0),
    ord("B"): _sized(4, lambda _: 0),
    0x8E: _sized(8, lambda _: 0),
    0x96: _sized(8, lambda _: _BUFFER),
    0x8A: _sized(1, _integer),
    0x8B: _sized(4, _integer),
    ord("("): lambda scan, _: scan.marks.append(len(scan.stack)),
    ord(")"): lambda scan, _: scan.short_tuple(0),
    0x85: lambda scan, _: scan.short_tuple(1),
    0x86: lambda scan, _: scan.short_tuple(2),
    0x87: lambda scan, _: scan.short_tuple(3),
    ord("t"): lambda scan, _: scan.tuple_of(scan.since_mark()),
    ord("]"): lambda scan, _: scan.stack.append(_LIST),
    ord("}"): lambda scan, _: scan.stack.append(_DICT),
    0x8F: _empty_set,
    ord("a"): _append,
    ord("e"): _appends,
    ord("s"): _set_item,
    ord("u"): _set_items,
    0x90: _adds,
    0x91: _frozen_set,
    0x93: lambda scan, _: scan.named(),
    ord("R"): lambda scan, _: scan.called(),
    0x97: lambda scan, _: scan.next_buffer(),
    0x98: lambda scan, _: scan.under(_BUFFER),
    ord("0"): _pop,
    ord("1"): _pop_mark,
}
