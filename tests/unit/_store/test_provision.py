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
from wetlands._store.install import install
from wetlands._store.provision import provision, reusable
from wetlands._store.remove import remove
from wetlands._store.reuse import obstacles
from wetlands._store.steps import BUILD_STEPS, REMOVAL_STEPS
from wetlands._store.store import Store
from wetlands.exceptions import (
    EnvironmentInUseError,
    EnvironmentNotFoundError,
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


# ------------------------------------------------------------------------------------------------------------- build


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


def test_a_cancelled_build_leaves_nothing(store: Store) -> None:
    watcher = Watcher()

    def cancel(place: str) -> None:
        watcher.canceled = True

    with pytest.raises(ProvisioningCanceledError):
        provision(store, order_of(NUMPY, FakeBackend(cancel)), watcher)

    assert contents(store) == []
    assert store.record("tools") is None


# ----------------------------------------------------------------------------------------------------------- replace


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


# ------------------------------------------------------------------------------------------------------------- disks


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


# ----------------------------------------------------------------------------------------------------------- install


def test_installing_makes_the_environment_unmanaged_and_a_later_request_says_so(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())

    install(store, order_of(SCIPY), Watcher())

    record = store.record("tools")
    assert record is not None
    assert not record.managed
    with pytest.raises(EnvironmentReuseError, match=r"install\(\) added scipy"):
        provision(store, order_of(NUMPY), Watcher())


def test_an_environment_is_unmanaged_before_its_first_file_changes(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())
    seen: list[bool] = []

    def look(place: str) -> None:
        record = store.record("tools")
        seen.append(record is not None and record.managed)

    install(store, order_of(SCIPY, FakeBackend(look)), Watcher())

    assert seen == [False]


def test_packages_that_cannot_be_installed_do_no_harm(store: Store) -> None:
    before = provision(store, order_of(NUMPY), Watcher())

    def fail(place: str) -> None:
        raise ProvisioningError("no such package")

    with pytest.raises(ProvisioningError, match="no such package"):
        install(store, order_of(spec_of(), FakeBackend(fail)), Watcher())

    assert store.record("tools") == before


def test_packages_of_which_a_part_was_installed_leave_it_unmanaged(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())

    def fail(place: str) -> None:
        raise ProvisioningError("the second one failed")

    with pytest.raises(ProvisioningError):
        install(store, order_of(SCIPY, FakeBackend(fail)), Watcher())

    record = store.record("tools")
    assert record is not None
    assert not record.managed


def test_commands_that_fail_after_installing_leave_it_unmanaged(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())

    def fail(prefix: Path, observer: BuildObserver) -> None:
        raise ProvisioningError("the command failed")

    with pytest.raises(ProvisioningError):
        install(store, order_of(spec_of(commands=["false"])), Watcher(), finish=fail)

    record = store.record("tools")
    assert record is not None
    assert record.changes == ("install() added what commands did",)


def test_installing_into_nothing_is_an_error(store: Store) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="'tools'"):
        install(store, order_of(SCIPY), Watcher())


# ------------------------------------------------------------------------------------------------------------ remove


def test_a_deleted_environment_is_gone(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())
    steps: list[str] = []

    remove(store, "tools", Watcher(), reached=steps.append)

    assert store.record("tools") is None
    assert contents(store) == []
    assert tuple(steps) == REMOVAL_STEPS


def test_an_environment_that_workers_use_is_not_deleted(store: Store) -> None:
    record = provision(store, order_of(NUMPY), Watcher())
    before = contents(store)
    mark = store.mark_in_use(record)

    with pytest.raises(EnvironmentInUseError, match=f"process {os.getpid()}"):
        remove(store, "tools", Watcher())
    assert store.record("tools") == record

    mark.release()
    assert before == contents(store)
    remove(store, "tools", Watcher())
    assert contents(store) == []


def test_an_environment_whose_replaced_generation_workers_use_is_not_deleted(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    mark = store.mark_in_use(old)
    new = provision(store, order_of(SCIPY), Watcher(), replace=True)

    with pytest.raises(EnvironmentInUseError):
        remove(store, "tools", Watcher())

    assert store.record("tools") == new
    store.mark_in_use(new).release()
    mark.release()


def test_deleting_what_does_not_exist_is_an_error_and_makes_no_folder(store: Store) -> None:
    with pytest.raises(EnvironmentNotFoundError):
        remove(store, "tools", Watcher())

    assert not store.layout.root.exists()


def test_an_environment_with_a_damaged_record_can_be_deleted(store: Store) -> None:
    provision(store, order_of(NUMPY), Watcher())
    store.layout.record("tools").write_text("{")

    remove(store, "tools", Watcher())

    assert contents(store) == []


def test_who_marks_a_generation_that_was_replaced_hears_that_it_is_gone(store: Store) -> None:
    old = provision(store, order_of(NUMPY), Watcher())
    provision(store, order_of(SCIPY), Watcher(), replace=True)

    with pytest.raises(EnvironmentNotFoundError, match="removed meanwhile"):
        store.mark_in_use(old)


def test_who_marks_an_environment_that_was_deleted_makes_no_folder(store: Store) -> None:
    record = provision(store, order_of(NUMPY), Watcher())
    remove(store, "tools", Watcher())

    with pytest.raises(EnvironmentNotFoundError):
        store.mark_in_use(record)
    assert contents(store) == []


def test_files_of_others_in_the_folder_of_an_environment_are_left_alone(store: Store) -> None:
    folder = store.layout.environment("tools")
    (folder / "my notes").mkdir(parents=True)
    (folder / "deadbeef0").mkdir()

    provision(store, order_of(NUMPY), Watcher())
    remove(store, "tools", Watcher())

    assert contents(store) == ["envs/tools/deadbeef0", "envs/tools/my notes"]


# ------------------------------------------------------------------------------------------------------------- reuse


@pytest.mark.parametrize(
    "editable, old_folder_exists, reused",
    [
        (False, False, True),
        (False, True, False),
        (True, False, False),
        (True, True, False),
    ],
)
def test_a_relative_local_package_in_another_folder_is_another_package(
    store: Store, tmp_path: Path, editable: bool, old_folder_exists: bool, reused: bool
) -> None:
    from wetlands._spec import LocalRequirement, Spec
    from wetlands._store.provision import Order

    old, new = tmp_path / "old place", tmp_path / "new place"
    for place in (old, new):
        (place / "package").mkdir(parents=True)
    spec = Spec(local=(LocalRequirement("package", "package", editable),))
    record = provision(store, Order("tools", spec, old, FakeBackend(), "it is a test"), Watcher())
    if not old_folder_exists:
        (old / "package").rmdir()

    assert obstacles(record, spec, old) == ()
    assert (obstacles(record, spec, new) == ()) == reused
