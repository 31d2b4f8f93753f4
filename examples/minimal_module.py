"""Runs in the environment "numpy", called by minimal_example.py."""


def sum(x):
    import numpy as np  # only this environment has it

    return int(np.sum(x))
