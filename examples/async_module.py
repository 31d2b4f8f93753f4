"""Runs in the environment "async", called by async_example.py."""

import asyncio
import time


def slow_square(x):
    time.sleep(0.1)
    return x * x


async def slow_cube(x):
    """Coroutine functions are awaited in the worker."""
    await asyncio.sleep(0.1)
    return x**3
