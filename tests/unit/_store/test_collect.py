from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from fake_backend import FakeBackend, Watcher, contents, order_of, spec_of
from wetlands._store.collect import collect
from wetlands._store.garbage import Candidate, Limits, limits, verdicts
from wetlands._store.lock import builder_lock
from wetlands._store.provision import provision
from wetlands._store.sizes import Size, measure
from wetlands._store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._store.garbage import Cleanup
    from wetlands._store.record import Record

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "instance")


def build(store: Store, name: str, *, days: float = 0) -> Record:
    """An environment that was used last so many days ago."""
    record = provision(store, order_of(spec_of("numpy"), name=name), Watcher())
    used = (datetime.now(timezone.utc) - days * DAY).timestamp()
    os.utime(store.layout.users(name, record.generation), (used, used))
    return record


def run(store: Store, *, dry_run: bool = False, opened: tuple[str, ...] = (), **wanted: object) -> Cleanup:
    checked = limits(**{"max_age": None, "max_size": None, "keep": (), **wanted})  # type: ignore[arg-type]
    return collect(store, checked, opened=frozenset(opened), dry_run=dry_run)


def one(name: str, days: float, size: int = 10, obstacle: str = "") -> Candidate:
    return Candidate(name, NOW - days * DAY, Size(size, size), obstacle)


def test_without_limits_no_environment_goes() -> None:
    assert {} == verdicts([one("a", 10_000)], Limits(), NOW)


def test_what_was_not_used_for_longer_than_the_limit_goes() -> None:
    found = verdicts([one("old", 31), one("new", 30)], Limits(max_age=30 * DAY), NOW)

    assert {"old": "not used since 2026-01-29"} == found


def test_for_the_size_those_go_first_that_were_used_longest_ago_until_the_rest_fits() -> None:
    candidates = [one("b", 2), one("c", 1), one("a", 3)]

    assert ["a"] == list(verdicts(candidates, Limits(max_size=20), NOW))
    assert ["a", "b"] == list(verdicts(candidates, Limits(max_size=19), NOW))
    assert ["a", "b", "c"] == list(verdicts(candidates, Limits(max_size=0), NOW))
    assert [] == list(verdicts(candidates, Limits(max_size=30), NOW))


def test_what_goes_for_its_age_makes_room() -> None:
    candidates = [one("old", 100, size=25), one("b", 2), one("c", 1)]

    assert ["old"] == list(verdicts(candidates, Limits(max_age=30 * DAY, max_size=20), NOW))


def test_what_is_kept_or_used_stays_and_counts() -> None:
    candidates = [one("kept", 100), one("used", 100, obstacle="used by process 1"), one("free", 1)]
    wanted = Limits(max_age=DAY * 2, max_size=20, keep=frozenset({"kept"}).__contains__)

    assert ["free"] == list(verdicts(candidates, wanted, NOW))


@pytest.mark.parametrize(
    "wanted, error",
    [
        ({"max_age": 30}, TypeError),
        ({"max_age": timedelta(-1)}, ValueError),
        ({"max_size": "1 GB"}, TypeError),
        ({"max_size": True}, TypeError),
        ({"max_size": -1}, ValueError),
        ({"keep": "tools"}, TypeError),
    ],
)
def test_limits_of_another_kind_are_refused(wanted: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        limits(**{"max_age": None, "max_size": None, "keep": (), **wanted})  # type: ignore[arg-type]


def test_an_old_environment_is_removed_and_a_new_one_stays(store: Store) -> None:
    old, new = build(store, "old", days=40), build(store, "new", days=10)
    sizes = {record.name: measure(store.prefix_path(record)).total for record in (old, new)}

    found = run(store, max_age=30 * DAY)

    assert [("old", sizes["old"], sizes["old"])] == [(item.name, item.size, item.freed) for item in found.removed]
    assert [("new", sizes["new"], "within the limits")] == [(item.name, item.size, item.reason) for item in found.kept]
    assert sizes["old"] == found.freed == found.size > 0
    assert ("new",) == store.names()
    assert all("/old/" not in path for path in contents(store))


def test_a_dry_run_says_the_same_and_removes_nothing(store: Store) -> None:
    build(store, "old", days=40)
    before = sorted(str(path) for path in store.layout.root.rglob("*"))

    would = run(store, max_age=30 * DAY, dry_run=True)

    assert before == sorted(str(path) for path in store.layout.root.rglob("*"))
    assert would.dry_run
    assert would.removed == run(store, max_age=30 * DAY).removed
    assert () == store.names()


def test_names_can_be_kept_by_a_list_or_a_function(store: Store) -> None:
    for name in ("a1", "a2", "b1"):
        build(store, name, days=40)

    listed = run(store, max_age=DAY, keep=["a1"], dry_run=True)
    chosen = run(store, max_age=DAY, keep=lambda name: str(name).startswith("a"), dry_run=True)

    assert ["a2", "b1"] == [item.name for item in listed.removed]
    assert ["b1"] == [item.name for item in chosen.removed]
    assert ["to be kept"] * 2 == [item.reason for item in chosen.kept]


def test_what_live_processes_use_or_this_program_has_open_stays(store: Store) -> None:
    used, _ = build(store, "used", days=40), build(store, "opened", days=40)
    mark = store.mark_in_use(used)

    found = run(store, max_size=0, opened=("opened",))

    assert () == found.removed
    reasons = {item.name: item.reason for item in found.kept}
    assert {"opened": "open in this program", "used": f"used by process {os.getpid()}"} == reasons
    mark.release()


def test_what_another_thread_changes_right_now_stays(store: Store) -> None:
    build(store, "busy", days=40)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with builder_lock(store.layout, "busy", Watcher()):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    found = run(store, max_age=DAY)
    done.set()
    thread.join()

    assert ["being changed by another process"] == [item.reason for item in found.kept]
    assert ("busy",) == store.names()


def test_a_prefix_that_is_being_built_is_no_debris(store: Store) -> None:
    found: list[Cleanup] = []

    def look(place: str) -> None:
        if place == "half built":
            thread = threading.Thread(target=lambda: found.append(run(store)))
            thread.start()
            thread.join(30)

    provision(store, order_of(spec_of("numpy"), FakeBackend(look)), Watcher())

    assert [()] == [collection.removed for collection in found]
    assert ("tools",) == store.names()


def test_debris_goes_without_limits_and_its_size_is_told(store: Store) -> None:
    record = build(store, "tools")
    broken = store.layout.prefix("tools", "0123abcd")
    aside = store.layout.debris / "gone-89abcdef-1"
    for folder in (broken, aside):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 1000)

    found = run(store)

    assert [("gone-89abcdef-1", 1000), ("tools", 1000)] == [(item.name, item.freed) for item in found.removed]
    generation = record.generation
    expected = [f"envs/tools/{generation}", f"envs/tools/{generation}.users", "envs/tools/environment.json"]
    assert sorted(expected) == contents(store)


def test_an_environment_whose_record_cannot_be_read_stays_and_that_is_said(store: Store) -> None:
    build(store, "tools", days=40)
    store.layout.record("tools").write_text("{")

    found = run(store, max_size=0)

    assert () == found.removed
    assert "cannot be read" in found.kept[0].reason


def test_an_instance_that_does_not_exist_yet_has_no_garbage_and_is_not_made(store: Store) -> None:
    assert ((), ()) == (run(store).removed, run(store).kept)
    assert not store.layout.root.exists()


def test_to_use_an_environment_is_noted_and_to_look_for_users_is_not(store: Store) -> None:
    record = build(store, "tools", days=40)
    before = store.last_used(record)
    gate = store.layout.users("tools", record.generation)

    run(store, max_age=100 * DAY)
    assert before == store.last_used(record)

    store.mark_in_use(record).release()
    assert store.last_used(record) > before
    os.utime(gate, (before.timestamp(), before.timestamp()))
    store.note_use(record)
    assert store.last_used(record) > before


def test_the_marks_of_dead_processes_are_cleared_without_a_use(store: Store) -> None:
    record = build(store, "tools")
    gate = store.layout.users("tools", record.generation)
    store.mark_in_use(record)
    (mark,) = gate.iterdir()
    mark.rename(gate / mark.name.replace(f"{os.getpid()}-", "999999999-", 1))
    os.utime(gate, (1_000_000_000, 1_000_000_000))

    assert ["tools"] == [item.name for item in run(store, max_age=DAY).removed]


def test_files_with_several_names_count_once_and_those_shared_with_others_are_not_freed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "single").write_bytes(b"x" * 100)
    (folder / "twice").write_bytes(b"x" * 20)
    os.link(folder / "twice", folder / "deep" / "again")
    (tmp_path / "cached").write_bytes(b"x" * 3)
    os.link(tmp_path / "cached", folder / "linked")

    assert Size(123, 120) == measure(folder)


def test_links_are_not_followed_when_sizes_are_measured(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 10_000)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "large")
    (folder / "loop").symlink_to(folder)

    assert measure(folder).total < 1000
