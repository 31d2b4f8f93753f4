"""Await tasks from asyncio, with time-outs, without blocking the event loop.

Run it with `uv run examples/async_example.py`.
"""

import asyncio
from pathlib import Path

from wetlands import EnvironmentManager

MODULE = Path(__file__).parent / "async_module.py"


async def main():
    with EnvironmentManager() as environment_manager:
        # Creating and launching block: leave them to a thread, and the event loop stays free.
        env = await asyncio.to_thread(environment_manager.create, "async")
        await asyncio.to_thread(env.launch, max_workers=2)

        # A task is awaited for its result.
        print(await env.submit(MODULE, "slow_square", args=(3,)))
        print(await asyncio.gather(*(env.submit(MODULE, "slow_cube", args=(x,)) for x in range(4))))

        # Cancelling the wait, as a time-out does, cancels the task too. A shield keeps it going.
        task = env.submit(MODULE, "slow_square", args=(4,))
        try:
            await asyncio.wait_for(asyncio.shield(task), timeout=0.001)
        except asyncio.TimeoutError:
            print("not yet")
        print(await task)

        # Leaving the block early, by an error or by a break, would cancel the task and wait for its end.
        async with env.submit(MODULE, "slow_square", args=(5,)) as task:
            async for event in task.events():
                if task.status.is_finished():
                    print(event.type.name)
        print(task.result)


if __name__ == "__main__":
    asyncio.run(main())
