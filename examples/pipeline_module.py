"""Runs in the three environments of pipeline_example.py."""

import numpy as np


def load(rows, columns):
    return np.tile(np.linspace(0, 1, columns), (rows, 1))


def clip(image, most):
    above = image > most
    image[above] = most
    return int(above.sum())


def summary(images):
    return {name: (image.shape, float(image.max())) for name, image in images.items()}
