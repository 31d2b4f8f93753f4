"""Run a function as a task: watch its progress, then cancel another one.

Run it with `uv run examples/tasks_example.py`.
"""

from pathlib import Path

from wetlands import EnvironmentManager, TaskEventType

MODULE = Path(__file__).parent / "tasks_module.py"


def show(event):
    """Listeners are called from another thread, while the task runs: STARTED, UPDATE for all progress, and the end."""
    if event.type is TaskEventType.COMPLETION:
        print(f"{event.message} of {event.maximum}")


def stop(event):
    if event.type is TaskEventType.UPDATE:
        event.task.cancel()


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("tasks") as env:
        env.launch()

        # `start=False` leaves time to listen from the first event on.
        task = env.submit(MODULE, "count", args=(5,), start=False)
        task.listen(show)
        task.start()
        task.wait_for(timeout=60)
        print(f"{task.status.name}: {task.result}, last = {task.outputs['last']}")

        # A running function is asked to stop. It decides when: here, before the next number.
        task = env.submit(MODULE, "count", args=(1_000_000,), start=False)
        task.listen(stop)
        task.start().wait_for(timeout=60)
        print(f"{task.status.name}: stopped early: {task.current != task.maximum}")


if __name__ == "__main__":
    main()
