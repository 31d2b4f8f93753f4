"""Create an environment with numpy, and call a function in it.

Run it with `uv run examples/minimal_example.py`. The environment is built the first time, in the folder `wetlands` of
the current directory, and found there the next time.
"""

from pathlib import Path

from wetlands.environment_manager import EnvironmentManager

MODULE = Path(__file__).parent / "minimal_module.py"


def main():
    environment_manager = EnvironmentManager()
    env = environment_manager.create("numpy", {"pip": ["numpy==2.2.4"]})
    env.launch()

    # As a module: its functions are called as if it had been imported here.
    minimal_module = env.import_module(MODULE)
    print(minimal_module.sum([1, 2, 3]))

    # Or by name.
    print(env.execute(MODULE, "sum", args=([1, 2, 3],)))

    env.exit()


if __name__ == "__main__":
    main()
