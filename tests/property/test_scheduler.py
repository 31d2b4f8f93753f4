"""Laws of the scheduler: no call is lost, none runs twice, none waits beside an idle worker, first in is first out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from wetlands._pool.scheduler import Dispatch, Fail, Phase, Scheduler, Spawn

if TYPE_CHECKING:
    from wetlands._pool.scheduler import Action


class Item:
    """A call, as far as the scheduler is concerned: told apart by identity alone, equal to all others."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"call {self.number}"


class SchedulerMachine(RuleBasedStateMachine):
    """A model beside the scheduler: who waits in which order, who runs where, and how each call ended."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.size = 3
        self.scheduler: Scheduler[Item] = Scheduler(self.size)
        self.starting = set(range(self.size))
        self.idle: set[int] = set()
        self.running: dict[int, Item] = {}
        self.queue: list[Item] = []
        self.ended: dict[int, str] = {}
        self.begun: set[int] = set()
        self.count = 0
        self.closed = False

    # ----------------------------------------------------------------- rules

    @rule(target=calls)
    def submit(self) -> Item:
        call = self._new()
        self.queue.append(call)
        self._follow(self.scheduler.submit(call))
        return call

    @rule(target=calls)
    def claim(self) -> Item:
        """As a blocking call does: at once or not at all."""
        call = self._new()
        could = bool(self.idle) and not self.closed
        worker = self.scheduler.claim(call)
        assert could == (worker is not None)
        if worker is None:
            self.ended[call.number] = "never asked for"
        else:
            self._take(worker, call)
        return call

    @precondition(lambda self: self.starting)
    @rule(data=st.data())
    def worker_says_hello(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.discard(worker)
        self.idle.add(worker)
        self._follow(self.scheduler.ready(worker))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def worker_answers(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.running)))
        self._end(self.running.pop(worker), "answered")
        self.idle.add(worker)
        self._follow(self.scheduler.finished(worker))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), noticed=st.booleans())
    def call_was_not_begun(self, data: st.DataObject, noticed: bool) -> None:
        """The worker had gone: whoever sends learns it before or after whoever watches."""
        worker = data.draw(st.sampled_from(sorted(self.running)))
        call = self.running.pop(worker)
        self.queue.insert(0, call)
        if noticed:
            self._lose(worker)
            self._follow(self.scheduler.unsent(worker, call))
        else:
            self._follow(self.scheduler.unsent(worker, call))
            self._lose(worker)

    @precondition(lambda self: self.running or self.idle)
    @rule(data=st.data())
    def worker_dies(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted({*self.running, *self.idle})))
        call = self.running.pop(worker, None)
        if call is not None:
            self._end(call, "failed with its worker")
        self._lose(worker)

    @precondition(lambda self: self.starting and not self.closed)
    @rule(data=st.data())
    def worker_does_not_start(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.starting)))
        self._follow(self.scheduler.spawn_failed(worker, "it does not start"))

    @rule(call=calls)
    def drop(self, call: Item) -> None:
        waits = any(call is waiting for waiting in self.queue)
        assert waits == self.scheduler.drop(call)
        if waits:
            self.queue = [waiting for waiting in self.queue if waiting is not call]
            self._end(call, "dropped")

    @precondition(lambda self: self.count > 8)
    @rule()
    def close(self) -> None:
        self.closed = True
        self._follow(self.scheduler.close("exited"))
        assert [] == self.queue

    # ------------------------------------------------------------ what follows

    def _new(self) -> Item:
        self.count += 1
        return Item(self.count)

    def _lose(self, worker: int) -> None:
        self.idle.discard(worker)
        self.starting.add(worker)
        actions = self.scheduler.died(worker)
        self._follow(actions)
        spawns = [action for action in actions if isinstance(action, Spawn)]
        assert self.closed or [worker] == [spawn.worker for spawn in spawns], "a worker that is never replaced"

    def _follow(self, actions: list[Action[Item]]) -> None:
        for action in actions:
            match action:
                case Dispatch(worker=worker, call=call):
                    assert worker in self.idle
                    assert call is self.queue.pop(0), "not the one that came first"
                    self._take(worker, call)
                case Fail(call=call, reason=reason):
                    assert reason
                    self.closed = True
                    self.queue = [waiting for waiting in self.queue if waiting is not call]
                    self._end(call, "failed")
                case Spawn(worker=worker, delay=delay):
                    assert not self.closed
                    assert 0 <= delay <= 5
                    assert worker in self.starting
        if self.scheduler.broken is not None:
            self.closed = True

    def _take(self, worker: int, call: Item) -> None:
        self.idle.discard(worker)
        self.running[worker] = call

    def _end(self, call: Item, how: str) -> None:
        assert call.number not in self.ended, f"{call} ended twice"
        self.ended[call.number] = how

    # ------------------------------------------------------------------- laws

    @invariant()
    def every_call_waits_runs_or_has_ended(self) -> None:
        waiting = [call.number for call in self.queue]
        running = [call.number for call in self.running.values()]
        assert list(range(1, self.count + 1)) == sorted([*waiting, *running, *self.ended])
        assert len(waiting) == self.scheduler.queued
        ours = {id(call) for call in (*self.queue, *self.running.values())}
        assert ours == {id(call) for call in self.scheduler.unfinished}

    @invariant()
    def nothing_waits_beside_an_idle_worker(self) -> None:
        assert not (self.queue and self.idle)
        assert not (self.queue and self.closed)

    @invariant()
    def the_scheduler_knows_who_does_what(self) -> None:
        for worker in range(self.size):
            expected = Phase.IDLE if worker in self.idle else Phase.BUSY if worker in self.running else Phase.STARTING
            assert expected is self.scheduler.phase(worker)
            assert self.running.get(worker) is self.scheduler.running(worker)
            call = self.running.get(worker)
            assert call is None or worker == self.scheduler.runs_on(call)


SchedulerMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
test_the_scheduler_keeps_its_promises = SchedulerMachine.TestCase
