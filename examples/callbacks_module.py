"""A training that tells the host how it goes, and asks whether to go on."""


def train(steps, on_step, should_stop):
    """Call functions of the host; what they raise is raised here."""
    loss = 1.0
    for step in range(steps):
        loss /= 2
        on_step(step, loss=loss)
        if should_stop(loss):
            return f"stopped after {step + 1} steps"
    return f"all {steps} steps"


def save(name, ask):
    """An exception of the host comes with its own type."""
    try:
        return ask(name)
    except FileExistsError as error:
        return f"not saved: {error}"
