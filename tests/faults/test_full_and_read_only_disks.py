"""Disks that are full or cannot be written to, mounted for the test: it is said which, and nothing is left."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from conda_builds import backend, run
from fake_backend import Watcher, contents
from registry import without_proxies
from wetlands._backends.uv import UvBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands._store.provision import Order, provision
from wetlands._store.store import Store
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import ProvisioningError
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies

    Disk = Callable[[str], Path]

CONDA: Dependencies = {"conda": ["herald"]}
ROOMY = "size=400m"
WHERE_ELSE = r"(wetlands_instance_path|RATTLER_CACHE_DIR)"
FULL = rf"The disk is full.*{WHERE_ELSE}"
TOO_SMALL = rf"The conda packages need .* GB on the disk of .*{WHERE_ELSE}"


def mount(folder: Path, options: str) -> None:
    tool = shutil.which("mount")
    if tool is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a disk for a test")
    done = subprocess.run([tool, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True, capture_output=True)


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    mount(folder, options)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Path]:
    """An instance folder on a disk that is too small for a Python."""
    with disk(tmp_path / "disk (é)", "size=3m") as mounted:
        yield mounted / "instance"


@pytest.fixture(params=["filled before", "filled meanwhile"])
def refused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the error says of a disk that is full from the start, and of one that others fill during the build."""
    if request.param == "filled before":
        return TOO_SMALL
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1 << 40, used=0, free=1 << 40))
    return FULL


def conda_order(channel: Channel, base: Path, **variables: str) -> Order:
    spec = parse(CONDA, platform=current_platform(), base=base)
    return Order("tools", spec, base, backend(channel, base, **variables), "it is a test")


def assert_works(store: Store, module: str) -> None:
    record = store.record("tools")
    assert record is not None
    assert "1.0" == run(store.prefix_path(record), f"import {module}; print({module}.VERSION)")


def test_an_instance_on_a_full_disk(channel: Channel, tmp_path: Path, instance: Path, refused: str) -> None:
    store = Store(instance)

    with pytest.raises(ProvisioningError, match=refused) as failed:
        provision(store, conda_order(channel, tmp_path), Watcher())

    assert str(instance) in str(failed.value)
    assert [] == contents(store)
    remount(instance.parent, ROOMY)
    provision(store, conda_order(channel, tmp_path), Watcher())
    assert_works(store, "herald")


def test_a_replacement_on_a_full_disk_leaves_the_old_environment(
    channel: Channel, tmp_path: Path, instance: Path, refused: str
) -> None:
    store = Store(instance)
    remount(instance.parent, ROOMY)
    old = provision(store, conda_order(channel, tmp_path), Watcher())
    filler = instance.parent / "filler"
    space = os.statvfs(instance)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - (1 << 20))

    with pytest.raises(ProvisioningError, match=refused):
        provision(store, conda_order(channel, tmp_path), Watcher(), replace=True)

    assert old == store.record("tools")
    assert_works(store, "herald")
    filler.unlink()
    assert old != provision(store, conda_order(channel, tmp_path), Watcher(), replace=True)


def test_a_package_cache_on_a_full_disk(channel: Channel, tmp_path: Path, refused: str) -> None:
    store = Store(tmp_path / "instance")
    with disk(tmp_path / "cache", "size=3m") as cache:
        with pytest.raises(ProvisioningError, match=refused) as failed:
            provision(store, conda_order(channel, tmp_path, RATTLER_CACHE_DIR=str(cache)), Watcher())

        assert str(cache) in str(failed.value)
        assert [] == contents(store)
        remount(cache, ROOMY)
        provision(store, conda_order(channel, tmp_path, RATTLER_CACHE_DIR=str(cache)), Watcher())
        assert_works(store, "herald")


def test_a_package_cache_that_cannot_be_written_to(channel: Channel, tmp_path: Path) -> None:
    store = Store(tmp_path / "instance")
    with disk(tmp_path / "cache", "ro") as cache:
        with pytest.raises(ProvisioningError, match="must be writable") as failed:
            provision(store, conda_order(channel, tmp_path, RATTLER_CACHE_DIR=str(cache)), Watcher())

        assert str(cache) in str(failed.value)
        assert [] == contents(store)
        remount(cache, f"rw,{ROOMY}")
        provision(store, conda_order(channel, tmp_path, RATTLER_CACHE_DIR=str(cache)), Watcher())
        assert_works(store, "herald")


def test_an_instance_that_cannot_be_written_to(channel: Channel, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "ro") as mounted:
        store = Store(mounted / "instance")
        with pytest.raises(ProvisioningError, match="cannot be written to: choose another wetlands_instance_path"):
            provision(store, conda_order(channel, tmp_path), Watcher())

        remount(mounted, f"rw,{ROOMY}")
        provision(store, conda_order(channel, tmp_path), Watcher())
        assert_works(store, "herald")


def test_packages_of_pypi_on_a_full_disk(tmp_path: Path, instance: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "guest", padding=8 << 20)
    spec = parse({"pip": [f"guest @ {wheel.as_uri()}"]}, platform=current_platform(), base=tmp_path)
    env = {**os.environ, **without_proxies(), "UV_OFFLINE": "1"}
    order = Order("tools", spec, tmp_path, UvBackend(env, base=tmp_path), "it is a test")
    store = Store(instance)

    with pytest.raises(ProvisioningError, match=r"(?i)no space left on device|disk is full"):
        provision(store, order, Watcher())

    assert [] == contents(store)
    remount(instance.parent, ROOMY)
    provision(store, order, Watcher())
    assert_works(store, "guest")


def test_what_was_built_is_used_from_a_disk_that_cannot_be_written_to_any_more(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**without_proxies(), **channel.variables}.items():
        monkeypatch.setenv(name, value)
    with disk(tmp_path / "disk", ROOMY) as mounted:
        with EnvironmentManager(mounted / "instance") as manager:
            manager.create("tools", CONDA)
        remount(mounted, "ro")

        with EnvironmentManager(mounted / "instance") as manager, manager.create("tools", CONDA) as environment:
            environment.launch()
            assert "1.0" == environment.execute("importlib.metadata", "version", ("herald",))
            assert [] == manager.check_environment(environment, thorough=True)
            assert ["open in this program"] == [item.reason for item in manager.collect(max_size=0).kept]
