"""How an event loop learns what happens to a task, from whatever thread tells it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wetlands._tasks.events import TERMINAL_EVENTS

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable

    from wetlands._tasks.events import TaskEvent
    from wetlands.task import Task

__all__ = ["called_back", "events_of"]

T = TypeVar("T")


async def events_of(task: Task[T]) -> AsyncGenerator[TaskEvent, None]:
    """Iterate over what happens from now on, up to and with the end of the task; start it if nobody has."""
    import asyncio  # noqa: PLC0415 - most users never need it, and it is slow to import

    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[TaskEvent] = asyncio.Queue()

    def pass_on(event: TaskEvent) -> None:
        _in_loop(loop, partial(arrived.put_nowait, event))

    task.listen(pass_on)
    try:
        task.start()
        while True:
            event = await arrived.get()
            yield event
            if event.type in TERMINAL_EVENTS.values():
                return
    finally:
        task.remove_listener(pass_on)


async def called_back(subscribe: Callable[[Callable[[object], None]], object]) -> None:
    """Wait until what is handed to `subscribe` is called."""
    import asyncio  # noqa: PLC0415 - see events_of()

    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def wake() -> None:
        if not ended.done():
            ended.set_result(None)

    subscribe(lambda _: _in_loop(loop, wake))
    await ended


def _in_loop(loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:  # the loop has been closed meanwhile; nobody waits there any more
        return
