"""Blocks never overlap; what crosses through shared memory is what would have crossed in line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from arrays import assert_same
from exchanges import a_connection, carried, zone_of
from wetlands_worker import messages
from wetlands_worker.zones import GRAIN, Zone, class_of

if TYPE_CHECKING:
    from arrays import Anything

LIMIT = 40 * GRAIN
IDLE_LIMIT = 12 * GRAIN
FIRST = 3 * GRAIN
transfers = settings(max_examples=60)


class Blocks(RuleBasedStateMachine):
    """Takes, returns and abandons blocks of one zone."""

    def __init__(self) -> None:
        super().__init__()
        self.filled: dict[int, int] = {}  # which blocks have memory, and for how many bytes
        self.taken: dict[int, int] = {}
        self.zone = Zone(FIRST, FIRST + 200 * GRAIN, limit=LIMIT, idle_limit=IDLE_LIMIT, discard=self.discarded)

    def discarded(self, offset: int, length: int) -> None:
        assert not self.zone._lock.locked()
        assert offset not in self.taken
        self.filled.pop(offset, None)

    @rule(size=st.integers(1, 12 * GRAIN))
    def take(self, size: int) -> None:
        block = self.zone.take(size)
        if block is None:
            assert self.zone.taken_bytes + class_of(size) > LIMIT
            return
        offset, warm = block
        assert warm == (self.filled.get(offset, 0) >= size)
        self.filled[offset] = max(size, self.filled.get(offset, 0))
        self.taken[offset] = class_of(size)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), abandoned=st.booleans(), written=st.booleans())
    def end(self, data: st.DataObject, abandoned: bool, written: bool) -> None:
        offset = data.draw(st.sampled_from(sorted(self.taken)))
        del self.taken[offset]
        if abandoned:
            self.zone.abandoned.append((offset, written))
            self.zone.take(1 << 60)  # nothing so large is there, but what was abandoned is looked at
        else:
            self.zone.give_back(offset)

    @invariant()
    def blocks_lie_apart_and_inside(self) -> None:
        end = FIRST
        for offset, length in sorted(self.taken.items()):
            assert offset >= end
            end = offset + length
        assert end <= FIRST + 200 * GRAIN

    @invariant()
    def books_are_right(self) -> None:
        assert self.zone.taken_bytes == sum(self.taken.values()) <= LIMIT
        assert self.zone.taken_bytes + self.zone.idle_bytes <= LIMIT + IDLE_LIMIT
        assert set(self.filled) == {*self.taken, *self.zone._idle}


class FixedBlocks(Blocks):
    """The same where no memory is given back, and there are only as many addresses as may be lent."""

    def __init__(self) -> None:
        super().__init__()
        self.zone = Zone(FIRST, FIRST + LIMIT, limit=LIMIT, idle_limit=IDLE_LIMIT, discard=None)

    @rule(size=st.integers(1, 12 * GRAIN))
    def take(self, size: int) -> None:
        block = self.zone.take(size)
        if block is None:
            free = self.zone._addresses.ranges()
            assert self.zone.taken_bytes + class_of(size) > LIMIT or class_of(size) > max(map(len, free), default=0)
            return
        self.taken[block[0]] = class_of(size)

    @invariant()
    def books_are_right(self) -> None:
        free = sum(map(len, self.zone._addresses.ranges()))
        assert self.zone.taken_bytes == sum(self.taken.values())
        assert free + self.zone.taken_bytes + self.zone.idle_bytes == LIMIT


TestBlocks = Blocks.TestCase
TestFixedBlocks = FixedBlocks.TestCase
TestFixedBlocks.settings = settings(max_examples=50)
TestBlocks.settings = settings(max_examples=50)

dtypes = (
    npst.scalar_dtypes() | npst.byte_string_dtypes(min_len=1) | npst.unicode_string_dtypes(min_len=1)
    | npst.array_dtypes() | st.just(np.dtype(">f4")) | st.just(np.dtype([("a", ">i2"), ("b", "f8")]))
)  # fmt: skip


@st.composite
def large_arrays(draw: st.DrawFn) -> Anything:
    """Arrays from well below to well above the threshold, in any layout a view can have."""
    dtype = draw(dtypes)
    size = draw(st.integers(30_000, 300_000))
    memory = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 2, size, dtype="u1")
    array: Any = memory[: size // dtype.itemsize * dtype.itemsize].view(dtype)
    if array.ndim == 1 and array.size % 4 == 0:
        array = array.reshape(draw(st.sampled_from([(2, 2, -1), (4, -1), (-1, 1, 2), (1, -1)])))
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    array = array[tuple(slice(None, None, draw(st.sampled_from([1, 1, 2, -1]))) for _ in range(array.ndim))]
    if draw(st.booleans()):
        array = array.view()
        array.flags.writeable = False
    return array


@transfers
@given(st.lists(large_arrays(), max_size=4), st.sampled_from([0, 300_000, 1 << 30]))
def test_large_arrays_arrive_as_they_were_also_when_memory_is_short(several: list[Any], limit: int) -> None:
    with a_connection(limit=limit) as ends:
        arrived = carried({"several": several}, *ends)["several"]

        for expected, actual in zip(several, arrived, strict=True):
            assert_same(expected, actual)
            assert expected.flags.writeable == actual.flags.writeable
        assert zone_of(ends[0]).taken_bytes <= limit


@transfers
@given(large_arrays(), st.data())
def test_large_masked_arrays_keep_their_mask(array: Anything, data: st.DataObject) -> None:
    mask = np.ma.nomask
    if array.dtype.names is None:
        mask = np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 2, array.shape).astype(bool)
    # numpy's own default fill value, 1e20, does not fit into a float16
    with np.errstate(over="ignore"), a_connection() as ends:
        masked = np.ma.array(array, mask=mask)
        arrived = carried(masked, *ends)

    assert_same(np.ma.getdata(masked), np.ma.getdata(arrived))
    np.testing.assert_array_equal(np.ma.getmaskarray(masked), np.ma.getmaskarray(arrived))


@transfers
@given(st.lists(st.tuples(st.integers(60_000, 500_000), st.booleans()), min_size=1, max_size=30))
def test_arrays_that_are_kept_stay_what_they_are_while_others_come_and_go(steps: list[tuple[int, bool]]) -> None:
    kept: list[tuple[int, Anything]] = []
    with a_connection(limit=1 << 21, idle_limit=1 << 20) as ends:
        sender, receiver = ends
        for number, (size, keep) in enumerate(steps):
            arrived = carried(np.full(size, number % 251, "u1"), *ends)
            assert number % 251 == arrived.min() == arrived.max()
            if keep:
                kept.append((number % 251, arrived))
            del arrived
            receiver.send(messages.RESULT, 1)
            sender.receive()
            assert all(value == array.min() == array.max() for value, array in kept)
