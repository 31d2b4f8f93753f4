"""Runs in the environment "arrays_provided", called by arrays_provided_example.py."""

import numpy as np


def blur(image, result):
    """Write into an array that the caller provides: the result needs no way back."""
    padded = np.pad(image, 1, mode="edge")
    rows, columns = image.shape
    result[...] = 0
    for row in range(3):
        for column in range(3):
            result += padded[row : row + rows, column : column + columns] / 9


def fill(tile, value):
    tile[...] = value


def stretch(ndarray):
    """An NDArray is shared too; it comes with the handle of its memory."""
    array = ndarray.array
    array *= 2
    return ndarray
