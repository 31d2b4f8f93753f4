"""What is written as a lock is read as the same lock, whatever the names, places and hashes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wetlands._backends.locks.model import Lock, LockedPackage, LockedPlatform
from wetlands._backends.locks.read import read_lock
from wetlands._backends.locks.text import lock_text

HASHES = st.one_of(
    st.just(""),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.text("0123e", min_size=64, max_size=64),  # what YAML could take for a number
)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9][0-9]{0,3}(\.(0|[1-9][0-9]?)){0,3}(rc[0-9]|\.post[0-9])?", fullmatch=True)
FOLDERS = st.text("abc é(#)'-_%", min_size=1, max_size=8).map(lambda text: f"x{text}x")


@st.composite
def packages(draw: st.DrawFn) -> tuple[LockedPackage, ...]:
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    found = []
    for name in sorted(names):
        version = draw(VERSIONS)
        if draw(st.booleans()):
            sha256 = draw(HASHES)
            place = f"https://host.test/{sha256}/{name}-{version}-py3-none-any.whl"  # one address, one file
            found.append(LockedPackage(name, version, "pypi", place, sha256=sha256))
        else:
            place = str(Path("/program", *draw(st.lists(FOLDERS, min_size=1, max_size=3)), name))
            found.append(LockedPackage(name, version, "local", place))
    return tuple(found)


@given(st.dictionaries(st.sampled_from(["linux-64", "osx-arm64", "win-64"]), packages(), min_size=1))
def test_a_lock_that_is_written_is_read_as_the_same(content: dict[str, tuple[LockedPackage, ...]]) -> None:
    lock = Lock(tuple(LockedPlatform(name, found, "3.11.7", ("__glibc=2.28",)) for name, found in content.items()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "pixi.lock"
        path.write_text(lock_text(lock, path.parent), encoding="utf-8")
        found = read_lock(path)

    assert {one.name: one.identity for one in lock.platforms} == {one.name: one.identity for one in found.platforms}
    assert {one.python for one in lock.platforms} == {one.python for one in found.platforms}
    assert {one.virtual_packages for one in lock.platforms} == {one.virtual_packages for one in found.platforms}
