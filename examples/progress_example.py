"""Build environments while the program goes on: what is done, two at once, and one that is given up.

Run it with `uv run examples/progress_example.py`. On a terminal, a line for each build is shown while it is under way.
"""

import asyncio
import tempfile
from pathlib import Path

from wetlands import EnvironmentManager, TaskEventType


def follow(event):
    """Note each stage once; `event.message`, `current`, `maximum` and `unit` say how far it is."""
    if event.type is TaskEventType.UPDATE and event.stage not in stages:
        stages.append(event.stage)


async def build_both(manager):
    return await asyncio.gather(
        manager.create_async("old", {"pip": ["iniconfig==2.0.0"]}),
        manager.create_async("new", {"pip": ["iniconfig==2.1.0"]}),
    )


stages: list[str] = []
with tempfile.TemporaryDirectory() as temporary, EnvironmentManager(Path(temporary, "instance")) as manager:
    task = manager.create_async("tiny", {"pip": ["iniconfig"]}, ["echo ready"], start=False)
    task.listen(follow)  # before it begins, so that nothing is missed
    env = task.wait_for(timeout=60).result
    print(env.name, stages)

    old, new = asyncio.run(build_both(manager))
    print(*new.diff(old))

    with manager.create_async("unwanted", {"pip": ["iniconfig"]}) as unwanted:
        pass  # leaving the block cancels what has not ended
    print(unwanted.status.name, "unwanted" in manager.environments)
