"""Call one function for many values, in several workers at once.

Run it with `uv run examples/parallel_map_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "parallel_map_module.py"


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("parallel_map") as env:
        # Each worker is a process; `worker_env` may give each its own variables, for example one GPU.
        env.launch(max_workers=2, worker_env=lambda index: {"WORKER_NAME": f"worker {index}"})

        # Results come in the order of the values, however long each one takes.
        numbers = [600_851_475_143, 97, 1_000_003 * 999_983, 360]
        print(list(env.map(MODULE, "largest_prime_factor", numbers)))

        # Or as soon as each is ready.
        print(len(set(env.map(MODULE, "largest_prime_factor", numbers, ordered=False))), "results")

        # Or as tasks, to look at each one by itself.
        tasks = env.map_tasks(MODULE, "worker_name", range(20))
        names = {task.wait_for(timeout=60).result for task in tasks}
        print(names <= {"worker 0", "worker 1"})


if __name__ == "__main__":
    main()
