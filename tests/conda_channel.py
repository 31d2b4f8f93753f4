"""A real conda channel on this machine, built once from what `conda_packages` describes and kept between test runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

import interpreters

_MOST_PYTHONS = 2
_BUILD_SECONDS = 120
_KEPT_DAYS = 7


@dataclass(frozen=True)
class Channel:
    """The channels of the tests.

    Attributes:
        main: The folder of the channel with Pythons and most packages.
        other: The folder of the second channel.
        pythons: The versions of Python that the main one has, ascending.
        packages: A cache of packages that tests may share which do not break any.
    """

    main: Path
    other: Path
    pythons: tuple[str, ...]
    packages: Path

    @property
    def url(self) -> str:
        return self.main.as_uri()

    @property
    def variables(self) -> dict[str, str]:
        """What a program is given so that it shares the cache, and so that `conda-forge` is the main channel."""
        return {"RATTLER_CACHE_DIR": str(self.packages), "CONDA_CHANNEL_ALIAS": self.main.parent.as_uri()}


def channel() -> Channel:
    """The channel, built when it is not there yet; any number of processes may ask at once."""
    root = _cache_folder()
    root.mkdir(parents=True, exist_ok=True)
    chosen = _pythons()
    folder = root / _key(chosen)
    with FileLock(root / "lock", timeout=_BUILD_SECONDS):
        if not (folder / "complete").exists():
            _forget_old(root)
            _build(folder, chosen)
        (folder / "complete").touch()
    versions = tuple((folder / "pythons").read_text(encoding="utf-8").split())
    return Channel(folder / "conda-forge", folder / "other", versions, folder / "packages")


def start_engine(channel: Channel) -> None:
    """Use the engine once: it opens descriptors for its threads then, and keeps them."""
    from rattler import install, solve

    async def use() -> None:
        records = await solve([channel.url], ["pebble"])
        with tempfile.TemporaryDirectory() as folder:
            await install(records, folder, cache_dir=channel.packages / "pkgs", show_progress=False)

    asyncio.run(use())


def _pythons() -> dict[str, Path]:
    """The interpreter of the tests, and the newest others."""
    found = interpreters.found()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    others = [minor for minor in reversed(found) if minor != here]
    return {minor: found[minor] for minor in found if minor in {here, *others[: _MOST_PYTHONS - 1]}}


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wetlands-tests"


def _key(pythons: dict[str, Path]) -> str:
    """What the content of the channel depends on."""
    hashed = hashlib.sha256()
    for name in ("conda_channel.py", "conda_packages.py"):
        hashed.update(Path(__file__).with_name(name).read_bytes())
    for path in pythons.values():
        state = path.resolve().stat()
        hashed.update(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}".encode())
    return hashed.hexdigest()[:16]


def _forget_old(root: Path) -> None:
    complete = sorted(root.glob("*/complete"), key=lambda path: path.stat().st_mtime)
    for path in complete[:-1]:
        if complete[-1].stat().st_mtime - path.stat().st_mtime > _KEPT_DAYS * 86400:
            shutil.rmtree(path.parent, ignore_errors=True)


def _build(folder: Path, pythons: dict[str, Path]) -> None:
    from rattler.index import index_fs

    from conda_packages import OTHERS, PACKAGES, write_package, write_python

    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as stage:
        versions = [write_python(path, folder / "conda-forge", Path(stage, minor)) for minor, path in pythons.items()]
        for name, packages in (("conda-forge", PACKAGES), ("other", OTHERS)):
            (folder / name / "noarch").mkdir(parents=True, exist_ok=True)
            for package in packages:
                write_package(package, folder / name, Path(stage, name))
            asyncio.run(index_fs(folder / name))
    (folder / "packages").mkdir()
    (folder / "pythons").write_text(" ".join(versions), encoding="utf-8")
