"""What users start inside of a task: children of multiprocessing, pools, commands. Runs under any Python."""

# mypy: ignore-errors

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys

import wetlands_worker

WAIT = 10.0


class Images:
    """As a Dataset of torch: defined in the user's file, sent to the children of a loader."""

    def __init__(self, count):
        self.count = count

    def __getitem__(self, index):
        return Image(index, [index] * 3)


class Image:
    def __init__(self, index, pixels):
        self.index = index
        self.pixels = pixels


class BrokenError(Exception):
    pass


def square(number):
    return number * number


def fails(number):
    raise BrokenError(f"image {number}")


def dies(_):
    os.kill(os.getpid(), signal.SIGKILL)


def loads(dataset, wanted, loaded):
    for index in iter(wanted.get, None):
        loaded.put(dataset[index])


class Loader:
    """What a DataLoader does: children that take indices from a queue, and put items into another one."""

    def __init__(self, method, workers):
        self.context = multiprocessing.get_context(method)
        self.wanted, self.loaded = self.context.Queue(), self.context.Queue()
        arguments = (Images(100), self.wanted, self.loaded)
        self.children = [self.context.Process(target=loads, args=arguments, daemon=True) for _ in range(workers)]
        for child in self.children:
            child.start()

    def load(self, indices):
        for index in indices:
            self.wanted.put(index)
        images = [self.loaded.get(timeout=WAIT) for _ in indices]
        return sorted(tuple(image.pixels) for image in images)

    def close(self):
        for _ in self.children:
            self.wanted.put(None)
        for child in self.children:
            child.join(WAIT)
        return [child.exitcode for child in self.children]


def loads_images(method):
    loader = Loader(method, 2)
    return loader.load(range(4)), loader.close()


_persistent = []


def loads_with_lasting_children(method, indices):
    """`persistent_workers=True`: the children outlive the call that started them."""
    if not _persistent:
        _persistent.append(Loader(method, 2))
    return _persistent[0].load(indices), [child.pid for child in _persistent[0].children]


def maps(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return pool.map(square, range(5)), pool.apply(Images, (7,)).count


def fails_in_a_child(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.map(fails, [3])


def maps_by_default():
    with multiprocessing.Pool(2) as pool:
        return pool.map(square, range(5))


def executes_in_processes(method):
    context = None if method is None else multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        return list(executor.map(square, range(5)))


def breaks_its_pool():
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        return executor.submit(dies, 0).result(WAIT)


def executes_in_threads():
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        return list(executor.map(square, range(5)))


def runs_a_command():
    code = "import sys; print(sys.stdin.read() + 'said on stdout')"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, timeout=WAIT)
    return done.stdout.decode().strip()


def runs_a_command_in_a_thread():
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        return [future.result(WAIT) for future in [executor.submit(runs_a_command) for _ in range(4)]]


def reports_in_a_child(task):
    """The handle reaches a forked child, whose reports go nowhere."""
    child = multiprocessing.get_context("fork").Process(target=_reports, args=(task,))
    child.start()
    child.join(WAIT)
    task.update("of the parent")
    return child.exitcode


def _reports(task):
    task.update("of the child")
    task.set_output("key", 1)
    task.log("line")
    assert wetlands_worker.current_task() is task
