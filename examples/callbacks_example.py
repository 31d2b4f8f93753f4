"""Let a function in an environment call functions and methods of this program.

Run it with `uv run examples/callbacks_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "callbacks_module.py"


class Curve:
    """Stands for a window, a plot, or a database: something that cannot be sent anywhere."""

    def __init__(self):
        self.points = []

    def add(self, step, loss):
        """Remember a point."""
        self.points.append((step, loss))


def ask(name):
    raise FileExistsError(f"{name} is there already")


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("callbacks") as env:
        env.launch()

        # The method changes this very object; it runs on a thread of its own while the worker waits for it.
        curve = Curve()
        print(env.execute(MODULE, "train", (10, curve.add, lambda loss: loss < 0.1)))
        print(curve.points)

        print(env.execute(MODULE, "save", ("model.bin", ask)))


if __name__ == "__main__":
    main()
