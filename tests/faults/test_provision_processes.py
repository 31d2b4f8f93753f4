"""Several processes at one instance: one builds, the others wait, say for whom, and are not held up by the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fake_backend import Watcher, contents, order_of, spec_of
from wetlands._backends.existing import adopt
from wetlands._store.lock import builder_lock
from wetlands._store.provision import provision
from wetlands._store.remove import remove
from wetlands._store.store import Store
from wetlands.exceptions import EnvironmentInUseError, ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Iterator

SABOTEUR = Path(__file__).with_name("saboteur_provision.py")
DEADLINE = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "instance")
    made.layout.root.mkdir()
    return made


def start(verb: str, store: Store, place: str = "", *packages: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SABOTEUR), verb, str(store.layout.root), place, *packages],
        env={**os.environ, "PYTHONPATH": str(SABOTEUR.parent.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(verb: str, store: Store, place: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that has said it is ready; it goes on when its standard input is closed."""
    with start(verb, store, place) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() in {"held", "used"}
        yield process
        if process.stdin is not None:
            process.stdin.close()
        process.wait(DEADLINE)


def test_of_eight_processes_at_once_one_builds_and_all_get_the_environment(store: Store) -> None:
    processes = [start("build", store, "", "numpy==2.2.4") for _ in range(8)]
    results = [process.communicate(timeout=DEADLINE)[0] for process in processes]

    record = store.record("tools")
    assert record is not None
    assert [0] * 8 == [process.returncode for process in processes]
    assert [record.generation] * 8 == results
    assert (store.layout.root / "builds").read_text(encoding="utf-8") == "one\n"
    assert adopt(store.prefix_path(record)).python.is_file()


def test_of_eight_processes_that_replace_at_once_the_last_one_wins_and_nothing_is_left(store: Store) -> None:
    processes = [start("replace", store, "", "numpy==2.2.4") for _ in range(8)]
    results = [process.communicate(timeout=DEADLINE)[0] for process in processes]

    record = store.record("tools")
    assert record is not None
    assert record.generation in results
    assert len(set(results)) == 8
    store.reclaimer.start()
    (store.layout.root / "builds").unlink()
    generation = record.generation
    expected = [f"envs/tools/{generation}", f"envs/tools/{generation}.users", "envs/tools/environment.json"]
    assert sorted(expected) == contents(store)


def test_who_waits_for_another_process_says_which_and_since_when(store: Store) -> None:
    with running("hold", store) as holder:
        assert holder.stdin is not None
        watcher = Watcher(on_stage=lambda stage, message: holder.stdin.close() if holder.stdin else None)
        with builder_lock(store.layout, "tools", watcher):
            pass

    ((stage, message),) = watcher.stages
    assert stage == "waiting"
    assert f"process {holder.pid} (saboteur_provision.py) since 20" in message


def test_waiting_for_another_process_can_be_cancelled(store: Store) -> None:
    with running("hold", store) as holder:
        watcher = Watcher()
        watcher.canceled = True
        with pytest.raises(ProvisioningCanceledError, match=f"process {holder.pid}"):
            provision(store, order_of(spec_of("numpy")), watcher)


def test_a_holder_that_died_holds_nothing(store: Store) -> None:
    with running("hold", store, "holding"):
        pass
    assert store.layout.holder("tools").exists()

    watcher = Watcher()
    provision(store, order_of(spec_of("numpy")), watcher)

    assert "waiting" not in [stage for stage, _ in watcher.stages]
    assert not store.layout.holder("tools").exists()


def test_what_another_process_uses_is_neither_deleted_nor_removed_after_a_replacement(store: Store) -> None:
    old = provision(store, order_of(spec_of("numpy")), Watcher())
    with running("use", store) as user:
        with pytest.raises(EnvironmentInUseError, match=f"process {user.pid}"):
            remove(store, "tools", Watcher())
        provision(store, order_of(spec_of("scipy")), Watcher(), replace=True)
        assert adopt(store.prefix_path(old)).python.is_file()


def test_a_user_that_was_killed_uses_nothing(store: Store) -> None:
    provision(store, order_of(spec_of("numpy")), Watcher())
    with running("use", store):
        pass

    remove(store, "tools", Watcher())

    assert contents(store) == []
