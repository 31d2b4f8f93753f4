"""What the workers of the tests run, under Python 3.8 too."""

# mypy: ignore-errors

import asyncio
import os
import signal
import sys
import threading
import time

import wetlands_worker

DEADLINE = 30.0


def echo(value=None):
    return value


def add(first, second=0, *, third=0):
    return first + second + third


def pid():
    return os.getpid()


def fail(message="bad input"):
    try:
        {}["cause"]
    except KeyError as error:
        raise ValueError(message) from error


def die(signal_number=signal.SIGKILL):
    os.kill(os.getpid(), signal_number)
    time.sleep(DEADLINE)


def leave(code):
    os._exit(code)


def unsendable():
    return {"good": 1, "bad": [lambda: None]}


def wait_for_file(path, task):
    """Say that it runs; return when the file is there."""
    task.update("begun")
    deadline = time.monotonic() + DEADLINE
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.002)
    return path


def begins_until_path(path, result, task):
    task.update("begun")
    while not os.path.exists(path):
        time.sleep(0.005)
    print("the path is there", flush=True)
    task.update("seen", current=1, maximum=2)
    task.set_output("path", path)
    return result


def fails_after_path(path, task):
    task.update("begun")
    while not os.path.exists(path):
        time.sleep(0.005)
    raise ValueError("too late")


def slow_variable(name):
    time.sleep(0.1)  # so that one worker cannot take all
    return os.environ.get(name)


def touch(path):
    with open(path, "a"):
        return path


def append(path, text):
    with open(path, "a") as file:
        file.write(text)
    return text


def wait_for_three(folder, index):
    """Return when three calls run at the same time."""
    touch(os.path.join(folder, f"call {index}"))
    deadline = time.monotonic() + DEADLINE
    while len(os.listdir(folder)) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    return len(os.listdir(folder))


def wait_for_others(folder, name, count):
    """Return when so many calls run at the same time."""
    touch(os.path.join(folder, name))
    deadline = time.monotonic() + DEADLINE
    while len(os.listdir(folder)) < count and time.monotonic() < deadline:
        time.sleep(0.002)
    return len(os.listdir(folder))


def until_canceled(task):
    task.update("begun")
    deadline = time.monotonic() + DEADLINE
    while not task.cancel_requested:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.001)
    return "finished properly"


def begins_until_canceled(path, task):
    touch(path)
    return until_canceled(task)


def writes_when_canceled(path, task):
    until_canceled(task)
    with open(path, "w") as file:
        file.write("saved")


def leaves_a_lasting_thread():
    """It is no daemon: the interpreter waits for it."""
    threading.Thread(target=time.sleep, args=(DEADLINE,)).start()


def leaves_a_child():
    import subprocess

    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


def leaves_a_child_and_dies(path):
    with open(path, "w") as file:
        file.write(str(leaves_a_child()))
    die()


def until_canceled_or(path, task):
    while not task.cancel_requested and not os.path.exists(path):
        time.sleep(0.001)
    return str(path)


def waits_if_path(path, task):
    return wait_for_file(path, task) if os.path.isabs(path) else path


def waits_or_records(item, task):
    path, record = item
    return until_canceled(task) if os.path.isabs(path) else append(record, path)


def add_one(number):
    return number + 1


def pid_for(_):
    return os.getpid()


def inverse(number):
    return 1 / number


def unsendable_from(number):
    return number if number < 2 else lambda: None


def dies_at(pair):
    number, deadly = pair
    if number == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def touches(path):
    touch(path)
    time.sleep(0.002)


def cancels_itself(task):
    task.cancel()
    return "dropped"


def steps(count, task):
    for step in range(count):
        task.update(f"step {step}", current=step + 1, maximum=count)
    return count


def outputs(task):
    task.set_output("first", [1])
    task.set_output("second", {"a": None})
    return "done"


def ignores_everything(task, path=None):
    """Neither asking nor SIGINT nor SIGTERM ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    task.update("begun")
    if path is not None:
        touch(path)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass


def sleeps(task, seconds=60):
    task.update("begun")
    time.sleep(seconds)


class _Slow:
    def __reduce__(self):
        time.sleep(60)
        return _Slow, ()


def reports_slowly(task):
    task.update("begun")
    task.set_output("slow", _Slow())


def reports_slowly_from_a_thread(task):
    thread = threading.Thread(target=reports_slowly, args=(task,))
    thread.start()
    thread.join()


def counts(task):
    """Hold the interpreter's lock in C code."""
    task.update("begun")
    return sum(range(10**12))


def returns_when_interrupted(task):
    task.update("begun")
    try:
        time.sleep(DEADLINE)
    except KeyboardInterrupt:
        return "tidied up"


def returns_when_canceled_after(seconds, task):
    until_canceled(task)
    time.sleep(seconds)
    return "slowly"


def spins(task):
    """Compute in Python."""
    task.update("begun")
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        pass


def naps(seconds):
    time.sleep(seconds)
    return seconds


def gives_signs(how, count, pause, task):
    """Be silent for a moment only, again and again."""
    for number in range(count):
        time.sleep(pause)
        if how == "update":
            task.update("still there")
        elif how == "output":
            task.set_output("step", number)
        elif how == "log":
            task.log("still there")
        else:
            sys.stdout.write("still there\n")
    return count


def naps_for(seconds, task):
    """How long it took."""
    task.update("begun")
    began = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - began


def holds_the_lock(seconds):
    """Native code that lets no other thread run."""
    import ctypes

    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    return "held"


def variable(name):
    return os.environ.get(name)


def big(size):
    return bytes(size)


def length(value):
    return len(value)


def thread_names():
    return threading.current_thread() is threading.main_thread(), threading.current_thread().name


async def coroutine(value):
    await asyncio.sleep(0)
    return value


def annotated(first, reporter: wetlands_worker.RemoteTaskHandle):
    reporter.update(message="by annotation")
    return first, type(reporter).__name__


def through_current_task():
    wetlands_worker.current_task().update(message="by current_task")
    return True


def own_task(task="mine"):
    return task


_late = []


def leaves_a_thread(task, go, done):
    """A background thread of it goes on reporting after it has returned."""

    def report():
        deadline = time.monotonic() + DEADLINE
        while not os.path.exists(go) and time.monotonic() < deadline:
            time.sleep(0.002)
        for number in range(200):
            task.update(f"late {number}")
            task.set_output("late", number)
            task.log("late")
        touch(done)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    _late.append(thread)
    return "returned"


def floods_from_threads(count, size, task):
    """Several threads report at the same time."""

    def report(name):
        for number in range(count):
            task.set_output(f"{name}-{number}", name * size)

    threads = [threading.Thread(target=report, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for number in range(count):
        task.update(f"main {number}", current=number, maximum=count)
    for thread in threads:
        thread.join()
    return count


def logs(message, level, task):
    task.log(message, level)


def prints(*lines, end="\n", to="stdout"):
    stream = sys.stdout if to == "stdout" else sys.stderr
    for line in lines:
        print(line, end=end, file=stream)


def raises_exit(code):
    sys.exit(code)


def never_called():
    raise AssertionError("this must not run")
