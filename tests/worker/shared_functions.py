"""What workers of the tests do with shared arrays. They have nothing of ours installed."""

# mypy: ignore-errors

import os
import signal

from wetlands import shared
from wetlands.ndarray import NDArray

_kept = []


def echo(value):
    return value


def fill(array, value):
    array[...] = value


def fill_and_return_part(array):
    array[...] = 3
    return array[1:]


def fill_ndarray(ndarray, value):
    ndarray.array[...] = value
    return ndarray.array.tolist()


def new_ndarray(values, dtype):
    import numpy as np

    return NDArray(np.array(values, dtype))


def new_array(length):
    array = shared.zeros(length, "u1")
    array[-1] = 1
    return array


def keep(array):
    _kept[:] = [array]


def set_kept(value):
    _kept[0][...] = value


def shape_of(value):
    return value.shape


def closed():
    ndarray = NDArray(shape=3, dtype="<f8")
    ndarray.close()
    return ndarray


def fill_and_die(array):
    array[...] = 9
    _kept.append(shared.zeros(8_000_000))
    os.kill(os.getpid(), signal.SIGKILL)
