from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType
    from typing import Any

# The scripts are no package and stand beside each other: they import themselves by their plain names.
FOLDER = sources.ROOT / "benchmarks"
MODULES = ("harness", "tables")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def harness() -> ModuleType:
    return importlib.import_module("harness")


@pytest.fixture
def tables() -> ModuleType:
    return importlib.import_module("tables")


def result(harness: ModuleType, reach: object, **costs: tuple[float, ...]) -> Any:  # noqa: ANN401 - of a class that type checkers are not shown
    roles = {"ours": "ours", "floor": "floor"}
    figures = tuple(harness.Figure(name, roles.get(name, "peer"), values) for name, values in costs.items())
    return harness.Result("work", harness.Unit.TIME, reach, figures)


def test_a_ratio_is_the_median_of_the_ratios_within_the_rounds(harness: ModuleType) -> None:
    slow_second_round = harness.Figure("ours", "ours", (2.0, 20.0, 3.0))
    floor = harness.Figure("floor", "floor", (1.0, 10.0, 1.0))

    assert 2.0 == slow_second_round.ratio(to=floor)


def test_figures_of_different_rounds_have_no_ratio(harness: ModuleType) -> None:
    with pytest.raises(ValueError, match="zip"):
        harness.Figure("ours", "ours", (1.0, 2.0)).ratio(to=harness.Figure("floor", "floor", (1.0,)))


@pytest.mark.parametrize(
    "reach, costs, expected",
    [
        ({"times_floor": 2.0}, {"ours": (2.0,), "floor": (1.0,)}, True),
        ({"times_floor": 2.0}, {"ours": (2.1,), "floor": (1.0,)}, False),
        ({"times_floor": 1.0, "plus": 0.5}, {"ours": (1.5,), "floor": (1.0,)}, True),
        ({"times_floor": 1.0, "plus": 0.5}, {"ours": (1.6,), "floor": (1.0,)}, False),
        ({"at_most": 1.0}, {"ours": (1.0,)}, True),
        ({"at_most": 1.0}, {"ours": (0.5, 1.1, 1.2)}, False),
        ({"below_peers": True}, {"ours": (1.0,), "loky": (1.1,), "appose": (2.0,)}, True),
        ({"below_peers": True}, {"ours": (1.0,), "loky": (0.9,), "appose": (2.0,)}, False),
        ({"times_floor": 2.0, "below_peers": True}, {"ours": (3.0,), "floor": (1.0,), "loky": (9.0,)}, False),
    ],
)
def test_a_row_is_reached_when_all_of_its_reach_holds(
    harness: ModuleType,
    reach: dict[str, object],
    costs: dict[str, tuple[float, ...]],
    expected: bool,
) -> None:
    assert expected is result(harness, harness.Reach(**reach), **costs).reached


@pytest.mark.parametrize(
    "reach", [{}, {"times_floor": 2.0}, {"below_peers": True}], ids=["nothing set", "no floor", "no peer"]
)
def test_what_was_not_measured_is_neither_reached_nor_missed(harness: ModuleType, reach: dict[str, object]) -> None:
    assert None is result(harness, harness.Reach(**reach), ours=(1.0,)).reached


def test_a_missed_part_counts_also_where_another_part_was_not_measured(harness: ModuleType) -> None:
    assert False is result(harness, harness.Reach(times_floor=2.0, at_most=1.0), ours=(3.0,)).reached


def test_the_best_peer_is_the_cheapest_and_never_the_floor(harness: ModuleType) -> None:
    row = result(harness, harness.Reach(), ours=(5.0,), floor=(1.0,), loky=(4.0,), appose=(3.0,))

    assert "appose" == row.best_peer.name


@pytest.mark.parametrize(
    "unit, cost, expected",
    [
        ("TIME", 0.00003312, "33.1 us"),
        ("TIME", 0.0021, "2.1 ms"),
        ("TIME", 12.34, "12.3 s"),
        ("TIME", 123.4, "123 s"),
        ("RATE", 1 / 51_234, "51,200 per s"),
        ("MEMORY", 12_340_000.0, "12.3 MB"),
    ],
)
def test_costs_are_shown_with_three_digits_and_a_unit(
    harness: ModuleType, unit: str, cost: float, expected: str
) -> None:
    assert expected == harness.Unit[unit].show(cost)


@pytest.mark.parametrize(
    "unit, reach, expected",
    [
        ("TIME", {"times_floor": 2, "below_peers": True}, "≤ 2 × floor, below every peer"),
        ("TIME", {"times_floor": 1, "plus": 0.04}, "≤ floor + 40 ms"),
        ("RATE", {"at_most": 1 / 50_000}, "≥ 50,000 per s"),
        ("TIME", {}, "–"),
    ],
)
def test_a_reach_reads_like_the_design(harness: ModuleType, unit: str, reach: dict[str, object], expected: str) -> None:
    assert expected == harness.Reach(**reach).words(harness.Unit[unit])


def test_everybody_works_once_a_round_and_nobody_always_comes_first(harness: ModuleType) -> None:
    order: list[str] = []

    def working(name: str) -> Callable[[], Mapping[str, float]]:
        def sample() -> Mapping[str, float]:
            order.append(name)
            return {"work": 1.0}

        return sample

    contenders = [harness.Contender(name, "peer", working(name)) for name in "abc"]
    harness.measure([harness.Line("work", "work")], contenders, 3)

    assert [*"abc", *"bca", *"cab"] == order


def test_a_peer_that_fails_is_left_out_with_what_it_measured_before(
    harness: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = iter([{"work": 1.0}])
    contenders = [
        harness.Contender("wetlands", "ours", lambda: {"work": 2.0}),
        harness.Contender("fragile", "peer", lambda: dict(next(samples))),
    ]

    [row] = harness.measure([harness.Line("work", "work")], contenders, 2)

    assert ["wetlands"] == [figure.name for figure in row.figures]
    assert "fragile is left out" in capsys.readouterr().err


def test_our_own_failure_is_not_hidden(harness: ModuleType) -> None:
    def fails() -> dict[str, float]:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        harness.measure([harness.Line("work", "work")], [harness.Contender("wetlands", "ours", fails)], 1)


def test_who_cannot_do_a_work_has_no_figure_in_its_row(harness: ModuleType) -> None:
    contenders = [
        harness.Contender("wetlands", "ours", lambda: {"one": 1.0, "two": 2.0}),
        harness.Contender("loky", "peer", lambda: {"one": 3.0}),
    ]

    one, two = harness.measure([harness.Line("one", "one"), harness.Line("two", "two")], contenders, 2)

    assert [["wetlands", "loky"], ["wetlands"]] == [[figure.name for figure in row.figures] for row in (one, two)]


def test_the_details_show_everybody_with_ratios_cheapest_first(harness: ModuleType, tables: ModuleType) -> None:
    row = result(harness, harness.Reach(), ours=(2e-3,), floor=(1e-3,), loky=(8e-3,))

    expected = (
        "|  | median | × floor | × wetlands |\n"
        "| --- | --- | --- | --- |\n"
        "| floor (floor) | 1 ms | 1.00 | 0.50 |\n"
        "| ours | 2 ms | 2.00 | 1.00 |\n"
        "| loky | 8 ms | 8.00 | 4.00 |\n"
    )
    assert expected == tables.details(row)


def test_the_summary_shows_each_row_with_its_reach_and_whether_it_is_reached(
    harness: ModuleType, tables: ModuleType
) -> None:
    reached = result(harness, harness.Reach(times_floor=2), ours=(2e-3,), floor=(1e-3,), loky=(8e-3,))
    missed = replace(reached, reach=harness.Reach(at_most=1e-3), figures=reached.figures[:1])

    lines = tables.summary([reached, missed]).splitlines()

    assert "| work | 2.00 | 0.25 (loky) | 2 ms | ≤ 2 × floor | yes |" == lines[2]
    assert "| work | – | – | 2 ms | ≤ 1 ms | **no** |" == lines[3]


def test_a_result_is_plain_data_with_the_values_of_all_rounds(harness: ModuleType) -> None:
    plain = json.loads(json.dumps(result(harness, harness.Reach(at_most=1.0), ours=(0.5, 0.7)).to_json()))

    assert [{"name": "ours", "role": "ours", "costs": [0.5, 0.7]}] == plain["figures"]
    assert plain["reached"] is True


def test_the_description_of_the_machine_does_not_name_it(tables: ModuleType) -> None:
    import platform

    assert platform.node() not in tables.machine().split()
