from __future__ import annotations

import errno
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fake_backend import PYTHON_VERSION, FakeBackend, Watcher, contents, order_of, spec_of
from wetlands._backends.existing import adopt
from wetlands._platform.layout import pythons
from wetlands._store.provision import provision, reusable
from wetlands._store.steps import BUILD_STEPS
from wetlands._store.store import Store
from wetlands.exceptions import (
    EnvironmentReuseError,
    ProvisioningCanceledError,
    ProvisioningError,
    RecordError,
)

if TYPE_CHECKING:
    from wetlands._backends.api import BuildObserver

NUMPY = spec_of("numpy==2.2.4")
SCIPY = spec_of("scipy")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "an instance (ü)")


def refuse_processes(*args: object, **kwargs: object) -> None:
    raise AssertionError("a process was started")


def test_a_build_is_recorded_with_what_was_asked_and_who_built_it(store: Store) -> None:
    record = provision(store, order_of(NUMPY), Watcher())

    assert store.record("tools") == record
    assert (record.name, record.spec, record.backend, record.reason) == ("tools", NUMPY, "fake", "it is a test")
    assert record.python_version == PYTHON_VERSION
    assert record.managed
    assert adopt(store.prefix_path(record)).kind == "venv"
    assert store.names() == ("tools",)


def test_the_steps_of_a_build_come_in_their_order(store: Store) -> None:
    steps: list[str] = []

    provision(store, order_of(NUMPY), Watcher(), reached=steps.append)

    assert tuple(steps) == BUILD_STEPS


def test_making_a_store_and_asking_it_touches_nothing(store: Store) -> None:
    assert store.record("tools") is None
    assert store.names() == ()
    assert not store.layout.root.exists()


def test_what_is_asked_again_is_reused(store: Store) -> None:
    first = provision(store, order_of(NUMPY), Watcher())
    backend = FakeBackend()

    again = provision(store, order_of(NUMPY, backend), Watcher())

    assert first == again
    assert backend.builds == 0


def test_reuse_is_decided_without_a_process_a_lock_or_a_written_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = provision(store, order_of(NUMPY), Watcher())
    monkeypatch.setattr(subprocess, "Popen", refuse_processes)
    monkeypatch.setattr(os, "replace", refuse_processes)
    before = {path: path.stat().st_mtime_ns for path in store.layout.root.rglob("*")}

    assert reusable(store, "tools", NUMPY, Path("/program")) == record

    assert before == {path: path.stat().st_mtime_ns for path in store.layout.root.rglob("*")}


def test_another_recipe_is_refused_with_what_differs_and_the_ways_out(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())

    with pytest.raises(EnvironmentReuseError) as caught:
        provision(store, order_of(SCIPY), Watcher())

    text = str(caught.value)
    assert "added scipy" in text
    assert "removed numpy==2.2.4" in text
    assert "replace_existing=True" in text
    assert "load('tools')" in text
    assert "another name" in text


def test_commands_are_part_of_the_recipe(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())

    with pytest.raises(EnvironmentReuseError, match="install commands were added"):
        provision(store, order_of(spec_of("numpy==2.2.4", commands=["echo hello"])), Watcher())


def test_the_same_recipe_has_the_same_fingerprint_under_every_instance_root(tmp_path: Path) -> None:
    records = [provision(Store(tmp_path / root), order_of(NUMPY), Watcher()) for root in ("one", "two (ü)")]

    assert records[0].fingerprint == records[1].fingerprint
    assert records[0].generation != records[1].generation


def test_commands_run_on_the_prefix_before_the_environment_exists(store: Store) -> None:
    seen: list[object] = []

    def finish(prefix: Path, observer: BuildObserver) -> None:
        seen.append((adopt(prefix).path.name, store.record("tools")))

    record = provision(store, order_of(NUMPY), Watcher(), finish=finish)

    assert seen == [(record.generation, None)]


def test_commands_that_fail_leave_no_environment(store: Store) -> None:
    def finish(prefix: Path, observer: BuildObserver) -> None:
        raise ProvisioningError("the command failed")

    with pytest.raises(ProvisioningError, match="the command failed"):
        provision(store, order_of(NUMPY), Watcher(), finish=finish)

    assert contents(store) == []


def test_an_environment_whose_interpreter_is_gone_is_built_anew(store: Store) -> None:
    first = provision(store, order_of(NUMPY), Watcher())
    pythons(store.prefix_path(first), "venv")[0].unlink()
    backend = FakeBackend()

    second = provision(store, order_of(NUMPY, backend), Watcher())

    assert backend.builds == 1
    assert store.record("tools") == second
    assert [f"envs/tools/{name}" for name in sorted((second.generation, f"{second.generation}.users"))] == [
        path for path in contents(store) if "json" not in path
    ]


def test_the_second_thread_waits_for_the_first_and_gets_its_environment(store: Store) -> None:
    building, waiting = threading.Event(), threading.Event()

    def hold(place: str) -> None:
        building.set()
        assert waiting.wait(10)

    backend = FakeBackend(hold)
    results: list[object] = []
    watcher = Watcher(on_stage=lambda stage, message: waiting.set())
    first = threading.Thread(target=lambda: results.append(provision(store, order_of(NUMPY, backend), Watcher())))
    first.start()
    assert building.wait(10)
    results.append(provision(store, order_of(NUMPY, backend), watcher))
    first.join(10)

    assert results[0] == results[1]
    assert backend.builds == 1
    assert watcher.stages[0][0] == "waiting"


def test_debris_is_out_of_the_way_before_a_build_needs_the_space(store: Store) -> None:
    interrupted = store.layout.prefix("tools", "0badc0de")
    interrupted.mkdir(parents=True)
    there: list[bool] = []

    backend = FakeBackend(lambda place: there.append(interrupted.exists()))
    provision(store, order_of(NUMPY, backend), Watcher())

    assert there == [False]
    assert store.reclaimer.wait(10)


def test_a_cancelled_build_leaves_nothing(store: Store) -> None:
    watcher = Watcher()

    def cancel(place: str) -> None:
        watcher.canceled = True

    with pytest.raises(ProvisioningCanceledError):
        provision(store, order_of(NUMPY, FakeBackend(cancel)), watcher)

    assert contents(store) == []
    assert store.record("tools") is None


def test_replacing_builds_the_new_one_first_and_then_removes_the_old_one(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    alive: list[bool] = []

    new = provision(
        store,
        order_of(SCIPY, FakeBackend(lambda place: alive.append(adopt(store.prefix_path(old)).python.is_file()))),
        Watcher(),
        replace=True,
    )

    assert alive == [True]
    assert store.record("tools") == new
    assert not store.prefix_path(old).exists()
    assert contents(store) == sorted(
        [f"envs/tools/{new.generation}", f"envs/tools/{new.generation}.users", "envs/tools/environment.json"]
    )


def test_a_replacement_that_fails_leaves_the_old_one_working(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    before = contents(store)

    def fail(place: str) -> None:
        raise ProvisioningError("no such package")

    with pytest.raises(ProvisioningError, match="no such package"):
        provision(store, order_of(SCIPY, FakeBackend(fail)), Watcher(), replace=True)

    assert store.record("tools") == old
    assert adopt(store.prefix_path(old)).python.is_file()
    assert before == contents(store)


def test_running_workers_keep_the_generation_they_use_until_they_end(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    mark = store.mark_in_use(old)

    provision(store, order_of(SCIPY), Watcher(), replace=True)
    assert adopt(store.prefix_path(old)).python.is_file()

    mark.release()
    provision(store, order_of(NUMPY), Watcher(), replace=True)
    assert not store.prefix_path(old).exists()


def test_a_damaged_record_is_an_error_and_replacing_heals_it(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())
    store.layout.record("tools").write_text("{")

    with pytest.raises(RecordError):
        provision(store, order_of(NUMPY), Watcher())
    new = provision(store, order_of(NUMPY), Watcher(), replace=True)

    assert store.record("tools") == new
    assert [new.generation] == list(store.layout.generations("tools"))


def test_nothing_is_swept_while_the_record_cannot_be_read(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    store.layout.record("tools").write_text("{")

    def fail(place: str) -> None:
        raise ProvisioningError("no")

    with pytest.raises(ProvisioningError, match="no"):
        provision(store, order_of(NUMPY, FakeBackend(fail)), Watcher(), replace=True)

    assert adopt(store.prefix_path(old)).python.is_file()


def test_a_full_disk_is_explained_and_leaves_nothing(store: Store) -> None:
    def full(place: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    with pytest.raises(ProvisioningError, match="free some space") as caught:
        provision(store, order_of(NUMPY, FakeBackend(full)), Watcher())

    assert "No space left on device: somewhere" in str(caught.value)
    assert contents(store) == []


def test_a_disk_that_is_full_when_the_record_is_written_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ProvisioningError, match="free some space"):
        provision(store, order_of(NUMPY), Watcher())
    assert contents(store) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_an_instance_that_cannot_be_written_to_is_explained(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(ProvisioningError, match="choose another wetlands_instance_path"):
        provision(store, order_of(NUMPY), Watcher())


def test_an_environment_in_an_instance_that_cannot_be_written_to_can_be_used(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = provision(store, order_of(NUMPY), Watcher())

    def refuse(path: Path, mode: int = 0o666, exist_ok: bool = True) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "touch", refuse)

    store.mark_in_use(record).release()
