"""Builds that are given up in each of their stages, by Ctrl-C or `cancel`: nothing is left, and the next one works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conda_server import served, wait_for_downloads
from fake_backend import Watcher, contents
from pools import eventually
from registry import Index, server, without_proxies
from wetlands._store.lock import builder_lock
from wetlands._store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from http.server import BaseHTTPRequestHandler

    from conda_channel import Channel

PROGRAM = Path(__file__).with_name("saboteur_build.py")
SECONDS = 60
WAYS = ["ctrl-c", "ctrl-c twice", "cancel"]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


class Builder:
    """A program that builds, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], way: str, store: Store) -> None:
        self._process = process
        self._way = way
        self._store = store

    @property
    def pid(self) -> int:
        return self._process.pid

    def says(self) -> dict[str, object]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the program has ended with {self._process.wait(SECONDS)}"
        said: dict[str, object] = json.loads(line)
        return said

    def reaches(self, stage: str) -> None:
        while self.says() != {"stage": stage}:
            pass

    def is_told(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()

    def is_given_up(self, beside: Sequence[str] = ()) -> None:
        """Interrupt it or have it cancel; what it made is gone then, and so is every process that it started."""
        if self._way == "cancel":
            self.is_told()
        else:
            self._process.send_signal(signal.SIGINT)
        if self._way == "ctrl-c twice":
            time.sleep(0.005)  # so that the first one has been heard
            self._process.send_signal(signal.SIGINT)
        said = self.says()
        while "stage" in said:
            said = self.says()
        assert {"ended": "CANCELED" if self._way == "cancel" else "KeyboardInterrupt", "children": 0} == said
        assert self._store.record("tools") is None
        if self._way != "ctrl-c twice":  # the second one ends the clean-up
            assert list(beside) == contents(self._store)

    def builds_again(self, *packages: str) -> None:
        self.is_told()
        said = self.says()
        while "stage" in said:
            said = self.says()
        assert {"packages": sorted(packages)} == {"packages": [name for name in said["packages"] if name in packages]}  # type: ignore[attr-defined]  # names
        assert 0 == self._process.wait(SECONDS)
        record = self._store.record("tools")
        assert record is not None
        kept = [f"envs/tools/{record.generation}", f"envs/tools/{record.generation}.users"]
        assert sorted([*kept, "envs/tools/environment.json"]) == contents(self._store)


@pytest.fixture(params=WAYS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Builder]]:
    started: list[subprocess.Popen[str]] = []

    def begin(recipe: object, command: str = "", hold: str = "", **variables: str) -> Builder:
        env = {**os.environ, **without_proxies(), **variables, "UV_CACHE_DIR": str(tmp_path / "uv")}
        store = Store(tmp_path / "instance (of é)")
        way = "task" if request.param == "cancel" else "block"
        order = json.dumps([recipe, [command] if command else []])
        argv = [sys.executable, str(PROGRAM), str(store.layout.root), way, hold, order]
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return Builder(process, request.param, store)

    yield begin
    for process in started:
        with process:
            process.kill()


def conda(url: str, tmp_path: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    variables = {"RATTLER_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    return {"conda": ["herald", "boulder"], "channels": [url, "nodefaults"]}, variables


@pytest.mark.parametrize("pattern, stage", [("*/noarch/repodata*", "solve"), ("*/python-*", "download")])
def test_a_conda_build_that_waits_for_the_network(
    start: Callable[..., Builder], channel: Channel, tmp_path: Path, pattern: str, stage: str
) -> None:
    with served(channel.main) as channel_server:
        channel_server.fail(pattern, "hold")
        recipe, variables = conda(channel_server.url, tmp_path)
        program = start(recipe, **variables)
        program.reaches(stage)
        assert channel_server.holding.wait(SECONDS)

        program.is_given_up()

        channel_server.faults.clear()
        channel_server.release.set()
        # The engine cannot stop a download. One that ends while the next build links the same package can disturb that.
        wait_for_downloads(tmp_path / "cache", program.pid)
        program.builds_again("herald", "boulder")


def test_a_conda_build_that_links(start: Callable[..., Builder], channel: Channel, tmp_path: Path) -> None:
    with served(channel.main) as channel_server:
        recipe, variables = conda(channel_server.url, tmp_path)
        program = start(recipe, hold="link", **variables)
        program.reaches("link")

        program.is_given_up()

        program.builds_again("herald", "boulder")


class Holding(Index):
    """An index that keeps who asks for a wheel waiting."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.holding, self.release = threading.Event(), threading.Event()

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(".whl"):
            self.holding.set()
            self.release.wait(SECONDS)
        with suppress(ConnectionError):  # uv was killed
            super().__call__(request)


@contextmanager
def held_index(folder: Path) -> Iterator[tuple[Holding, str]]:
    index = Holding(folder)
    with server(index) as address:
        try:
            yield index, f"{address}/simple"
        finally:
            index.release.set()


def test_a_build_that_waits_for_a_package_of_pypi(start: Callable[..., Builder], tmp_path: Path) -> None:
    with held_index(tmp_path / "wheels") as (index, address):
        program = start({"pip": ["greeter"]}, UV_DEFAULT_INDEX=address)
        program.reaches("install")
        assert index.holding.wait(SECONDS)

        program.is_given_up()

        index.release.set()
        program.builds_again("greeter")


def test_a_conda_build_that_waits_for_a_package_of_pypi(
    start: Callable[..., Builder], channel: Channel, tmp_path: Path
) -> None:
    with held_index(tmp_path / "wheels") as (index, address):
        recipe = {"conda": ["pebble"], "pip": ["greeter"]}
        program = start(recipe, UV_DEFAULT_INDEX=address, **channel.variables)
        assert index.holding.wait(SECONDS)

        program.is_given_up()

        index.release.set()
        program.builds_again("greeter", "pebble")


def test_a_build_whose_commands_run(start: Callable[..., Builder], tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    program = start({}, f'[ -e "{begun}" ] && exit 0; touch "{begun}"; sleep 600 & sleep 600')
    program.reaches("commands")
    eventually(begun.exists, "the command runs")

    program.is_given_up()

    program.builds_again()


def test_a_build_that_waits_for_another(start: Callable[..., Builder], tmp_path: Path) -> None:
    with builder_lock(Store(tmp_path / "instance (of é)").layout, "tools", Watcher()):
        program = start({})
        program.reaches("waiting")

        program.is_given_up(beside=["envs/tools/.lock.holder"])  # ours

    program.builds_again()
