"""Take the results of a long computation one by one, while it goes on.

Run it with `uv run examples/stream_example.py`.
"""

from itertools import islice
from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "stream_module.py"


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("stream") as env:
        env.launch()
        steps = env.stream(MODULE, "simulate", (4, 10))
        for step in steps:
            print(step)
        print(steps.value)

        # Leaving the block closes the generator in the worker, which is then free for other calls.
        with env.stream(MODULE, "for_ever", window=8) as numbers:
            print(list(islice(numbers, 5)))


if __name__ == "__main__":
    main()
