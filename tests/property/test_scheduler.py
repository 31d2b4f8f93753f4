"""Laws of the scheduler: no call is lost, none runs twice, none waits beside an idle worker, first in is first out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from wetlands._pool.scheduler import Dispatch, Fail, Phase, Retire, Scheduler, Spawn

if TYPE_CHECKING:
    from collections.abc import Collection

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
        self.begin(least=3, most_tasks=None)

    @initialize(least=st.integers(0, 3), most_tasks=st.sampled_from([None, 1, 2, 5]))
    def begin(self, least: int, most_tasks: int | None) -> None:
        self.size = 3
        self.least = least
        self.most_tasks = most_tasks
        self.tasks = dict.fromkeys(range(self.size), 0)
        self.scheduler: Scheduler[Item] = Scheduler(self.size, least=least, most_tasks=most_tasks)
        self.starting = set(range(least))
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
    @rule(data=st.data(), worn=st.sampled_from([None, None, "it holds too much memory"]))
    def worker_answers(self, data: st.DataObject, worn: str | None) -> None:
        worker = data.draw(st.sampled_from(sorted(self.running)))
        self._end(self.running.pop(worker), "answered")
        self.tasks[worker] += 1
        replaced = worn is not None or (self.most_tasks is not None and self.tasks[worker] >= self.most_tasks)
        self.idle.add(worker)
        actions = self.scheduler.finished(worker, worn)
        retired = [Spawn, Retire] == [type(action) for action in actions]
        assert retired == (replaced and not self.closed)
        self._follow(actions)

    @precondition(lambda self: self.starting or self.running or self.idle)
    @rule(data=st.data())
    def worker_was_idle_for_too_long(self, data: st.DataObject) -> None:
        """The clock may come too late: the worker may be busy again, or gone."""
        worker = data.draw(st.sampled_from(sorted({*self.starting, *self.running, *self.idle})))
        stopped = worker in self.idle and self._count() > self.least and not self.closed
        actions = self.scheduler.expired(worker, "idle")
        assert stopped == (actions == [Retire(worker, "idle")])
        self._follow(actions)

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
        self.tasks[worker] = 0
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
                    if Retire in {type(other) for other in actions}:
                        self.idle.discard(worker)
                    assert worker not in self.idle
                    assert worker not in self.running
                    self.starting.add(worker)
                    self.tasks[worker] = 0
                case Retire(worker=worker, reason=reason):
                    assert reason
                    assert worker not in self.running
                    self.idle.discard(worker)
                    self.tasks[worker] = 0
        if self.scheduler.broken is not None:
            self.closed = True

    def _phases(self) -> list[tuple[Phase, Collection[int]]]:
        return [(Phase.IDLE, self.idle), (Phase.BUSY, self.running), (Phase.STARTING, self.starting)]

    def _count(self) -> int:
        return len(self.starting) + len(self.running) + len(self.idle)

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
    def calls_wait_only_for_workers_that_are_being_started_or_when_there_are_enough(self) -> None:
        assert self.closed or len(self.queue) <= len(self.starting) or self._count() == self.size

    @invariant()
    def there_are_never_too_few_workers_or_too_many(self) -> None:
        assert self.least <= self._count() <= self.size
        assert self._count() == self.scheduler.count

    @invariant()
    def nobody_runs_more_tasks_than_allowed(self) -> None:
        assert self.most_tasks is None or self.closed or max(self.tasks.values()) <= self.most_tasks

    @invariant()
    def the_scheduler_knows_who_does_what(self) -> None:
        for worker in range(self.size):
            expected = next((phase for phase, workers in self._phases() if worker in workers), None)
            assert expected is self.scheduler.phase(worker)
            assert self.running.get(worker) is self.scheduler.running(worker)
            call = self.running.get(worker)
            assert call is None or worker == self.scheduler.runs_on(call)


SchedulerMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60)
test_the_scheduler_keeps_its_promises = SchedulerMachine.TestCase
