"""What every benchmark shares: contenders measured in turns, medians, ratios, and what is to be reached.

A time by itself is worth nothing on a shared machine. So each round measures every contender once, in a changing
order, and a figure is the median over the rounds of a *ratio* within one round. All measured values are costs: seconds,
seconds per item, or bytes; less is better, also where a rate is shown.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Role = Literal["ours", "floor", "peer", "also"]
Sample = dict[str, float]


class Unit(Enum):
    """How a cost is shown to people."""

    TIME = "time"
    RATE = "per second"
    MEMORY = "memory"

    def show(self, cost: float) -> str:
        """The cost with a unit: ``120 us``, ``51,000 per s``, ``12.3 MB``."""
        if self is Unit.MEMORY:
            return f"{cost / 1e6:.1f} MB"
        if self is Unit.RATE:
            return f"{three_digits(1 / cost)} per s"
        for size, name in ((1.0, "s"), (1e-3, "ms")):
            if cost >= size:
                return f"{three_digits(cost / size)} {name}"
        return f"{three_digits(cost / 1e-6)} us"


def three_digits(number: float) -> str:
    """A number as exactly as such measurements deserve."""
    if number >= 100:
        return f"{float(f'{number:.3g}'):,.0f}"
    return f"{number:.3g}"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a row is to go; all that is given must hold.

    Attributes:
        times_floor: At most so many times the floor, plus `plus`.
        plus: What may come on top of the floor, as a cost.
        at_most: A bound for the cost itself.
        below_peers: Whether every peer must cost more.
    """

    times_floor: float | None = None
    plus: float = 0.0
    at_most: float | None = None
    below_peers: bool = False

    def words(self, unit: Unit) -> str:
        """The reach as people read it."""
        said = []
        if self.times_floor is not None:
            factor = "floor" if self.times_floor == 1 else f"{self.times_floor:g} × floor"
            said.append(f"≤ {factor}" + (f" + {unit.show(self.plus)}" if self.plus else ""))
        if self.at_most is not None:
            said.append(f"{'≥' if unit is Unit.RATE else '≤'} {unit.show(self.at_most)}")
        if self.below_peers:
            said.append("below every peer")
        return ", ".join(said) or "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contender cost, one value for each round.

    Attributes:
        name: The contender.
        role: What it is to us; "also" is shown and judged by nobody.
        costs: The values, in the order of the rounds.
    """

    name: str
    role: Role
    costs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return median(self.costs)

    def ratio(self, to: Figure) -> float:
        """How many times the cost of the other one, as the median over the rounds.

        Raises:
            ValueError: They were not measured in the same rounds.
        """
        return median(mine / other for mine, other in zip(self.costs, to.costs, strict=True))


@dataclass(frozen=True, slots=True)
class Result:
    """One row: what was measured, and whether it is enough."""

    title: str
    unit: Unit
    reach: Reach
    figures: tuple[Figure, ...] = field(default=())

    @property
    def ours(self) -> Figure:
        """What we cost."""
        return next(figure for figure in self.figures if figure.role == "ours")

    @property
    def floor(self) -> Figure | None:
        """What cannot be beaten, or None where nobody knows that."""
        return next((figure for figure in self.figures if figure.role == "floor"), None)

    @property
    def best_peer(self) -> Figure | None:
        """The cheapest peer, or None where no peer does this work."""
        return min(self._peers(), key=lambda peer: peer.median, default=None)

    @property
    def reached(self) -> bool | None:
        """Whether all of the reach holds; None where none is set, or what it refers to was not measured."""
        verdicts = list(self._verdicts())
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else True

    def _verdicts(self) -> Iterator[bool | None]:
        reach, ours, floor = self.reach, self.ours, self.floor
        if reach.times_floor is not None:
            if floor is None:
                yield None
            else:
                pairs = zip(ours.costs, floor.costs, strict=True)
                yield median(mine / (reach.times_floor * least + reach.plus) for mine, least in pairs) <= 1
        if reach.at_most is not None:
            yield ours.median <= reach.at_most
        if reach.below_peers:
            peers = list(self._peers())
            yield all(ours.ratio(to=peer) < 1 for peer in peers) if peers else None

    def _peers(self) -> Iterator[Figure]:
        return (figure for figure in self.figures if figure.role == "peer")

    def to_json(self) -> dict[str, object]:
        """The result as plain data."""
        reach = {
            "times_floor": self.reach.times_floor,
            "plus": self.reach.plus,
            "at_most": self.reach.at_most,
            "below_peers": self.reach.below_peers,
        }
        return {
            "title": self.title,
            "unit": self.unit.value,
            "reach": reach,
            "reached": self.reached,
            "figures": [{"name": it.name, "role": it.role, "costs": list(it.costs)} for it in self.figures],
        }


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who does the work of a benchmark.

    Attributes:
        name: What it is called in tables.
        role: What it is to us.
        sample: Does the work once and says what it cost, by the keys of the lines; a key that it leaves out is work
            that it cannot do.
    """

    name: str
    role: Role
    sample: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table to come: which value of the samples it shows, under which title."""

    key: str
    title: str
    unit: Unit = Unit.TIME
    reach: Reach = Reach()


def measure(lines: Sequence[Line], contenders: Sequence[Contender], rounds: int) -> list[Result]:
    """Let all contenders do the work in turns.

    Who fails, other than ourselves and the floor, is left out of the table and named on stderr.
    """
    samples: dict[str, list[Mapping[str, float]]] = {contender.name: [] for contender in contenders}
    running = list(contenders)
    for number in range(rounds):
        for contender in turn(running, number):
            try:
                samples[contender.name].append(contender.sample())
            except Exception as problem:  # noqa: PERF203 - seconds pass in each sample
                if contender.role in {"ours", "floor"}:
                    raise
                running.remove(contender)
                print(f"{contender.name} is left out: {problem}", file=sys.stderr)
    return [_result(line, running, samples) for line in lines]


def turn(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """The order of one round: nobody is always the one after the noisy one."""
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def _result(line: Line, contenders: Sequence[Contender], samples: Mapping[str, list[Mapping[str, float]]]) -> Result:
    figures = tuple(
        Figure(contender.name, contender.role, tuple(sample[line.key] for sample in samples[contender.name]))
        for contender in contenders
        if all(line.key in sample for sample in samples[contender.name])
    )
    return Result(line.title, line.unit, line.reach, figures)
