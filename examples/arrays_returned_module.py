"""Runs in the environment "arrays_returned", called by arrays_returned_example.py."""

import numpy as np


def edges(image):
    rows = np.abs(np.diff(image, axis=0, prepend=0))
    columns = np.abs(np.diff(image, axis=1, prepend=0))
    return np.maximum(rows, columns)


def describe(images):
    return [{"mean": round(float(image.mean()), 4), "histogram": np.histogram(image, 2)[0]} for image in images]


def clear(image):
    image[...] = 0
    return int(image.sum())


def edge_length(tile):
    return int(edges(tile).sum())
