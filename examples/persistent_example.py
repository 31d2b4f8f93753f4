"""Workers that outlive the program: the second part of this example could be another run of it.

Run it with `uv run examples/persistent_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).with_name("persistent_module.py")

# the first run: a model is loaded, a long call is begun, and the program ends in the middle of it
manager = EnvironmentManager()
env = manager.launch_or_attach(manager.create("persistent"))
env.execute(MODULE, "load", ("tiny",))
task = env.submit(MODULE, "count", (3,))
manager.detach()

# the next run: the same worker, with its model, and what it has finished meanwhile
with EnvironmentManager() as manager:
    env = manager.launch_or_attach(manager.create("persistent"), attach_timeout=30)
    for past in env.pending_results():
        print(past.call_target, past.status.name, past.result, past.id == task.id)
    print(env.execute(MODULE, "predict", (21,)))
