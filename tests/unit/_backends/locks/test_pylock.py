from __future__ import annotations

from pathlib import Path

import pytest

from wetlands._backends.locks.model import LockedPackage
from wetlands._backends.locks.pylock import best_wheel, packages_of

HOST = "https://host.test"


@pytest.mark.parametrize(
    "better, other",
    [
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1-py3-none-any.whl"),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", "a-1-cp38-abi3-manylinux_2_28_x86_64.whl"),
        ("a-1-cp39-abi3-win_amd64.whl", "a-1-cp38-abi3-win_amd64.whl"),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("a-1-2-py3-none-any.whl", "a-1-1-py3-none-any.whl"),
        ("a-1-py310-none-any.whl", "a-1-py39-none-any.whl"),
    ],
)
def test_of_several_wheels_that_fit_the_most_specific_is_taken(better: str, other: str) -> None:
    assert better == best_wheel([other, better])
    assert better == best_wheel([better, other])


def test_every_kind_of_source_is_understood() -> None:
    text = f"""
lock-version = "1.0"
[[packages]]
name = "Some_Wheel"
version = "1.0"
sdist = {{ url = "{HOST}/some.tar.gz", hashes = {{ sha256 = "00" }} }}
wheels = [
  {{ url = "{HOST}/some_wheel-1.0-py3-none-any.whl", hashes = {{ sha256 = "01" }} }},
  {{ url = "{HOST}/some_wheel-1.0-cp311-cp311-win_amd64.whl", hashes = {{ sha256 = "02" }} }},
]
[[packages]]
name = "source"
version = "2.0"
sdist = {{ url = "https://user:word@host.test/source.tar.gz", hashes = {{ sha256 = "03" }} }}
[[packages]]
name = "folder"
directory = {{ path = "../mine", editable = true }}
[[packages]]
name = "repository"
version = "3.0"
vcs = {{ type = "git", url = "{HOST}/repo", requested-revision = "main", commit-id = "abc" }}
[[packages]]
name = "direct"
archive = {{ url = "{HOST}/direct-4.0-py3-none-any.whl", hashes = {{ sha256 = "04" }} }}
"""
    assert (
        LockedPackage("some-wheel", "1.0", "pypi", f"{HOST}/some_wheel-1.0-cp311-cp311-win_amd64.whl", sha256="02"),
        LockedPackage("source", "2.0", "pypi", f"{HOST}/source.tar.gz", sha256="03"),
        LockedPackage("folder", "", "local", str(Path("/base/mine"))),
        LockedPackage("repository", "3.0", "pypi", f"git+{HOST}/repo#abc"),
        LockedPackage("direct", "4.0", "pypi", f"{HOST}/direct-4.0-py3-none-any.whl", sha256="04"),
    ) == packages_of(text, Path("/base/here"))


def test_what_is_built_from_source_is_locked_as_source() -> None:
    text = f"""
[[packages]]
name = "a"
version = "1"
sdist = {{ url = "{HOST}/a.tar.gz", hashes = {{ sha256 = "00" }} }}
wheels = [{{ url = "{HOST}/a-1-py3-none-any.whl", hashes = {{ sha256 = "01" }} }}]
"""
    assert ["00"] == [one.sha256 for one in packages_of(text, Path(), from_source=["a"])]
    assert ["00"] == [one.sha256 for one in packages_of(text, Path(), from_source=[":all:"])]
    assert ["01"] == [one.sha256 for one in packages_of(text, Path(), from_source=["b"])]


@pytest.mark.parametrize("text", ["nonsense", "packages = 3", "[[packages]]\nname = 'a'"])
def test_what_is_no_such_document_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"uv wrote a lock|Expected|Invalid"):
        packages_of(text, Path())
