from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fake_backend import Watcher, contents, order_of, spec_of
from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform
from wetlands._platform.names import current_platform
from wetlands._store.history import earlier, forget_lock, inherit, lock_path, read_stored_lock, store_lock
from wetlands._store.provision import provision
from wetlands._store.store import Store
from wetlands.exceptions import CommandFailedError, LockError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._spec import Spec
    from wetlands._store.provision import Order
    from wetlands._store.record import Record


def lock_of(version: str) -> Lock:
    address = f"https://files.example/voice-{version}-py3-none-any.whl"
    package = LockedPackage("voice", version, "pypi", address, sha256="ab" * 32)
    return Lock((LockedPlatform(current_platform(), (package,), "3.11.7"),))


def order(version: str, *, undoes: str = "") -> Order:
    """An order for voice in a version, which is described as what it is."""
    return replace(order_of(spec_of(f"voice=={version}")), describe=lambda *_: lock_of(version), undoes=undoes)


def replaced(store: Store, version: str, *, undoes: str = "") -> Record:
    return provision(store, order(version, undoes=undoes), Watcher(), replace=True)


def versions(prefix: Path) -> list[str]:
    """The versions that were there before, the last one first; "" for those without a lock."""
    locks = [read_stored_lock(one.lock) for one in earlier(prefix)]
    return ["" if lock is None else lock.platforms[0].packages[0].version for lock in locks]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "an instance (ü)")


def test_a_lock_is_stored_read_and_forgotten(tmp_path: Path) -> None:
    assert read_stored_lock(lock_path(tmp_path)) is None

    store_lock(tmp_path, lock_of("1.0"))
    read = read_stored_lock(lock_path(tmp_path))
    assert read is not None
    assert lock_of("1.0").platforms[0].identity == read.platforms[0].identity

    forget_lock(tmp_path)
    forget_lock(tmp_path)
    assert read_stored_lock(lock_path(tmp_path)) is None


def test_a_stored_lock_that_is_damaged_is_an_error_and_not_a_missing_one(tmp_path: Path) -> None:
    store_lock(tmp_path, lock_of("1.0"))
    lock_path(tmp_path).write_text("version: 7\nenvironments: {", encoding="utf-8")

    with pytest.raises(LockError, match="cannot be read as a lock"):
        read_stored_lock(lock_path(tmp_path))


def test_a_new_environment_has_no_history(store: Store) -> None:
    assert () == earlier(store.prefix_path(provision(store, order("1.0"), Watcher())))


def test_the_last_five_are_kept_the_newest_first(store: Store) -> None:
    records = [replaced(store, f"{number}.0") for number in range(8)]

    prefix = store.prefix_path(records[-1])

    assert ["6.0", "5.0", "4.0", "3.0", "2.0"] == versions(prefix)
    assert [record.generation for record in records[6:1:-1]] == [one.record.generation for one in earlier(prefix)]


def test_a_rollback_takes_itself_and_what_it_took_back_out_of_the_history(store: Store) -> None:
    replaced(store, "1.0")
    replaced(store, "2.0")
    third = replaced(store, "3.0")

    second = replaced(store, "2.0", undoes=third.generation)
    assert ["1.0"] == versions(store.prefix_path(second))
    first = replaced(store, "1.0", undoes=second.generation)
    assert [] == versions(store.prefix_path(first))


def test_a_rollback_that_another_build_overtook_changes_nothing(store: Store) -> None:
    replaced(store, "1.0")
    meant = replaced(store, "2.0")
    other = replaced(store, "3.0")
    before = contents(store)

    with pytest.raises(ProvisioningError, match="changed by somebody else meanwhile, and nothing was taken back"):
        replaced(store, "1.0", undoes=meant.generation)

    assert other == store.record("tools")
    assert ["2.0", "1.0"] == versions(store.prefix_path(other))
    assert before == contents(store)


def test_a_rollback_of_what_was_deleted_meanwhile_builds_nothing(store: Store) -> None:
    with pytest.raises(ProvisioningError, match="nothing was taken back"):
        replaced(store, "1.0", undoes="gone")

    assert [] == contents(store)


def test_what_was_built_without_a_lock_is_remembered_as_that(store: Store) -> None:
    provision(store, order_of(spec_of("voice==1.0")), Watcher())

    second = replaced(store, "2.0")

    assert [""] == versions(store.prefix_path(second))


def test_history_ends_where_it_is_damaged(store: Store) -> None:
    records = [replaced(store, version) for version in ("1.0", "2.0", "3.0")]
    prefix = store.prefix_path(records[-1])
    earlier(prefix)[1].lock.with_name("record.json").write_text("{", encoding="utf-8")

    assert ["2.0"] == versions(prefix)


def test_a_history_that_cannot_be_written_leaves_what_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old = replaced(store, "1.0")
    before = contents(store)

    def full(*args: object, **options: object) -> None:
        inherit(*args, **options)  # type: ignore[arg-type]  # as it was called
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wetlands._store.provision.inherit", full)
    with pytest.raises(ProvisioningError, match="The disk is full"):
        replaced(store, "2.0")

    assert old == store.record("tools")
    assert before == contents(store)


def test_an_environment_of_which_no_lock_is_to_be_had_is_built_and_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def silent(_spec: Spec, _prefix: Path, _observer: BuildObserver) -> Lock:
        raise CommandFailedError("uv pip compile", 1, ["voice was not found"])

    with caplog.at_level(logging.WARNING, "wetlands"):
        record = provision(store, replace(order("1.0"), describe=silent), Watcher())

    assert record == store.record("tools")
    assert not lock_path(store.prefix_path(record)).exists()
    assert "No lock is stored" in caplog.text


def test_a_build_that_is_cancelled_while_its_lock_is_made_leaves_nothing(store: Store) -> None:
    def canceled(_spec: Spec, _prefix: Path, _observer: BuildObserver) -> Lock:
        raise ProvisioningCanceledError("It was stopped.")

    with pytest.raises(ProvisioningCanceledError):
        provision(store, replace(order("1.0"), describe=canceled), Watcher())

    assert [] == contents(store)
