"""What a worker has to bear with: settings of its interpreter, closed descriptors, children that it does not know."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from pools import DEADLINE, FUNCTIONS, an_environment, eventually, pids
from wetlands.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.external_environment import ExternalEnvironment


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


SITES = {
    "a default timeout of sockets": "import socket; socket.setdefaulttimeout(0.01)",
    "an error": "raise RuntimeError('of the site')",
    "warnings as errors": "import warnings; warnings.simplefilter('error')",
    "no streams": "import sys; sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None",
    "another main thread": "import threading; t = threading.Thread(target=lambda: None); t.start(); t.join()",
    "handlers of signals": "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "a folder with our names": "import os, sys; sys.path.insert(0, os.path.dirname(__file__))",
    "a thread of its own": "import _thread, time; _thread.start_new_thread(time.sleep, (60,))",
    "low limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))",
    "builtins that do not work": "import builtins; builtins.print = builtins.open = None",
}


@pytest.mark.parametrize("site", SITES)
def test_whatever_the_site_does_a_worker_answers_and_leaves(site: str, tmp_path: Path) -> None:
    write(tmp_path, "sitecustomize.py", SITES[site])
    for name in ("frames", "messages", "serve", "values", "handle", "control"):
        write(tmp_path, f"{name}.py", "raise RuntimeError('the wrong module')")
    with an_environment(variables={"PYTHONPATH": str(tmp_path)}) as environment:
        (pid,) = pids(environment)
        assert environment.execute(FUNCTIONS, "sleeps", (), {"seconds": 0.05}) is None
        assert TaskStatus.FAILED is environment.submit(FUNCTIONS, "fail").wait_for(DEADLINE).status
        assert pid == environment.execute(FUNCTIONS, "pid")


@pytest.fixture
def environment() -> Iterator[ExternalEnvironment]:
    with an_environment() as launched:
        yield launched


def test_a_task_may_close_its_standard_descriptors(environment: ExternalEnvironment, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "closes.py",
        """
        import os, sys
        def close():
            for descriptor in (0, 1, 2):
                os.close(descriptor)
        def streams():
            sys.stdout.close()
            sys.stderr = None
        """,
    )
    (pid,) = pids(environment)
    environment.execute(module, "streams")
    environment.execute(module, "close")

    assert pid == environment.execute(FUNCTIONS, "pid")
    assert TaskStatus.FAILED is environment.submit(FUNCTIONS, "fail").wait_for(DEADLINE).status


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_multiprocessing_import_the_module_of_the_task(
    environment: ExternalEnvironment, tmp_path: Path, method: str
) -> None:
    module = write(
        tmp_path,
        "parallel.py",
        """
        import multiprocessing
        import wetlands_worker
        from wetlands.task import TaskStatus

        def square(number):
            return number * number

        def squares(method):
            with multiprocessing.get_context(method).Pool(2) as pool:
                return pool.map(square, range(5))
        """,
    )

    assert [0, 1, 4, 9, 16] == environment.execute(module, "squares", (method,))


def test_a_worker_that_is_interrupted_while_idle_goes_on(environment: ExternalEnvironment) -> None:
    import signal

    (pid,) = pids(environment)
    for _ in range(20):
        os.kill(pid, signal.SIGINT)
        assert pid == environment.execute(FUNCTIONS, "pid")


def test_a_task_that_is_interrupted_fails_and_its_worker_goes_on(environment: ExternalEnvironment) -> None:
    import signal

    (pid,) = pids(environment)
    task = environment.submit(FUNCTIONS, "sleeps")
    eventually(lambda: task.message, "it runs")
    os.kill(pid, signal.SIGINT)

    error = task.wait_for(DEADLINE).error
    assert error is not None
    assert error.remote_exception is not None
    assert "KeyboardInterrupt" == error.remote_exception.type_name
    assert pid == environment.execute(FUNCTIONS, "pid")


def test_a_task_may_fork_and_let_the_child_return(environment: ExternalEnvironment, tmp_path: Path) -> None:
    module = write(
        tmp_path,
        "forks.py",
        """
        import os
        def forks(how):
            child = os.fork()
            if child:
                return os.getpid(), os.waitpid(child, 0)[0] == child
            if how == "raises":
                raise ValueError("in the child")
            return "answer of the child"
        """,
    )
    (pid,) = pids(environment)
    for how in ("returns", "raises"):
        assert (pid, True) == environment.execute(module, "forks", (how,))
    assert 1 == environment.execute(FUNCTIONS, "echo", (1,))
