from __future__ import annotations

import pytest

from wetlands._backends.locks.difference import PackageChange, changes
from wetlands._backends.locks.model import LockedPackage, LockedPlatform


def conda(version: str, build: str = "0", sha256: str = "aa") -> LockedPackage:
    return LockedPackage("a", version, "conda", f"https://host.test/a-{version}-{build}.conda", build, sha256)


def pypi(version: str, sha256: str = "aa", host: str = "host") -> LockedPackage:
    return LockedPackage("a", version, "pypi", f"https://{host}.test/a-{version}.whl", sha256=sha256)


def between(old: LockedPackage | None, new: LockedPackage | None) -> tuple[PackageChange, ...]:
    before, after = (LockedPlatform("linux-64", () if one is None else (one,)) for one in (old, new))
    return changes(before, after)


@pytest.mark.parametrize(
    "old, new, expected",
    [
        (None, pypi("1"), PackageChange("a", "pypi", "added", "", "1")),
        (pypi("1"), None, PackageChange("a", "pypi", "removed", "1")),
        (pypi("1.9"), pypi("1.10"), PackageChange("a", "pypi", "upgraded", "1.9", "1.10")),
        (pypi("2.0"), pypi("2.0rc1"), PackageChange("a", "pypi", "downgraded", "2.0", "2.0rc1")),
        (conda("9b"), conda("9c_x"), PackageChange("a", "conda", "upgraded", "9b 0", "9c_x 0")),
        (conda("1", "0"), conda("1", "1"), PackageChange("a", "conda", "rebuilt", "1 0", "1 1")),
        (pypi("1", "aa"), pypi("1", "bb"), PackageChange("a", "pypi", "rebuilt", "1", "1")),
        (conda("1"), pypi("1"), PackageChange("a", "pypi", "moved", "1 0", "1")),
    ],
)
def test_each_change_is_named(old: LockedPackage | None, new: LockedPackage | None, expected: PackageChange) -> None:
    assert (expected,) == between(old, new)


def test_the_same_file_from_another_host_is_no_change() -> None:
    assert () == between(pypi("1"), pypi("1", host="mirror"))


def test_a_change_is_a_sentence() -> None:
    assert "upgraded a 1 -> 2 (pypi)" == str(between(pypi("1"), pypi("2"))[0])
    assert "added a 1 0 (conda)" == str(between(None, conda("1"))[0])
