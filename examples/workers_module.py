"""What the workers of `workers_example.py` run: a model that is loaded once in each of them."""

import os

_model: dict = {}


def load(name):
    """Prepare a worker."""
    _model["name"] = name
    _model["loaded by"] = os.getpid()


def predict(value):
    """Use what was prepared; the second value says that it was prepared in this very process."""
    return f"{_model['name']}: {value * 2}", _model["loaded by"] == os.getpid()


def prepared(_item):
    """Whether that was done in this very process."""
    return _model["loaded by"] == os.getpid()


def worker(_item):
    """The process that runs this."""
    return os.getpid()
