"""Use an environment as a `concurrent.futures.Executor`, with functions of this very file.

Run it with `uv run examples/executor_example.py`.
"""

import asyncio
import os
from functools import partial

from wetlands import EnvironmentManager, ExecutionException


def power(value, exponent):
    return value**exponent


def divide(value):
    return 1 / value


def process_id():
    return os.getpid()


async def from_a_loop(executor):
    loop = asyncio.get_running_loop()
    factor = 10
    return await asyncio.gather(*(loop.run_in_executor(executor, lambda n: n * factor, n) for n in (1, 2, 3)))


def main():
    with EnvironmentManager() as environment_manager, environment_manager.create("executor") as env:
        env.launch(max_workers=2)
        with env.executor() as executor:
            # The workers import this file to find its functions; the guard at its end keeps them from running main().
            print(list(executor.map(partial(power, exponent=2), [1, 2, 3, 4])))

            # A lambda goes by its source. With `chunksize` short calls travel together.
            print(list(executor.map(lambda value: value * 3, [1, 2, 3], chunksize=2)))

            print(asyncio.run(from_a_loop(executor)))

            try:
                executor.submit(divide, 0).result()
            except ExecutionException as error:
                print(error)

            print(executor.submit(process_id).result() != os.getpid())


if __name__ == "__main__":
    main()
