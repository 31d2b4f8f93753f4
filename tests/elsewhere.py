"""Shared memory as macOS and Windows have it, on Linux: all but the systems themselves is run for real.

On macOS it is made by ``shm_open``, which Linux has as well. Windows finds it by a name that is in no file system; here
it is a file of a folder of the test, which nobody removes. In both, what only Linux has is not there, in the host
and in its workers.
"""

from __future__ import annotations

import mmap
import os
import re
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pools
from wetlands._platform import page
from wetlands._platform.segment import make_segment
from wetlands_worker import shared_memory

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    import pytest

    from wetlands._backends.prefix import Prefix
    from wetlands_worker.segments import Segment

SYSTEMS = ("linux", "macos", "windows")

OURS = re.compile(r"memfd:wetlands |/wetlands-[0-9a-f]+(?: |$)")
"""What a mapping or descriptor of a segment or page is called, on each of them."""

_ONLY_ON_LINUX = {os: ("memfd_create", "O_TMPFILE", "posix_fallocate", "pwrite"), mmap: ("MADV_REMOVE",)}
_SITE = """
import mmap, os, sys
sys.path[:0] = [{tests!r}]
sys.modules["ctypes"] = None
for module, names in ((os, {os!r}), (mmap, {mmap!r})):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
if {system!r} == "windows":
    import named_mappings
    mmap.mmap = named_mappings.mapping_by_name({folder!r})
del sys.path[0]
"""


def become(system: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have this process and the workers that it starts be without what that system does not have.

    Args:
        system: One of `SYSTEMS`.
        folder: An empty one, for what is needed meanwhile.
        patch: Undoes it.
    """
    if system == "linux":
        return
    for module, names in _ONLY_ON_LINUX.items():
        for name in names:
            if name != "O_TMPFILE":  # `tempfile` is loaded here, and takes it for granted
                patch.delattr(module, name)
    for module in (shared_memory, page):
        patch.setattr(module, "make_memory_file", _refuse)
    patch.setenv("TMPDIR", str(folder))  # where `wetlands.shared` has its files then
    patch.setattr(tempfile, "tempdir", None)
    if system == "windows":
        from named_mappings import mapping_by_name

        patch.setattr(mmap, "mmap", mapping_by_name(str(folder)))
        patch.setattr("wetlands._launch.ends.make_segment", partial(make_segment, system="windows"))
    missing = {module.__name__: names for module, names in _ONLY_ON_LINUX.items()}
    site = _SITE.format(tests=str(Path(__file__).parent), system=system, folder=str(folder), **missing)
    (folder / "sitecustomize.py").write_text(site, encoding="utf-8")
    before = pools.FakeManager.child_environment

    def child_environment(self: pools.FakeManager, prefix: Prefix) -> dict[str, str]:
        found = before(self, prefix)
        path = [str(folder), *filter(None, [found.get("PYTHONPATH")])]
        return {**found, "PYTHONPATH": os.pathsep.join(path)}

    patch.setattr(pools.FakeManager, "child_environment", child_environment)


def _refuse(_name: str) -> int:
    raise OSError


def inode(segment: Segment, folder: Path) -> int:
    """Which file the memory is."""
    return (folder / segment.name).stat().st_ino if segment.name else os.fstat(segment.descriptor).st_ino


def mappings(pid: int | str = "self") -> int:
    """How often shared memory of ours is mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text("ascii").splitlines()
    return sum(OURS.search(line) is not None for line in lines)


def files(pid: int | str = "self") -> Iterator[Path]:
    """The descriptors of shared memory that a process has."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if os.path.lexists(link) and OURS.search(os.readlink(link)):  # noqa: PTH115 - pathlib would follow it
            yield link


def left_in(folder: Path) -> set[str]:
    """Named things of ours in a folder."""
    return {path.name for path in folder.iterdir() if path.name.startswith(("wetlands", "wl-"))}


def memory_of(pids: Iterable[int]) -> dict[int, int]:
    """How much memory the files of ours have that these processes have open, by inode; segments are sparse."""
    found = {}
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                name = os.readlink(link)  # noqa: PTH115 - pathlib would follow it
                if "wetlands" in name:
                    state = link.stat()
                    found[state.st_ino] = state.st_size if "wetlands-shared" in name else state.st_blocks * 512
    return found


def holders(inodes: Container[int]) -> set[int]:
    """The processes that have one of these files open or mapped."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is not ours
            lines = (folder / "maps").read_text("utf-8", "replace").splitlines()
            mapped = {int(line.split()[4]) for line in lines if "wetlands" in line}
            opened = memory_of([int(folder.name)])
            if any(inode in inodes for inode in (*mapped, *opened)):
                found.add(int(folder.name))
    return found
