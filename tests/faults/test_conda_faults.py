"""Conda builds while the server fails, the network is gone or the process dies: clear words, and the next run works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_builds import backend, build, run, versions
from conda_server import served, wait_for_downloads
from fake_backend import Watcher, contents
from registry import without_proxies
from wetlands._backends.conda import link, solve
from wetlands._backends.existing import adopt
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.provision import Order, provision
from wetlands._store.store import Store
from wetlands.exceptions import DownloadError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conda_channel import Channel
    from conda_server import Served
    from wetlands._spec import Dependencies

SABOTEUR = Path(__file__).with_name("saboteur_conda.py")
KILLED = 77
LAST_STEPS = ("packages installed", "commands run", "record staged")


@pytest.fixture
def server(channel: Channel, tmp_path: Path) -> Iterator[Served]:
    with served(channel.main) as running:
        yield running
    wait_for_downloads(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "instance (of é)")


def order(channel: Channel, store: Store, recipe: Dependencies, **variables: str) -> Order:
    base = store.layout.root.parent
    builder = backend(channel, base, RATTLER_CACHE_DIR=str(base / "cache"), **variables)
    return Order("tools", parse(recipe, platform=current_platform(), base=base), base, builder, "it is a test")


def assert_works(store: Store, generation: str) -> None:
    record = store.record("tools")
    assert record is not None
    assert generation == record.generation
    assert "1.0" == run(store.prefix_path(record), "import herald; print(herald.VERSION)")
    expected = [f"envs/tools/{generation}", f"envs/tools/{generation}.users", "envs/tools/environment.json"]
    assert sorted(expected) == contents(store)


FAULTS = [
    ("*/herald-*", 404, "The channel lists a package that it does not have .*herald.*try again later"),
    ("*/herald-*", 403, r"The host 127\.0\.0\.1 refuses access .*herald.*RATTLER_AUTH_FILE"),
    ("*/herald-*", "wrong", "A package arrived damaged.*herald.*Nothing of it was used"),
    ("*/herald-*", "short", "A package arrived damaged.*herald.*Nothing of it was used"),
    ("*/herald-*", "cut", r"The connection broke off several times .*127\.0\.0\.1 .*herald.*HTTPS_PROXY"),
    ("*/noarch/repodata*", 401, r"The host 127\.0\.0\.1 refuses access"),
    ("*/repodata*", 404, "There is no conda channel here"),
]
SLOW_FAULTS = [
    ("*/herald-*", 500, r"The host 127\.0\.0\.1 failed several times with 500 .*herald"),
    ("*/repodata*", 503, r"The host 127\.0\.0\.1 failed several times with 503"),
    ("*/repodata*", "cut", r"The connection broke off several times"),
]


@pytest.mark.parametrize(
    "pattern, fault, expected", [*FAULTS, *(pytest.param(*fault, marks=pytest.mark.slow) for fault in SLOW_FAULTS)]
)
def test_a_server_that_fails_is_named_and_nothing_is_left(
    channel: Channel, server: Served, store: Store, pattern: str, fault: int, expected: str
) -> None:
    server.fail(pattern, fault)
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url.replace("//", "//me:s3cret@"), "nodefaults"]}

    with pytest.raises(DownloadError, match=f"(?s){expected}") as failed:
        provision(store, order(channel, store, recipe), Watcher())

    assert "s3cret" not in str(failed.value)
    assert failed.value.url.startswith("http://")
    assert [] == contents(store)
    server.faults.clear()
    record = provision(store, order(channel, store, recipe), Watcher())
    assert_works(store, record.generation)


@pytest.mark.parametrize("pattern, fault", [("*/herald-*", 500), ("*/herald-*", "cut"), ("*/repodata*", "cut")])
def test_a_server_that_fails_once_is_asked_again(
    channel: Channel, server: Served, tmp_path: Path, pattern: str, fault: int
) -> None:
    server.fail(pattern, fault, times=1)
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}

    prefix = build(channel, recipe, tmp_path / "prefix", RATTLER_CACHE_DIR=str(tmp_path / "cache"))

    assert {"herald": "1.0"} == versions(prefix)


def test_a_server_that_sends_nothing_more_is_given_up(
    channel: Channel, server: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "STALL_SECONDS", 0.3)
    server.fail("*/python-*", "hold")
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}

    with pytest.raises(DownloadError, match=r"Nothing arrived for 0\.3 seconds \(http://.*python"):
        provision(store, order(channel, store, recipe), Watcher())

    assert [] == contents(store)
    monkeypatch.undo()
    server.faults.clear()
    server.release.set()
    record = provision(store, order(channel, store, recipe), Watcher())
    assert_works(store, record.generation)


def test_a_server_that_is_slow_is_waited_for_as_long_as_something_arrives(
    channel: Channel, server: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "STALL_SECONDS", 0.7)  # less than the second that the package takes
    server.fail("*/python-*", "slow")
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}

    record = provision(store, order(channel, store, recipe), Watcher())

    assert_works(store, record.generation)


def test_an_index_that_never_arrives_is_given_up(
    channel: Channel, server: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve, "_SOLVE_SECONDS", 0.3)
    server.fail("*/noarch/repodata*", "hold")
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}

    with pytest.raises(DownloadError, match=r"The channels did not answer within 0\.3 seconds"):
        provision(store, order(channel, store, recipe), Watcher())

    assert [] == contents(store)


def test_without_a_network_the_host_and_the_proxy_are_named(channel: Channel, store: Store) -> None:
    with served(channel.main) as gone:
        pass
    recipe: Dependencies = {"conda": ["herald"], "channels": [gone.url, "nodefaults"]}

    with pytest.raises(
        DownloadError, match=r"The host 127\.0\.0\.1 could not be reached .*Check the network\. Behind a"
    ):
        provision(store, order(channel, store, recipe), Watcher())

    assert [] == contents(store)


def test_a_network_that_was_turned_off_is_not_used(channel: Channel, server: Served, store: Store) -> None:
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}

    with pytest.raises(DownloadError, match="turned off by CONDA_OFFLINE"):
        provision(store, order(channel, store, recipe, CONDA_OFFLINE="1"), Watcher())

    assert [] == server.asked
    assert [] == contents(store)


def test_an_instance_that_cannot_be_written_to_is_named(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "instance").touch()  # a file where the folder should be: refused to everybody, to root too

    with pytest.raises((ProvisioningError, OSError)) as refused:
        build(channel, {"conda": ["pebble"]}, tmp_path / "instance" / "prefix")

    assert str(tmp_path / "instance") in str(refused.value)


def sabotage(channel: Channel, store: Store, place: str, **variables: str) -> tuple[int, str]:
    """Build in a process of its own; return its exit code, and the last line it wrote."""
    env = {**os.environ, **without_proxies(), **channel.variables, **variables}
    env["PYTHONPATH"] = str(SABOTEUR.parent.parent)
    store.layout.root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(SABOTEUR), "build", str(store.layout.root), place, "boulder", "herald"]
    ended = subprocess.run(command, env=env, check=False, timeout=60, capture_output=True, text=True)
    assert "panicked" not in ended.stderr
    return ended.returncode, (ended.stderr.splitlines() or [""])[-1]


@pytest.mark.parametrize("place", ["create", "solve", "download", "link", *LAST_STEPS])
def test_a_conda_build_whose_process_dies_heals(channel: Channel, server: Served, store: Store, place: str) -> None:
    base = store.layout.root.parent
    variables = {"CONDA_CHANNEL_ALIAS": server.url, "RATTLER_CACHE_DIR": str(base / "cache")}
    if place != "download":
        variables = {}
    server.folder = channel.main.parent
    spec = parse({"conda": ["boulder", "herald"]}, platform=current_platform(), base=base)

    assert (KILLED, "") == sabotage(channel, store, f"exit:{place}", **variables)
    assert store.record("tools") is None

    work = Order("tools", spec, base, backend(channel, base, **variables), "it is a test")
    assert_works(store, provision(store, work, Watcher()).generation)


@pytest.mark.parametrize("place", ["create", "solve", "link"])
def test_a_conda_build_that_is_interrupted_leaves_nothing(channel: Channel, store: Store, place: str) -> None:
    def interrupt(stage: str, _message: str) -> None:
        if stage == place:
            raise KeyboardInterrupt

    spec = parse({"conda": ["boulder", "herald"]}, platform=current_platform(), base=store.layout.root.parent)
    work = Order("tools", spec, store.layout.root.parent, backend(channel, store.layout.root.parent), "it is a test")

    with pytest.raises(KeyboardInterrupt):
        provision(store, work, Watcher(interrupt))

    assert [] == contents(store)
    assert_works(store, provision(store, work, Watcher()).generation)


def test_a_program_that_cancels_a_download_and_ends_does_so_in_good_order(
    channel: Channel, server: Served, store: Store
) -> None:
    server.fail("*/python-*", "hold")
    alias = {"CONDA_CHANNEL_ALIAS": server.url, "RATTLER_CACHE_DIR": str(store.layout.root.parent / "cache")}
    server.folder = channel.main.parent

    code, last_line = sabotage(channel, store, "cancel:", **alias)

    assert "wetlands.exceptions.ProvisioningCanceledError: The build was cancelled." == last_line
    assert 1 == code  # no signal: the engine's threads did not outlive the interpreter
    assert [] == contents(store)


def test_a_failed_replacement_leaves_the_old_environment(channel: Channel, server: Served, store: Store) -> None:
    recipe: Dependencies = {"conda": ["herald"], "channels": [server.url, "nodefaults"]}
    record = provision(store, order(channel, store, recipe), Watcher())
    server.fail("*/boulder-*", "wrong")
    other: Dependencies = {"conda": ["boulder"], "channels": [server.url, "nodefaults"]}

    with pytest.raises(DownloadError):
        provision(store, order(channel, store, other), Watcher(), replace=True)

    assert adopt(store.prefix_path(record)).python.is_file()
    assert_works(store, record.generation)


def test_cancelling_while_files_are_linked_leaves_nothing(channel: Channel, store: Store) -> None:
    watcher = Watcher()

    def cancel(stage: str, _message: str) -> None:
        watcher.canceled = stage == "link"

    watcher._on_stage = cancel
    spec = parse({"conda": ["boulder", "herald"]}, platform=current_platform(), base=store.layout.root.parent)
    work = Order("tools", spec, store.layout.root.parent, backend(channel, store.layout.root.parent), "it is a test")

    with pytest.raises(ProvisioningCanceledError):
        provision(store, work, watcher)

    assert [] == contents(store)
