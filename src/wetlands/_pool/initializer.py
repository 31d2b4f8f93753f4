"""The function that prepares each worker before it is given anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetlands._pool.call import BlockingCall, Work
from wetlands._pool.worker import Worker
from wetlands.exceptions import ExecutionException, LaunchError
from wetlands_worker import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wetlands._launch.process import WorkerProcess
    from wetlands._plain.decoding import Accept

__all__ = ["Initializer"]

Packed = tuple[bytes, str, bytes, list[bytes]]


class Initializer:
    """Runs one call on workers that are ready and that nobody else uses yet, on all of them at the same time.

    Args:
        environment: The name of the environment.
        work: The call.
        accept: Which values of the workers are taken.
    """

    def __init__(self, environment: str, work: Work, accept: Accept = "any") -> None:
        self._environment = environment
        self._work = work
        self._accept: Accept = accept

    def packed(self) -> Packed:
        """What `unpacked` makes it of, in another program.

        Raises:
            ValueError: It has callables of this program among its arguments.
        """
        work = self._work
        if work.callbacks is not None:
            raise ValueError(
                "initializer: workers that outlive this program cannot be prepared with a callable of it; give the "
                "name of a function that the environment has"
            )
        return work.head, work.call_target, bytes(work.values), [bytes(buffer) for buffer in work.buffers]

    @classmethod
    def unpacked(cls, environment: str, packed: Packed, accept: Accept = "any") -> Initializer:
        """Make one of what another program has packed."""
        head, call_target, values, buffers = packed
        work = Work(messages.CALL, head, call_target, ((), {}))
        work.values, work.buffers = values, [memoryview(buffer) for buffer in buffers]
        return cls(environment, work, accept)

    def __call__(self, processes: Mapping[int, WorkerProcess]) -> None:
        """Prepare these workers, by their index; takes as long as the function does.

        Raises:
            LaunchError: It failed in one of them, which still runs and is the caller's to stop.
        """
        begun: list[tuple[Worker, BlockingCall[object]]] = []
        for index, process in processes.items():
            worker = Worker(index, process, self._environment, self._accept)
            call: BlockingCall[object] = BlockingCall(self._work)
            call.started(worker.info, worker.decode, worker.process.output)
            try:
                call.send(process.call)
            except OSError as error:
                raise self._died(worker) from error
            begun.append((worker, call))
        for worker, call in begun:
            self._finish(worker, call)

    def _finish(self, worker: Worker, call: BlockingCall[object]) -> None:
        answer = worker.read_answer(call)
        if answer is None:
            raise self._died(worker)
        call.settle(*answer)
        try:
            call.outcome()
        except ExecutionException as error:
            reason = f"the initializer failed in worker {worker.index}: {error}"
            raise LaunchError(self._environment, reason, failure=error.failure) from error

    def _died(self, worker: Worker) -> LaunchError:
        autopsy = worker.process.autopsy()
        reason = f"worker {worker.index} {autopsy} in its initializer, {self._work.call_target}"
        return LaunchError(self._environment, reason, autopsy.stderr)
