"""execnet: gateways, and channels on which a loop of ours answers."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import execnet  # type: ignore[import-not-found, unused-ignore]  # only surely in its own environment
from base import WORK, Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PLAIN = (type(None), bool, int, float, str, list, tuple)
_ARRAYS = {"made"}
"""Functions that return what execnet cannot serialise."""
_LOOP = f"""
import pickle, sys
sys.path.insert(0, {str(WORK.parent)!r})
import work
for function, pickled, args in channel:
    if pickled:
        args = pickle.loads(args)
    result = getattr(work, function)(*args)
    channel.send(pickle.dumps(result, 5) if pickled else result)
"""
_REPORT = """
import time
for count in channel:
    start = time.perf_counter()
    for number in range(count):
        channel.send((number, count))
    channel.send(time.perf_counter() - start)
"""


class Execnet(Contender):
    """Each worker is a gateway with one channel; what execnet cannot serialise is pickled, as its users do."""

    def start(self, workers: int) -> None:
        """See the base class."""
        self._group = execnet.Group([f"popen//python={self.python}"] * workers)
        self._channels = [gateway.remote_exec(_LOOP) for gateway in self._group]

    def stop(self) -> None:
        """See the base class."""
        self._group.terminate(timeout=5)

    def call(self, function: str, *args: object) -> object:
        """See the base class."""
        channel = self._channels[0]
        if function not in _ARRAYS and all(type(value) in _PLAIN for value in args):
            channel.send((function, False, args))
            return channel.receive()
        channel.send((function, True, pickle.dumps(args, 5)))
        return pickle.loads(channel.receive())

    def submit(self, function: str, *args: object) -> Callable[[], object]:
        """See the base class."""
        channel = self._channels[0]
        channel.send((function, False, args))
        result: Callable[[], object] = channel.receive
        return result

    def together(self, function: str, arguments: Iterable[tuple[object, ...]]) -> list[object]:
        """See the base class."""
        for channel, given in zip(self._channels, arguments, strict=True):
            channel.send((function, False, given))
        return [channel.receive() for channel in self._channels]

    def map(self, function: str, items: Iterable[object]) -> list[object]:
        """See the base class."""
        count = 0
        for item in items:  # dealt like cards; the answers of each channel come in the order of its questions
            self._channels[count % len(self._channels)].send((function, False, (item,)))
            count += 1
        return [self._channels[number % len(self._channels)].receive() for number in range(count)]

    def revive(self) -> None:
        """A dead gateway stays dead."""
        self._group.terminate(timeout=0)
        self.start(1)

    def report(self, count: int) -> tuple[float, int]:
        """See the base class."""
        channel = next(iter(self._group)).remote_exec(_REPORT)
        channel.send(count)
        arrived = 0
        while isinstance(answer := channel.receive(), tuple):
            arrived += 1
        channel.close()
        return float(answer), arrived

    def reports(self, count: int) -> dict[str, float]:
        """A gateway runs one thing at a time: the loop that answers is not started."""
        global _LOOP  # noqa: PLW0603 - a process measures one thing
        _LOOP = ""
        return super().reports(count)


CONTENDER = Execnet
