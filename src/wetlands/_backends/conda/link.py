"""Puts packages into a prefix: downloads what no cache has, links, tells how far it is, and stops in good order."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
import weakref
from typing import TYPE_CHECKING, cast

from rattler import install

from wetlands._backends.conda.tally import Handed, Tally
from wetlands._spec.secrets import masked
from wetlands.exceptions import DownloadError

if TYPE_CHECKING:
    from pathlib import Path

    from rattler import InstallerReporter

    from wetlands._backends.conda.loop import Tell
    from wetlands._backends.conda.settings import Engine
    from wetlands._backends.conda.solve import Solution

__all__ = ["STALL_SECONDS", "link"]

_LOOK_SECONDS = 0.5
STALL_SECONDS = 120.0
"""How long nothing may arrive of a download before it is given up."""
# The engine links in threads that it cannot stop: how long they are waited for, and when they count as done.
_LINKS_SECONDS = 20.0
_STILL_SECONDS = 0.3
# How long a moment is waited for in which nothing is being linked.
_GRACE_SECONDS = 2.0
# How long the engine may take to hear of a cancellation.
_HEARD_SECONDS = 1.0


async def link(
    solution: Solution,
    prefix: Path,
    engine: Engine,
    tell: Tell,
    *,
    stall_seconds: float | None = None,
    expected: int = 0,
) -> None:
    """Make a prefix hold exactly the packages of a solution.

    When it fails or is cancelled, it returns after the last file was written. A download that is under way then goes on
    in the background, into the cache.

    Args:
        solution: The packages.
        prefix: The prefix, which need not exist yet.
        engine: What downloads and links.
        tell: Told the progress, from any thread.
        expected: Bytes that are known to be missing in the cache.
        stall_seconds: How long nothing may arrive of a download; by default `STALL_SECONDS`.

    Raises:
        DownloadError: Nothing arrived for too long.
    """
    tally = Tally(solution.records, tell, expected=expected)  # type: ignore[abstract]  # a no-op without a body counts as abstract
    reporter = Handed(tally)
    handed = weakref.ref(reporter)
    work = asyncio.ensure_future(_install(solution, prefix, engine, reporter))
    del reporter  # from now on, only the engine holds it
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK_SECONDS)
            _check_that_it_moves(tally, STALL_SECONDS if stall_seconds is None else stall_seconds)
        work.result()
    except BaseException:  # also when one package failed: the engine does not wait for the others
        await _stop(work, tally, handed, prefix)
        raise


def _check_that_it_moves(tally: Tally, stall_seconds: float) -> None:
    if tally.stalled_for() > stall_seconds:
        raise DownloadError(
            masked(tally.current_download),
            f"Nothing arrived for {stall_seconds:g} seconds",
            "The server or the network is stuck: try again, or name a mirror of the channel.",
        )


async def _install(solution: Solution, prefix: Path, engine: Engine, reporter: Handed) -> None:
    # py-rattler 0.28 takes what is inside of its own MatchSpec here.
    requested = [getattr(spec, "_match_spec", spec) for spec in solution.requested]
    await install(
        list(solution.records),
        prefix,
        cache_dir=engine.packages,
        client=engine.client,
        config=engine.config,  # link scripts stay off unless the user's configuration turns them on
        requested_specs=requested,
        reinstall_packages=set(solution.again) or None,
        reporter=cast("InstallerReporter", reporter),
        show_progress=False,
    )


async def _stop(work: asyncio.Future[None], tally: Tally, handed: weakref.ref[Handed], prefix: Path) -> None:
    """Cancel, at a moment when nothing is being linked if one comes soon; then wait until the prefix is still."""
    grace = time.monotonic() + _GRACE_SECONDS
    while not work.done() and tally.linking and time.monotonic() < grace:  # noqa: ASYNC110 - counted elsewhere
        await asyncio.sleep(0.002)
    work.cancel()
    try:
        await work
    except BaseException as error:  # noqa: BLE001 - cancelled, or it failed at the same moment
        traceback.clear_frames(error.__traceback__)  # they hold what was handed to the engine
    # The engine hears of it a little later, and may begin a link until then. It has heard when it lets go of the tally,
    # which a download that is under way also holds.
    heard = time.monotonic() + _HEARD_SECONDS
    while handed() is not None and time.monotonic() < heard:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.002)
    if tally.linking:  # nobody tells when these end
        await _stillness(prefix, time.monotonic() + _LINKS_SECONDS)


async def _stillness(prefix: Path, deadline: float) -> None:
    seen, since = -1, time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < _STILL_SECONDS:
        if (now := _entries(prefix)) != seen:
            seen, since = now, time.monotonic()
        await asyncio.sleep(0.02)


def _entries(prefix: Path) -> int:
    return sum(len(folders) + len(files) for _, folders, files in os.walk(prefix))
