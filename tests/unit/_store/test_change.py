from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend, Watcher, contents, order_of, spec_of
from wetlands._store.install import install
from wetlands._store.provision import provision
from wetlands._store.remove import remove
from wetlands._store.reuse import obstacles
from wetlands._store.steps import REMOVAL_STEPS
from wetlands._store.store import Store
from wetlands.exceptions import (
    EnvironmentInUseError,
    EnvironmentNotFoundError,
    EnvironmentReuseError,
    ProvisioningError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.api import BuildObserver

NUMPY = spec_of("numpy==2.2.4")
SCIPY = spec_of("scipy")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "an instance (ü)")


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
