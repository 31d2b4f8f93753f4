"""Generators that run in an environment."""


def simulate(steps, size):
    """A long computation that shows each step."""
    state = [0.0] * size
    for step in range(steps):
        state = [value + 0.5 for value in state]
        yield f"step {step}: {sum(state)}"
    return f"{steps} steps"


def for_ever():
    number = 0
    while True:
        yield number
        number += 1
