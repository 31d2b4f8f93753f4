"""A build from a lock dies, fails or is cancelled at every stage: the old or the new environment is there, no more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_builds import run, versions
from conda_server import served
from fake_backend import Watcher, contents
from locks import built, variables
from wetlands._backends.locks.build import LockedBackend
from wetlands._backends.locks.read import for_this_machine, read_lock
from wetlands._spec import Spec
from wetlands._store.lock import builder_lock
from wetlands._store.provision import Order, provision
from wetlands._store.steps import BUILD_STEPS
from wetlands._store.store import Store
from wetlands._store.sweep import sweep
from wetlands.exceptions import LockError, ProvisioningCanceledError, ProvisioningError
from wheels import write_wheel

if TYPE_CHECKING:
    from conda_channel import Channel
    from conda_server import Kind
    from wetlands._store.record import Record

SABOTEUR = Path(__file__).with_name("saboteur_conda.py")
DEADLINE = 120.0
PLACES = (*BUILD_STEPS[:2], "create", "link", "install", *BUILD_STEPS[2:])
BEFORE_THE_COMMIT = PLACES[: PLACES.index("committed")]
WAYS = {"kill": -9, "raise": 1}  # the exit code of each
LOCKED = {"herald": "1.0", "voice": "1.0"}

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program (of é)")
    write_wheel(folder / "wheels", "voice", "1.0")
    return folder


@pytest.fixture(scope="module")
def lock(channel: Channel, base: Path) -> Path:
    return built({"conda": ["herald"], "pip": ["voice"]}, base / "first", base, channel)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "instance (of é)")
    made.layout.root.mkdir()
    return made


def order(store: Store, lock: Path, base: Path, channel: Channel, **others: str) -> Order:
    locked = for_this_machine(read_lock(lock))
    backend = LockedBackend(locked, variables(base, channel, **others), base=base)
    return Order("tools", Spec(), base, backend, "it is a test", locked=locked)


def old_environment(store: Store, channel: Channel, base: Path) -> Record:
    before = base / "pebble.lock"
    if not before.exists():
        built({"conda": ["pebble"]}, base / "pebble", base, channel)
    return provision(store, order(store, before, base, channel), Watcher())


def end(verb: str, sabotage: str, store: Store, lock: Path, base: Path, channel: Channel) -> int:
    """Let a process build from the lock, and return its exit code."""
    env = variables(base, channel, LOCK=str(lock), PYTHONPATH=str(SABOTEUR.parent.parent))
    command = [sys.executable, str(SABOTEUR), verb, str(store.layout.root), sabotage]
    done = subprocess.run(command, env=env, text=True, capture_output=True, timeout=DEADLINE, check=False)
    sys.stderr.write(done.stderr)  # pytest shows it when the test fails
    assert "panicked" not in done.stderr
    return done.returncode


def assert_only(store: Store, record: Record, expected: dict[str, str]) -> None:
    """The environment holds what it should and works; after the sweep of the next build nothing else remains."""
    prefix = store.prefix_path(record)
    assert expected == versions(prefix)
    assert "works" == run(prefix, "print('works')")
    store.mark_in_use(record).release()
    with builder_lock(store.layout, "tools", Watcher()):
        sweep(store, "tools")
    generation = f"envs/tools/{record.generation}"
    assert sorted([generation, f"{generation}.users", "envs/tools/environment.json"]) == contents(store)


@pytest.mark.parametrize(
    "place, way", [*((place, "kill") for place in PLACES), *((place, "raise") for place in ("link", "install"))]
)
def test_a_replacement_from_a_lock_that_ends_at_any_stage(
    channel: Channel, store: Store, base: Path, lock: Path, place: str, way: str
) -> None:
    old = old_environment(store, channel, base)

    assert WAYS[way] == end("replace", f"{way}:{place}", store, lock, base, channel)

    record = store.record("tools")
    assert record is not None
    assert (place in BEFORE_THE_COMMIT) == (old == record)
    assert_only(store, record, {"pebble": "1.0"} if old == record else LOCKED)


@pytest.mark.parametrize("place", ["link", "packages installed", "committed"])
def test_a_rollback_that_is_killed_goes_back_wholly_or_not_at_all_and_can_be_asked_again(
    channel: Channel, store: Store, base: Path, lock: Path, place: str
) -> None:
    old = old_environment(store, channel, base)

    assert -signal.SIGKILL == end("rollback", f"kill:{place}", store, lock, base, channel)

    record = store.record("tools")
    assert record is not None
    assert (place in BEFORE_THE_COMMIT) == (old == record)
    assert 0 == end("rollback", ":", store, lock, base, channel)
    again = store.record("tools")
    assert again is not None
    assert_only(store, again, LOCKED)


@pytest.mark.parametrize("stage", ["create", "link", "install"])
def test_a_build_from_a_lock_that_is_cancelled_leaves_nothing(
    channel: Channel, store: Store, base: Path, lock: Path, stage: str
) -> None:
    def cancel(current: str, _message: str) -> None:
        watcher.canceled = watcher.canceled or current == stage

    watcher = Watcher(cancel)

    with pytest.raises(ProvisioningCanceledError):
        provision(store, order(store, lock, base, channel), watcher)

    assert stage == watcher.stages[-1][0]
    assert [] == contents(store)
    assert_only(store, provision(store, order(store, lock, base, channel), Watcher()), LOCKED)


@pytest.mark.parametrize("fault", ["short", "wrong", "cut"])
def test_a_conda_package_of_a_lock_that_arrives_damaged_is_not_used(
    channel: Channel, store: Store, base: Path, tmp_path: Path, fault: Kind
) -> None:
    with served(channel.main) as server:
        own = {"RATTLER_CACHE_DIR": str(tmp_path / "cache")}
        lock = built({"conda": ["herald"], "channels": [server.url, "nodefaults"]}, tmp_path / "first", base, channel)
        server.fail("*/herald-*", fault)

        with pytest.raises(ProvisioningError, match="herald"):
            provision(store, order(store, lock, base, channel, **own), Watcher())

        assert [] == contents(store)
        server.faults.clear()
        record = provision(store, order(store, lock, base, channel, **own), Watcher())
        assert_only(store, record, {"herald": "1.0"})


def test_a_truncated_wheel_of_a_lock_is_not_used(store: Store, channel: Channel, tmp_path: Path) -> None:
    base = tmp_path / "program"
    write_wheel(base / "wheels", "voice", "1.0")
    lock = built({"pip": ["voice"]}, base / "first", base)
    (wheel,) = (base / "wheels").iterdir()
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[: len(whole) // 2])
    own = {"UV_CACHE_DIR": str(tmp_path / "cache")}

    with pytest.raises((LockError, ProvisioningError), match="voice"):
        provision(store, order(store, lock, base, channel, **own), Watcher())

    assert [] == contents(store)
    wheel.write_bytes(whole)
    assert_only(store, provision(store, order(store, lock, base, channel, **own), Watcher()), {"voice": "1.0"})
