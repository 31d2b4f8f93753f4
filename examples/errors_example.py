"""What happens when a call fails: the exception says where and why, and the environment goes on working.

Run it with `uv run examples/errors_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager, ExecutionException

MODULE = Path(__file__).parent / "errors_module.py"


def attempt(env, function, *args):
    try:
        return env.execute(MODULE, function, args=args)
    except ExecutionException as error:
        return error


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("errors") as env:
        env.launch()

        # The function raised: the failure is data, and the far traceback is the error's cause.
        error = attempt(env, "parse", "three")
        print(error)
        print(f"  category: {error.failure.category.value}")
        print(f"  caused by: {error.failure.remote_exception.cause.message}")

        # The result cannot cross: the failure says which part of it.
        error = attempt(env, "unsendable")
        print(f"{error.failure.category.value}: {'answers' in str(error)}")

        # The worker died: only its own task fails, another worker takes over.
        error = attempt(env, "crash")
        print(f"{error.failure.category.value}: signal {error.failure.signal}")
        print(attempt(env, "parse", "3"))


if __name__ == "__main__":
    main()
