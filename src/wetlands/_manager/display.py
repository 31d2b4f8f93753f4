"""Shows builds on a terminal while they are under way: a line for each, which goes away when its build ends."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from wetlands.logger import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.progress import Progress

    from wetlands._store.progress import BuildState, LoggedBuild

__all__ = ["Display", "counts_of", "is_wanted", "show"]


def show(build: LoggedBuild) -> AbstractContextManager[object]:
    """Show a build while the context is open, if this program has a terminal; otherwise nothing is shown."""
    return _SHARED.line(build) if is_wanted(sys.stderr, os.environ) else nullcontext()


def is_wanted(stream: TextIO | None, env: Mapping[str, str]) -> bool:
    """Say whether somebody sees a display: whether the stream is a terminal that can move its cursor.

    Colours are another matter: they are left out where ``NO_COLOR`` says so.
    """
    try:
        return stream is not None and stream.isatty() and env.get("TERM", "").lower() not in {"dumb", "unknown"}
    except ValueError:  # it is closed
        return False


def counts_of(state: BuildState) -> str:
    """Return what a build has counted, for people; empty where it counts nothing."""
    if state.current is None or state.maximum is None:
        return ""
    if state.unit == "bytes":
        return f"{state.current / 1e6:.1f}/{state.maximum / 1e6:.1f} MB"
    return f"{state.current}/{state.maximum} {state.unit or ''}".rstrip()


class Display:
    """The lines of all builds of this process: a terminal can hold one display.

    Args:
        make: Makes the display itself, when the first build begins.
    """

    def __init__(self, make: Callable[[], Progress]) -> None:
        self._make = make
        self._guard = threading.Lock()
        self._progress: Progress | None = None
        self._lines = 0

    @contextmanager
    def line(self, build: LoggedBuild) -> Iterator[None]:
        """Show a build; a display that fails is logged, and harms no build."""
        try:
            progress = self._begin()
        except Exception:  # noqa: BLE001 - whatever a strange terminal makes of it
            logger.log_global(logging.DEBUG, "The progress of builds cannot be shown", exc_info=True)
            yield
            return
        try:
            number = progress.add_task(
                build.state.message, total=None, name=build.name, stage=build.state.stage, counts=""
            )

            def update(state: BuildState) -> None:
                progress.update(
                    number,
                    description=state.message,
                    total=state.maximum,
                    completed=state.current or 0,
                    stage=state.stage,
                    counts=counts_of(state),
                )

            build.watch(update)
            try:
                yield
            finally:
                progress.remove_task(number)
        finally:
            self._end()

    def _begin(self) -> Progress:
        with self._guard:
            if self._progress is None:
                made = self._make()
                made.start()
                self._progress = made
            self._lines += 1
            return self._progress

    def _end(self) -> None:
        with self._guard:
            self._lines -= 1
            if self._lines or self._progress is None:
                return
            ended, self._progress = self._progress, None
        ended.stop()


def _terminal_progress() -> Progress:
    # Not at the top: it takes 50 ms to import, and most programs show nothing.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    def text(field: str, style: str = "none", column: Column | None = None) -> TextColumn:
        # markup: a requirement such as `dask[array]` is no mark-up
        return TextColumn(field, style=style, markup=False, table_column=column or Column(no_wrap=True))

    message = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        SpinnerColumn(),
        text("{task.fields[name]}", "bold"),
        text("{task.fields[stage]}", "cyan"),
        text("{task.description}", column=message),
        BarColumn(bar_width=24),
        text("{task.fields[counts]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        expand=True,
        transient=True,
        # What the program prints meanwhile goes above the display; not when it goes into a file or a pipe.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )


_SHARED = Display(_terminal_progress)
