"""What the workers of persistent_example.py run."""

import time

model = None


def load(name):
    global model  # noqa: PLW0603 - a worker keeps it for later calls
    model = name


def predict(x):
    return f"{model}: {2 * x}"


def count(seconds):
    for _ in range(seconds):
        time.sleep(0.2)
    return f"{seconds} counted"
