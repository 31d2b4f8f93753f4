"""A program with busy workers, to be killed or interrupted: `python saboteur_host.py WHAT`, says JSON lines."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, in_thread, pids, pool_of, unlaunched
from wetlands._launch.guardian import Guardian


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def busy(*, forked: bool) -> None:
    """One worker sleeps, one holds the lock of its interpreter in C code, one ignores every request, one is idle."""
    with an_environment(max_workers=4) as environment:
        tasks = [environment.submit(FUNCTIONS, name) for name in ("sleeps", "counts", "ignores_everything")]
        eventually(lambda: all(task.message for task in tasks), "the tasks run")
        guardian = pool_of(environment)._lives._guardian
        assert isinstance(guardian, Guardian)
        assert guardian._process is not None
        child = os.fork() if forked else -1  # as multiprocessing does: it has copies of all our descriptors
        if child != 0:
            say(workers=pids(environment), guardian=guardian._process.pid, child=child)
        time.sleep(60)


def preloaded() -> None:
    """The same, with workers that are forked, and so the children of another process that has to end too."""
    with unlaunched() as environment:
        environment.launch(max_workers=4, preload=["json"])
        tasks = [environment.submit(FUNCTIONS, name) for name in ("sleeps", "counts", "ignores_everything")]
        eventually(lambda: all(task.message for task in tasks), "the tasks run")
        parent = environment.execute("os", "getppid")
        guardian = pool_of(environment)._lives._guardian
        assert isinstance(guardian, Guardian)
        assert guardian._process is not None
        say(workers=[*pids(environment), parent], guardian=guardian._process.pid, child=-1)
        time.sleep(60)


def launching() -> None:
    """Killed while its workers start."""
    with an_environment(max_workers=4, worker_env=lambda index: {"INDEX": str(index)}):
        say(done=True)


def interrupted() -> None:
    """Ctrl-C inside a blocking call: the call is given up, and the environment goes on."""
    with an_environment() as environment:
        for path in sys.argv[2:]:
            try:
                environment.execute(FUNCTIONS, "begins_until_canceled", (path,))
            except KeyboardInterrupt:
                say(interrupted=path)
        workers = pids(environment)
        say(result=environment.submit(FUNCTIONS, "pid").wait_for(DEADLINE).result in workers)
        say(result=environment.execute(FUNCTIONS, "echo", (7,)))


def interrupted_in_the_queue() -> None:
    """Ctrl-C while a blocking call waits for a worker: it never runs."""
    with an_environment() as environment:
        begun, unwanted = sys.argv[2:]
        running = None
        try:
            running = environment.submit(FUNCTIONS, "begins_until_canceled", (begun,))
            environment.execute(FUNCTIONS, "touch", (unwanted,))
        except KeyboardInterrupt:
            say(interrupted=unwanted)
        if running is not None:
            running.cancel()
        say(result=environment.execute(FUNCTIONS, "echo", (7,)), ran=Path(unwanted).exists())


def interrupted_often() -> None:
    """Ctrl-C at random moments of short calls, while another thread submits: before sending, in between, after."""
    rounds, stop, chance = int(sys.argv[2]), threading.Event(), random.Random(7)  # noqa: S311 - moments, no secrets

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    with an_environment() as environment:

        def submit() -> None:
            while not stop.is_set():
                environment.submit(FUNCTIONS, "echo", (2,)).wait_for(DEADLINE)

        finish = in_thread(submit, DEADLINE * 2)
        for number in range(rounds):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.random() * 0.0006 + 0.00001)
                while True:
                    environment.execute(FUNCTIONS, "echo", (number,))
            except KeyboardInterrupt:
                pass
            assert environment.submit(FUNCTIONS, "echo", (number,)).wait_for(DEADLINE).result == number
        stop.set()
        finish()
        say(result=environment.execute(FUNCTIONS, "echo", (7,)))


if __name__ == "__main__":
    {
        "busy": lambda: busy(forked=False),
        "forked": lambda: busy(forked=True),
        "preloaded": preloaded,
        "launching": launching,
        "interrupted": interrupted,
        "interrupted_often": interrupted_often,
        "interrupted_in_the_queue": interrupted_in_the_queue,
    }[sys.argv[1]]()
