"""What workers do with callables of the host, under Python 3.8 too."""

# mypy: ignore-errors

import copy
import os
import pickle
import signal
import threading
import time

DEADLINE = 30.0


class Rebuilt:
    """An object that a function of this file rebuilds."""

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return rebuild, (self.value,)

    def __eq__(self, other):
        return isinstance(other, Rebuilt) and other.value == self.value

    def __hash__(self):
        return hash(self.value)


def rebuild(value):
    return Rebuilt(value)


def call(function, *args, **kwargs):
    return function(*args, **kwargs)


def call_all(functions, value):
    """Of a nested container."""
    return [function(value) for function in (*functions["list"], functions["more"]["deep"][0])]


def each(function, count):
    return [function(item) for item in range(count)]


def streamed(function, count):
    for item in range(count):
        yield function(item)


def rebuilt_value(thing):
    return type(thing).__name__, thing.value, os.getpid()


def pid():
    return os.getpid()


def add(first, second=0):
    return first + second


def caught(function):
    """The exception of a callable, seen from here."""
    try:
        function()
    except Exception as error:
        return type(error).__module__, type(error).__name__, str(error), str(error.__cause__), error.args


def described(function):
    return repr(function), function.__name__, callable(function)


def give_back(function):
    return function


def a_lambda():
    """In the host: one that goes to a worker by its source."""
    return lambda given: given(2)


def calls_what_it_makes(function):
    return function(3)(4)


def give_to(function, other):
    """A callable receives another one."""
    return function(other, 3)


def in_threads(function, count):
    results = [None] * count

    def run(index):
        results[index] = function(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def copies(function):
    return copy.deepcopy({"a": [function]})["a"][0](1), copy.copy(function)(2)


def pickles(function):
    return pickle.loads(pickle.dumps(function))


_kept = []


def keep(function):
    _kept.append(function)
    return function(1)


def call_kept():
    return _kept.pop()(2)


def caught_late():
    try:
        return call_kept()
    except RuntimeError as error:
        return str(error)


def thread_outlives_task(function, go, result):
    """A background thread calls after the task has ended."""

    def run():
        deadline = time.monotonic() + DEADLINE
        while not os.path.exists(go) and time.monotonic() < deadline:
            time.sleep(0.002)
        try:
            function(1)
            answer = "called"
        except RuntimeError as error:
            answer = str(error)
        with open(result + ".part", "w") as file:
            file.write(answer)
        os.rename(result + ".part", result)

    threading.Thread(target=run, daemon=True).start()
    return "returned"


def forks_and_calls(function):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function(1)
            answer = "called"
        except RuntimeError as error:
            answer = str(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.waitpid(child, 0)
    answer = os.read(reading, 1000).decode()
    os.close(reading)
    os.close(writing)
    return answer, function(2)


def calls_when_interrupted(function, task):
    task.update("begun")
    try:
        function("wait")
    except KeyboardInterrupt:
        function("tidied up")
        raise


def dies_while_calling(function):
    threading.Thread(target=function, args=(1,), daemon=True).start()
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(DEADLINE)


def arrays(function):
    import numpy as np

    return function(np.arange(100_000)).sum()
