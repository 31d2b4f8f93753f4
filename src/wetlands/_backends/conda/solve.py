"""Finds the conda packages that fit a spec: the solver's work, and why there are none."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rattler import ChannelPriority, MatchSpec, solve
from rattler.exceptions import SolverError

from wetlands._backends.conda.elsewhere import elsewhere
from wetlands._backends.conda.errors import broken_off, plain_reason, virtual_packages_in
from wetlands._backends.conda.machine import assumed, shown, this_machine
from wetlands._backends.conda_words import channel_names, python_request
from wetlands._platform.names import current_platform
from wetlands._spec.cutoff import newest_allowed
from wetlands._spec.secrets import masked
from wetlands.exceptions import DownloadError, UnsatisfiableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from rattler import Channel, GenericVirtualPackage, RepoDataRecord

    from wetlands._backends.conda.settings import Engine
    from wetlands._spec.conda import CondaRequirement
    from wetlands._spec.model import Spec

__all__ = ["Solution", "find_packages", "sources"]

_SOLVE_SECONDS = 900.0  # fetching the index of a large channel through a slow network is part of it
_SEARCH_SECONDS = 3.0
_MOST_DROPPED = 3
_PAUSES = (0.5, 1.0, 2.0)  # before asking again for an index whose transfer broke off


@dataclass(frozen=True)
class Solution:
    """What is to be in the prefix.

    Attributes:
        records: The packages.
        requested: What was asked for, as the prefix should remember it.
        again: The names of packages to link anew although they are there.
    """

    records: tuple[RepoDataRecord, ...]
    requested: tuple[MatchSpec, ...]
    again: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Request:
    """One question to the solver: `names` are the requirements for people, empty for what we ask ourselves."""

    names: tuple[str, ...]
    specs: tuple[str, ...]
    sources: tuple[Channel, ...]
    locked: tuple[RepoDataRecord, ...] = ()
    platform: str = ""
    machine: tuple[GenericVirtualPackage, ...] = ()
    newest: datetime | None = None

    def without(self, dropped: Sequence[int]) -> _Request:
        kept = [number for number in range(len(self.specs)) if number not in dropped]
        specs = tuple(self.specs[number] for number in kept)
        return replace(self, names=tuple(self.names[number] for number in kept), specs=specs)


async def find_packages(
    spec: Spec,
    engine: Engine,
    *,
    installed: Sequence[RepoDataRecord] = (),
    keep: Sequence[str] = (),
    platform: str | None = None,
) -> Solution:
    """Find the packages of a spec, Python always among them.

    Args:
        spec: What is wanted.
        engine: Where to look.
        installed: What a prefix has: it stays as it is where it can.
        keep: What was asked for when that was installed; it still holds.
        platform: The platform, by default this machine. Of another one, or of this one when it is named, only what pixi
            assumes is taken for granted: the packages are for all machines of the platform.

    Raises:
        UnsatisfiableError: There is no such set.
        DownloadError: An index could not be had in time.
    """
    whole = [entry for entry in spec.conda if entry.dependencies]
    alone = [entry for entry in spec.conda if not entry.dependencies]
    channels = tuple(sources(spec, engine))
    asked = [(masked(entry.text), _text(entry, engine)) for entry in whole]
    python = python_request(spec, installed=bool(installed))
    if python:
        asked.insert(0, (python if spec.python.asked else "", python))
    asked += [(masked(f"{text} (installed)"), text) for text in keep]
    request = _Request(
        tuple(name for name, _ in asked),
        tuple(text for _, text in asked),
        channels,
        tuple(installed),
        platform or current_platform(),
        tuple(this_machine() if platform is None else assumed(platform)),
        newest_allowed(spec.settings.exclude_newer),
    )
    records = await _solved(request, engine)
    for entry in alone:
        record = await _single(entry, engine, request, records)
        records = [other for other in records if other.name.normalized != entry.name]
        records.append(record)
    requested = (*request.specs, *(_text(entry, engine) for entry in alone))
    return Solution(tuple(records), tuple(MatchSpec(text) for text in requested))


def sources(spec: Spec, engine: Engine) -> Iterator[Channel]:
    """Yield the channels in the order they are searched; those that only one package names come last."""
    known = set()
    for name in channel_names(spec):
        for channel in engine.channels(name):
            if channel.base_url not in known:
                known.add(channel.base_url)
                yield channel


def _text(entry: CondaRequirement, engine: Engine) -> str:
    """Write a requirement for the solver, its channel by address: by name, it would not know the user's."""
    channel = f"{engine.channels(entry.channel)[0].base_url.rstrip('/')}::" if entry.channel else ""
    version = entry.version or ("*" if entry.build else "")
    return channel + " ".join(part for part in (entry.name, version, entry.build) if part)


async def _solved(request: _Request, engine: Engine) -> list[RepoDataRecord]:
    """Solve, or say why it cannot be."""
    try:
        return await asyncio.wait_for(_solve_patiently(request, engine), _SOLVE_SECONDS)
    except SolverError as error:
        raise await _unsatisfiable(request, engine, plain_reason(error)) from error
    except asyncio.TimeoutError as error:
        raise DownloadError(
            "", f"The channels did not answer within {_SOLVE_SECONDS:g} seconds", "Try again later, or name a mirror."
        ) from error


async def _solve_patiently(request: _Request, engine: Engine) -> list[RepoDataRecord]:
    for pause in _PAUSES:
        try:
            return await _solve(request, engine)
        except Exception as error:
            if not broken_off(error):
                raise
        await asyncio.sleep(pause)
    return await _solve(request, engine)


async def _solve(request: _Request, engine: Engine) -> list[RepoDataRecord]:
    return await solve(
        request.sources,
        request.specs,
        gateway=engine.gateway,
        platforms=(request.platform, "noarch"),  # type: ignore[arg-type]  # an unknown one is the engine's error
        locked_packages=request.locked,
        virtual_packages=request.machine,
        exclude_newer=request.newest,
        channel_priority=ChannelPriority.Strict,
    )


async def _unsatisfiable(request: _Request, engine: Engine, reason: str) -> UnsatisfiableError:
    missing = virtual_packages_in(reason)
    advice = await elsewhere(reason, request.sources, engine.gateway, request.platform)
    if missing:
        found = ", ".join(sorted(map(shown, request.machine)))
        advice = (
            f"Packages need {' and '.join(missing)} of this machine, which has {found}. "
            f"Ask for packages that do not, or pretend to have it with {_overrides(missing)}=<version>."
        )
    droppable = await _smallest_to_drop(request, engine)
    asked = [name for name in request.names if name]
    return UnsatisfiableError(asked, reason, droppable=droppable, virtual_packages=missing, advice=advice)


def _overrides(missing: Sequence[str]) -> str:
    names = sorted({one.split()[0].strip("_").upper() for one in missing})
    return " and ".join(f"CONDA_OVERRIDE_{name}" for name in names)


async def _smallest_to_drop(request: _Request, engine: Engine) -> tuple[str, ...]:
    """Search for the fewest requirements without which the rest fit; none when there are not found quickly."""
    deadline = time.monotonic() + _SEARCH_SECONDS
    numbers = [number for number, name in enumerate(request.names) if name]
    for size in range(1, min(_MOST_DROPPED, len(numbers) - 1) + 1):
        for dropped in itertools.combinations(numbers, size):
            if time.monotonic() > deadline:
                return ()
            try:
                await _solve(request.without(dropped), engine)
            except SolverError:
                continue
            return tuple(request.names[number] for number in dropped)
    return ()


async def _single(
    entry: CondaRequirement, engine: Engine, request: _Request, others: Sequence[RepoDataRecord]
) -> RepoDataRecord:
    """Choose one package by itself: of the first channel that has it the newest, made for the Python beside it."""
    wanted = MatchSpec(_text(entry, engine))
    answer = await engine.gateway.query(
        request.sources,
        (request.platform, "noarch"),  # type: ignore[arg-type]  # as above
        [entry.name],
        recursive=False,
    )
    places: dict[str, list[RepoDataRecord]] = {channel.base_url: [] for channel in request.sources}
    for record in itertools.chain.from_iterable(answer):
        if wanted.matches(record) and _is_old_enough(record, request.newest):
            places.setdefault(_place(record, places), []).append(record)
    candidates = next((records for records in places.values() if records), [])
    if not candidates:
        raise UnsatisfiableError([masked(entry.text)], f"No channel has {masked(entry.text)}.")
    fitting = [record for record in candidates if _fits_python(record, others)] or candidates
    return max(fitting, key=lambda record: (record.version, record.build_number))


def _is_old_enough(record: RepoDataRecord, newest: datetime | None) -> bool:
    if newest is None:
        return True
    stamp = record.indexed_timestamp or record.timestamp
    return stamp is not None and stamp <= newest


def _place(record: RepoDataRecord, places: Sequence[str] | dict[str, list[RepoDataRecord]]) -> str:
    return next((place for place in places if record.url.startswith(place)), record.url)


def _fits_python(record: RepoDataRecord, others: Sequence[RepoDataRecord]) -> bool:
    beside = {other.name.normalized: other for other in others}
    wanted = [(text.split()[0], text) for text in record.depends]
    return all(
        MatchSpec(text).matches(beside[name])
        for name, text in wanted
        if name in {"python", "python_abi"} and name in beside
    )
