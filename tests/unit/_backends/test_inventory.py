from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.inventory import installed_packages
from wetlands._backends.prefix import Prefix
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

SITE_PACKAGES = "lib/python3.11/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    (tmp_path / SITE_PACKAGES).mkdir(parents=True)
    return Prefix(tmp_path, tmp_path / "bin" / "python", "conda")


def add_wheel(prefix: Prefix, name: str, version: str, installer: str = "uv", text: str | None = None) -> None:
    folder = prefix.path / SITE_PACKAGES / f"{name}-{version}.dist-info"
    folder.mkdir()
    metadata = text or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: in the description\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / "INSTALLER").write_text(f"{installer}\n", encoding="utf-8")


def add_conda(prefix: Prefix, name: str, version: str, files: tuple[str, ...] = ()) -> None:
    folder = prefix.path / "conda-meta"
    folder.mkdir(exist_ok=True)
    record = {"name": name, "version": version, "build": "0", "files": files}
    (folder / f"{name}-{version}-0.json").write_text(json.dumps(record), encoding="utf-8")


def test_packages_of_both_kinds_are_listed_by_name(prefix: Prefix) -> None:
    add_wheel(prefix, "Six", "1.17.0")
    add_conda(prefix, "python", "3.11.7")
    add_wheel(prefix, "attrs", "25.1.0")

    assert [
        {"name": "attrs", "version": "25.1.0", "kind": "pypi"},
        {"name": "python", "version": "3.11.7", "kind": "conda"},
        {"name": "Six", "version": "1.17.0", "kind": "pypi"},
    ] == installed_packages(prefix)


@pytest.mark.parametrize(
    "installer, files", [("conda", ()), ("pip", (f"{SITE_PACKAGES}/numpy-1.26.4.dist-info/METADATA",))]
)
def test_a_python_package_of_conda_is_listed_once(prefix: Prefix, installer: str, files: tuple[str, ...]) -> None:
    add_conda(prefix, "numpy", "1.26.4", files)
    add_wheel(prefix, "numpy", "1.26.4", installer)

    assert [{"name": "numpy", "version": "1.26.4", "kind": "conda"}] == installed_packages(prefix)


def test_a_package_of_conda_that_was_replaced_from_pypi_is_listed_as_what_it_is_now(prefix: Prefix) -> None:
    add_conda(prefix, "numpy", "1.26.4", (f"{SITE_PACKAGES}/numpy-1.26.4.dist-info/METADATA",))
    add_wheel(prefix, "numpy", "2.2.4")

    assert [{"name": "numpy", "version": "2.2.4", "kind": "pypi"}] == installed_packages(prefix)


def test_what_an_interrupted_pip_left_behind_is_not_listed(prefix: Prefix) -> None:
    add_wheel(prefix, "~umpy", "1.0")
    (prefix.path / SITE_PACKAGES / "half-1.0.dist-info").mkdir()
    add_wheel(prefix, "nameless", "1.0", text="Metadata-Version: 2.1\n\nName: nameless\nVersion: 1.0\n")

    assert [] == installed_packages(prefix)


def test_an_old_egg_info_is_listed_too(prefix: Prefix) -> None:
    folder = prefix.path / SITE_PACKAGES / "old-0.1-py3.11.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Name: old\nVersion: 0.1\n", encoding="utf-8")

    assert [{"name": "old", "version": "0.1", "kind": "pypi"}] == installed_packages(prefix)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"name": "numpy"}', '{"name": "numpy", "version": "1", "files": 3}']
)
def test_a_damaged_record_of_conda_is_named(prefix: Prefix, content: str) -> None:
    (prefix.path / "conda-meta").mkdir()
    (prefix.path / "conda-meta" / "numpy-1-0.json").write_text(content, encoding="utf-8")

    with pytest.raises(ProvisioningError, match=r"numpy-1-0\.json.*build it anew"):
        installed_packages(prefix)
