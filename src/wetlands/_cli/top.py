"""The live view of workers: a frame for each look, drawn over the last one on a terminal."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING

import click

from wetlands._cli.rows import duration, rows, size, summary, told_problems, waiting
from wetlands._cli.tables import show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console, RenderableType

    from wetlands._cli.rows import Row
    from wetlands._view.meter import Meter
    from wetlands._view.survey import SeenEnvironment

__all__ = ["Frame", "show_once", "tell", "watch"]

_KEYS_SECONDS = 0.1
_BAR_WIDTH = 10
_WIDE = 100  # columns of a terminal that has room for bars
_LINES_AROUND = 8  # of the head, the foot and the headings
_FEWEST_ROWS = 3
_STYLES = {"busy": "green", "idle": "dim", "stopped": "yellow", "unknown": "red"}


@dataclass(frozen=True)
class Frame:
    """What one look has found.

    Attributes:
        folder: The instance folder.
        seen: The workers, by environment and program.
        rows: One for each of them.
        clock: When that was.
    """

    folder: Path
    seen: Sequence[SeenEnvironment]
    rows: Sequence[Row]
    clock: str

    @classmethod
    def take(cls, folder: Path, meter: Meter) -> Frame:
        """Look."""
        from wetlands._view.survey import survey  # noqa: PLC0415 - help needs none of it

        seen = survey(folder)
        pids = [worker.pid for environment in seen for worker in environment.workers]
        return cls(folder, seen, rows(seen, meter.read(pids)), time.strftime("%H:%M:%S"))

    def rendered(self, width: int, height: int | None = None, *, foot: str = "") -> RenderableType:
        """For a terminal of so many columns and lines; workers that do not fit are counted."""
        from rich.console import Group  # noqa: PLC0415 - takes a while to import
        from rich.text import Text  # noqa: PLC0415 - as above

        problems = told_problems(self.seen)
        most = len(self.rows)
        if height is not None:
            most = max(_FEWEST_ROWS, height - _LINES_AROUND - len(problems) - self._lines_between)
        parts: list[RenderableType] = [
            Text.assemble(("wetlands top", "bold"), f"  {self.clock}  ", (str(self.folder), "dim"), no_wrap=True),
            Text(summary(self.seen), no_wrap=True, overflow="ellipsis"),
        ]
        parts.append(
            self._table(most, bars=width >= _WIDE) if self.rows else Text("\nNo workers run here.\n", style="dim")
        )
        hidden = len(self.rows) - most
        if hidden > 0:
            parts.append(Text(f"… and {hidden} more; a higher window shows them", style="dim"))
        parts += [Text(problem, style="red") for problem in problems]
        if foot:
            parts.append(Text(foot, style="dim"))
        return Group(*parts)

    @property
    def _lines_between(self) -> int:
        return sum(bool(waiting(environment)) or len(environment.workers) == 1 for environment in self.seen)

    def _table(self, most: int, *, bars: bool) -> RenderableType:
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - takes a while to import
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
        table.add_column("environment", no_wrap=True, min_width=11, max_width=24)
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("pid", justify="right", no_wrap=True)
        table.add_column("runs", no_wrap=True, ratio=3)
        table.add_column("for", justify="right", no_wrap=True)
        table.add_column("progress", no_wrap=True, ratio=3)
        table.add_column("memory", justify="right", no_wrap=True)
        table.add_column("cpu", justify="right", no_wrap=True)
        left, rest = most, iter(self.rows)
        for environment in self.seen:
            mine = list(islice(rest, len(environment.workers)))[: max(0, left)]
            left -= len(mine)
            for number, row in enumerate(mine):
                table.add_row(
                    Text(row.environment, style="bold") if number == 0 else _owner(row, number),
                    str(row.worker),
                    str(row.pid),
                    Text(row.runs, style=_STYLES.get(row.state, "")),
                    duration(row.seconds),
                    _progress(row, bar=bars),
                    size(row.memory),
                    "" if row.cpu is None else f"{row.cpu:.0f}%",
                )
            behind = waiting(environment)
            if mine and (behind or len(mine) == 1):
                name = _owner(mine[0], 1) if len(mine) == 1 else ""
                table.add_row(name, "", "", Text(behind, style="cyan"), "", "", "", "")
        return table


def _owner(row: Row, number: int) -> RenderableType:
    """Under the name of the environment, who has it."""
    from rich.text import Text  # noqa: PLC0415 - takes a while to import

    return Text(f"  {row.owner}" if number == 1 else "", style="dim")


def _progress(row: Row, *, bar: bool) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415 - takes a while to import

    text = Text()
    if row.part is not None:
        text.append(f"{row.part:4.0%} ")
        if bar:
            full = round(row.part * _BAR_WIDTH)
            text.append("━" * full, style="green").append("─" * (_BAR_WIDTH - full) + " ", style="bright_black")
    elif row.current is not None:
        text.append(f"{row.current:g} ")
    return text.append(row.message or "", style="dim")


def show_once(folder: Path) -> None:
    """Print one frame."""
    from wetlands._view.meter import Meter  # noqa: PLC0415 - help needs none of it

    _print(Frame.take(folder, Meter()), _console())


def tell(folder: Path, interval: float, *, once: bool) -> None:
    """Print a line of JSON for each look, until Ctrl-C is pressed; or for one look."""
    with suppress(KeyboardInterrupt):
        for frame in _frames(folder, interval):
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            told = {"time": now, "workers": frame.rows, "problems": told_problems(frame.seen)}
            show_json(told, in_one_line=True)
            if once:
                return


def watch(folder: Path, interval: float) -> None:
    """Show frame after frame, until q or Ctrl-C is pressed."""
    console = _console()
    with suppress(KeyboardInterrupt):
        if console.is_terminal:
            _watch_on_terminal(console, folder, interval)
        else:
            for frame in _frames(folder, interval):
                _print(frame, console)
                click.echo()


def _frames(folder: Path, interval: float) -> Iterator[Frame]:
    """Look again and again."""
    from wetlands._view.meter import Meter  # noqa: PLC0415 - help needs none of it

    meter = Meter()
    while True:
        yield Frame.take(folder, meter)
        time.sleep(interval)


def _watch_on_terminal(console: Console, folder: Path, interval: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - takes a while to import

    from wetlands._platform.keyboard import pressed_keys  # noqa: PLC0415 - help needs none of it
    from wetlands._view.meter import Meter  # noqa: PLC0415 - as above

    meter = Meter()
    # The looks are taken by another thread: whoever does not answer keeps neither keys nor the size waiting.
    with ThreadPoolExecutor(1) as looker, pressed_keys() as key:
        frame = Frame.take(folder, meter)
        drawn_at = console.size
        foot = "q quits"
        screen = Live(frame.rendered(*drawn_at, foot=foot), console=console, screen=True, auto_refresh=False)
        with screen:
            looking, due = None, time.monotonic() + interval
            while key(_KEYS_SECONDS).lower() != "q":
                if looking is None and time.monotonic() >= due:
                    looking = looker.submit(Frame.take, folder, meter)
                fresh = looking is not None and looking.done()
                if looking is not None and fresh:
                    frame, looking, due = looking.result(), None, time.monotonic() + interval
                if fresh or console.size != drawn_at:
                    drawn_at = console.size
                    screen.update(frame.rendered(*drawn_at, foot=foot), refresh=True)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - takes a while to import

    return Console(highlight=False)


def _print(frame: Frame, console: Console) -> None:
    if not console.is_terminal:
        console.width = 160
    console.print(frame.rendered(console.width))
