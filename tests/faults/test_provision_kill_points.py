"""Interrupts each step that changes an instance, by an exception and by the end of the process; then it must heal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend, Watcher, contents, order_of, spec_of
from wetlands._backends.existing import adopt
from wetlands._store.install import install
from wetlands._store.provision import provision
from wetlands._store.remove import remove
from wetlands._store.steps import BUILD_STEPS, REMOVAL_STEPS
from wetlands._store.store import Store
from wetlands.exceptions import EnvironmentNotFoundError, EnvironmentReuseError

if TYPE_CHECKING:
    from collections.abc import Callable

    Interrupt = Callable[..., None]

SABOTEUR = Path(__file__).with_name("saboteur_provision.py")
KILLED = 77
NUMPY = spec_of("numpy==2.2.4")
SCIPY = spec_of("scipy")

PLACES = (*BUILD_STEPS[:2], "half built", *BUILD_STEPS[2:])
BEFORE_THE_COMMIT = PLACES[: PLACES.index("committed")]


class Sabotage(BaseException):
    """Ctrl+C, or the like: no `except Exception` stops it."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "instance")


def kill_at(place: str, verb: str, store: Store, *packages: str) -> None:
    ended = subprocess.run(
        [sys.executable, str(SABOTEUR), verb, str(store.layout.root), place, *packages],
        env={**os.environ, "PYTHONPATH": str(SABOTEUR.parent.parent)},
        check=False,
        timeout=60,
    )
    assert ended.returncode == KILLED


def raise_at(place: str, verb: str, store: Store, *packages: str) -> None:
    def reached(step: str) -> None:
        if step == place:
            raise Sabotage

    order = order_of(spec_of(*packages), FakeBackend(reached))
    verbs: dict[str, Callable[[], object]] = {
        "build": lambda: provision(store, order, Watcher(), reached=reached),
        "replace": lambda: provision(store, order, Watcher(), replace=True, reached=reached),
        "install": lambda: install(store, order, Watcher()),
        "remove": lambda: remove(store, "tools", Watcher(), reached=reached),
    }
    with pytest.raises(Sabotage):
        verbs[verb]()


WAYS = pytest.mark.parametrize("interrupt", [raise_at, kill_at])


def assert_complete(store: Store, generation: str) -> None:
    """The environment works, and nothing else is in the instance folder."""
    record = store.record("tools")
    assert record is not None
    assert record.generation == generation
    assert adopt(store.prefix_path(record)).python.is_file()
    store.mark_in_use(record).release()
    expected = [f"envs/tools/{generation}", f"envs/tools/{generation}.users", "envs/tools/environment.json"]
    assert sorted(expected) == contents(store)


@WAYS
@pytest.mark.parametrize("place", PLACES)
def test_a_first_build_that_was_interrupted_heals(store: Store, place: str, interrupt: Interrupt) -> None:
    store.layout.root.mkdir()
    interrupt(place, "build", store, "numpy==2.2.4")
    assert (store.record("tools") is None) == (place in BEFORE_THE_COMMIT)
    (store.layout.root / "builds").unlink(missing_ok=True)

    backend = FakeBackend()
    record = provision(store, order_of(NUMPY, backend), Watcher())

    assert_complete(store, record.generation)
    assert backend.builds == (1 if place in BEFORE_THE_COMMIT else 0)


@WAYS
@pytest.mark.parametrize("place", BEFORE_THE_COMMIT)
def test_a_replacement_interrupted_before_the_commit_leaves_the_old_environment_working(
    store: Store, place: str, interrupt: Interrupt
) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    interrupt(place, "replace", store, "scipy")
    (store.layout.root / "builds").unlink(missing_ok=True)

    backend = FakeBackend()
    assert provision(store, order_of(NUMPY, backend), Watcher()) == old
    assert backend.builds == 0
    assert adopt(store.prefix_path(old)).python.is_file()

    new = provision(store, order_of(SCIPY), Watcher(), replace=True)
    assert_complete(store, new.generation)


@WAYS
@pytest.mark.parametrize("place", PLACES[PLACES.index("committed") :])
def test_a_replacement_interrupted_after_the_commit_is_the_environment(
    store: Store, place: str, interrupt: Interrupt
) -> None:
    provision(store, order_of(NUMPY), Watcher())
    interrupt(place, "replace", store, "scipy")
    (store.layout.root / "builds").unlink(missing_ok=True)

    record = provision(store, order_of(SCIPY), Watcher())
    assert adopt(store.prefix_path(record)).python.is_file()

    new = provision(store, order_of(SCIPY), Watcher(), replace=True)
    assert_complete(store, new.generation)


@WAYS
def test_an_interrupted_installation_never_passes_for_what_its_recipe_says(store: Store, interrupt: Interrupt) -> None:
    provision(store, order_of(NUMPY), Watcher())

    interrupt("half installed", "install", store, "scipy")

    with pytest.raises(EnvironmentReuseError, match=r"install\(\) added scipy"):
        provision(store, order_of(NUMPY), Watcher())
    new = provision(store, order_of(NUMPY), Watcher(), replace=True)
    assert_complete(store, new.generation)


@WAYS
@pytest.mark.parametrize("place", REMOVAL_STEPS)
def test_an_interrupted_removal_is_either_done_or_not(store: Store, place: str, interrupt: Interrupt) -> None:
    record = provision(store, order_of(NUMPY), Watcher())

    interrupt(place, "remove", store)

    if place == "closed to users":
        assert_complete(store, record.generation)  # it can even be used again
        remove(store, "tools", Watcher())
    else:
        assert store.record("tools") is None
        with pytest.raises(EnvironmentNotFoundError):
            remove(store, "tools", Watcher())
    new = provision(store, order_of(SCIPY), Watcher())
    assert_complete(store, new.generation)
