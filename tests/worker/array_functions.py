"""What workers of the tests do with arrays."""

# mypy: ignore-errors

import dataclasses
import os
import signal
import threading

import numpy as np

_kept = []


def echo(value):
    return value


def fills(array, value):
    array[...] = value
    return array.sum()


def total(array):
    return float(array.sum())


def ones(size):
    return np.ones(size)


def full(size, value):
    return np.full(size, float(value))


def keeps(array):
    _kept[:] = [array]


def kept_total():
    return int(_kept[0].sum())


def gives_output(size, task):
    task.set_output("half", np.full(size, 0.5))
    return np.ones(size)


def raises(array):
    raise ValueError("no")


def unsendable_beside(array):
    return [array, threading.Lock()]


def while_it_has_the_argument(array):
    os.kill(os.getpid(), signal.SIGKILL)


class DiesWhenItIsSent:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def before_it_answers(array):
    return [array, np.ones(array.size), DiesWhenItIsSent()]


_made = {}


def made(size):
    """An array that was there before, so that nothing but its way is measured."""
    if size not in _made:
        _made[size] = np.ones(size, "u1")
    return _made[size]


def squares(size):
    return np.arange(size, dtype="f8") ** 2


def adds(value, number):
    value["image"][...] += number
    return value


def every_second(array):
    return array[::2, ::-1]


def holds(array):
    _kept[:] = [array]
    return array.nbytes


def lets_go():
    _kept.clear()


def shortened():
    """Of the files that are shared with the host: how many there are, and those that could be cut."""
    links = ["/proc/self/fd/" + name for name in os.listdir("/proc/self/fd")]
    ours = [link for link in links if os.path.lexists(link) and "memfd:wetlands" in os.readlink(link)]
    cut = []
    for link in ours:
        try:
            os.truncate(link, 0)
        except PermissionError:
            continue
        cut.append(os.readlink(link))
    return len(ours), cut


class OnlyThere:
    def __init__(self, array):
        self.array = array


def only_there(size):
    return OnlyThere(np.ones(size))


def total_of(value):
    return float(value.array.sum())


def limits_files(size):
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def limits_addresses(more):
    """No more than so many bytes can be allocated from now on."""
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more, size + more))


def dies_when(name):
    """This worker dies when it comes to that step of a later transfer."""
    from wetlands_worker.exchange import Exchange

    before = getattr(Exchange, name)

    def dies(*args, **kwargs):
        before(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Exchange, name, dies)
    return os.getpid()


def seen(value):
    """What this side sees of the arrays in a value: nothing of it is taken on trust from whoever sent it."""
    if isinstance(value, dict):
        return {key: seen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [seen(item) for item in value]
    if isinstance(value, np.ma.MaskedArray):
        return seen(np.ma.getdata(value)), seen(np.ma.getmaskarray(value))
    return value.dtype.str, value.shape, value.tobytes(), value.flags.writeable, value.flags.aligned


@dataclasses.dataclass
class Measurement:
    image: np.ndarray
    name: str
    parts: list


def doubled(measurement):
    return dataclasses.replace(measurement, image=measurement.image * 2, name=measurement.name * 2)
