"""Workers that load a model once, are forked with their libraries, are renewed, and come and go with the work.

Run it with `uv run examples/workers_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).with_name("workers_module.py")

with EnvironmentManager() as manager:
    env = manager.create("workers")

    # the standard library stands for a large one here; it is imported once, and the model loaded once per worker
    env.launch(max_workers=2, preload=["decimal"], initializer=(MODULE, "load", ("tiny",)))
    print(env.execute(MODULE, "predict", (21,)))
    print(all(env.map(MODULE, "prepared", range(8))))
    env.exit()

    # a library leaks: a fresh process after every 3 calls
    env.launch(max_tasks_per_worker=3)
    print(len(set(env.map(MODULE, "worker", range(9)))), "processes")
    env.exit()

    # nothing runs while nothing is to be done
    env.launch(min_workers=0, max_workers=2, idle_timeout=30)
    print(env.worker_count, "workers")
    env.execute(MODULE, "worker", (0,))
    print(env.worker_count, "worker")
