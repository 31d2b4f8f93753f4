from __future__ import annotations

from wetlands._platform.vitals import Vitals
from wetlands._view.meter import Load, Meter


class Machine:
    """Processes and a clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.processes: dict[int, Vitals] = {}

    def meter(self) -> Meter:
        return Meter(look=self.processes.get, memory=lambda pid: pid * 1000, clock=lambda: self.now)

    def computes(self, pid: int, seconds: float, *, stopped: bool = False) -> None:
        self.processes[pid] = Vitals(stopped, seconds)


def test_the_share_of_a_processor_is_known_from_the_second_look_on() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.computes(7, 10.0)
    assert {7: Load(7000, None, stopped=False)} == meter.read([7])
    machine.now = 2.0
    machine.computes(7, 13.0)
    assert {7: Load(7000, 150.0, stopped=False)} == meter.read([7])
    machine.now = 3.0
    machine.computes(7, 13.0, stopped=True)
    assert {7: Load(7000, 0.0, stopped=True)} == meter.read([7])


def test_two_looks_that_follow_each_other_at_once_say_nothing_of_it() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.computes(7, 10.0)
    meter.read([7])
    machine.now = 0.01
    machine.computes(7, 10.01)

    assert {7: Load(7000, None, stopped=False)} == meter.read([7])


def test_a_process_that_is_gone_is_left_out_and_forgotten() -> None:
    machine = Machine()
    meter = machine.meter()
    machine.computes(7, 10.0)
    meter.read([7])
    del machine.processes[7]
    machine.now = 1.0
    assert {} == meter.read([7])
    machine.computes(7, 0.5)  # another one of that number
    machine.now = 2.0

    assert {7: Load(7000, None, stopped=False)} == meter.read([7])
