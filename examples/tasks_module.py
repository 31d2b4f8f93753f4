"""Runs in the environment "tasks", called by tasks_example.py."""

import time


def count(limit, task):
    """Count slowly, tell how far, and stop when asked to.

    Wetlands passes the handle `task` because there is a parameter of that name that the caller leaves out.
    """
    for number in range(1, limit + 1):
        if task.cancel_requested:
            task.cancel()
            return None
        time.sleep(0.01)
        task.update(f"counted to {number}", current=number, maximum=limit)
    task.set_output("last", limit)
    return limit
