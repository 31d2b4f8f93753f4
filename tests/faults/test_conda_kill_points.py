"""Two processes change one conda environment, and one of them dies or fails at every stage: the other's work holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_builds import backend, run
from fake_backend import Watcher, contents
from registry import without_proxies
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.lock import builder_lock
from wetlands._store.provision import Order, provision
from wetlands._store.steps import BUILD_STEPS, REMOVAL_STEPS
from wetlands._store.store import Store
from wetlands._store.sweep import sweep

if TYPE_CHECKING:
    from conda_channel import Channel
    from wetlands._store.record import Record

SABOTEUR = Path(__file__).with_name("saboteur_conda.py")
DEADLINE = 120.0
OLD = ("herald",)
NEW = ("boulder", "herald")

PLACES = (*BUILD_STEPS[:2], "create", "solve", "link", *BUILD_STEPS[2:])
BEFORE_THE_COMMIT = PLACES[: PLACES.index("committed")]
WAYS = {"kill": -9, "raise": 1}  # the exit code of each

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "instance (of é)")
    made.layout.root.mkdir()
    return made


def start(channel: Channel, store: Store, verb: str, sabotage: str, *packages: str) -> subprocess.Popen[str]:
    env = {**os.environ, **without_proxies(), **channel.variables, "PYTHONPATH": str(SABOTEUR.parent.parent)}
    command = [sys.executable, str(SABOTEUR), verb, str(store.layout.root), sabotage, *packages]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Wait for a process; return its exit code and the words it wrote."""
    out, error = process.communicate(timeout=DEADLINE)
    assert "panicked" not in error
    return process.returncode, out.split()


def build(channel: Channel, store: Store, *packages: str) -> Record:
    base = store.layout.root.parent
    spec = parse({"conda": list(packages)}, platform=current_platform(), base=base)
    order = Order("tools", spec, base, backend(channel, base), "it is a test")
    return provision(store, order, Watcher())


def assert_only(store: Store, record: Record | None) -> None:
    """The environment works, if there is one, and after the sweep of the next build nothing else remains."""
    if record is not None:
        assert "1.0" == run(store.prefix_path(record), "import herald; print(herald.VERSION)")
        store.mark_in_use(record).release()
    with builder_lock(store.layout, "tools", Watcher()):
        sweep(store, "tools")
    generation = record and record.generation
    expected = [f"envs/tools/{generation}", f"envs/tools/{generation}.users", "envs/tools/environment.json"]
    assert (sorted(expected) if record else []) == contents(store)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_of_two_processes_that_replace_one_may_end_at_any_stage(
    channel: Channel, store: Store, place: str, way: str
) -> None:
    build(channel, store, *OLD)
    ending = start(channel, store, "replace", f"{way}:{place}", *NEW)
    going = start(channel, store, "replace", ":", *NEW)

    assert WAYS[way] == end(ending)[0]
    code, words = end(going)

    assert 0 == code
    record = store.record("tools")
    assert record is not None
    if place in BEFORE_THE_COMMIT:
        assert words[0] == record.generation
    assert ["boulder", "herald"] == [entry.name for entry in record.spec.conda]
    assert_only(store, record)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_a_replacement_that_ends_at_any_stage_leaves_the_old_or_the_new_environment(
    channel: Channel, store: Store, place: str, way: str
) -> None:
    old = build(channel, store, *OLD)

    assert WAYS[way] == end(start(channel, store, "replace", f"{way}:{place}", *NEW))[0]

    record = store.record("tools")
    assert record is not None
    assert (place in BEFORE_THE_COMMIT) == (old == record)
    assert_only(store, record)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", REMOVAL_STEPS)
def test_a_removal_that_ends_at_any_stage_while_another_process_creates(
    channel: Channel, store: Store, place: str, way: str
) -> None:
    old = build(channel, store, *OLD)
    ending = start(channel, store, "remove", f"{way}:{place}")
    going = start(channel, store, "build", ":", *OLD)

    assert WAYS[way] == end(ending)[0]
    code, words = end(going)

    assert 0 == code
    record = store.record("tools")
    if words[0] == old.generation:  # it came first, or the removal ended before it removed anything
        assert record in {old, None}
    else:
        assert record is not None
        assert words == [record.generation, "True"]
    assert_only(store, record)


def test_of_eight_processes_at_once_one_builds_and_all_get_the_environment(channel: Channel, store: Store) -> None:
    processes = [start(channel, store, "build", ":", *NEW) for _ in range(8)]
    results = [end(process) for process in processes]

    record = store.record("tools")
    assert record is not None
    assert [0] * 8 == [code for code, _ in results]
    assert [record.generation] * 8 == [words[0] for _, words in results]
    assert ["False"] * 7 + ["True"] == sorted(words[1] for _, words in results)
    assert_only(store, record)
