from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.integrity.check import check
from wetlands._backends.integrity.repair import wanted_again
from wetlands._spec import PypiSettings, Spec, parse_pypi

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"content\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    folder = tmp_path / "lib" / "python3.12" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def write_conda(prefix: Path, name: str, *paths: dict[str, object], **other: object) -> None:
    (prefix / "conda-meta").mkdir(exist_ok=True)
    record = {"name": name, "version": "1.0", "paths_data": {"paths": paths, "paths_version": 1}, **other}
    (prefix / "conda-meta" / f"{name}-1.0-0.json").write_text(json.dumps(record))


def write_pypi(site_packages: Path, name: str, *rows: str) -> Path:
    folder = site_packages / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "RECORD").write_text("".join(f"{row}\n" for row in (*rows, f"{folder.name}/RECORD,,")))
    return folder


def problems(prefix: Path, *, thorough: bool = True) -> list[str]:
    return [str(damage) for damage in check(prefix, thorough=thorough)]


def test_a_prefix_that_nobody_wrote_anything_down_about_is_whole(tmp_path: Path) -> None:
    assert [] == check(tmp_path, thorough=True)


def test_sizes_are_compared_at_once_and_contents_when_asked_to(tmp_path: Path) -> None:
    write_conda(tmp_path, "stone", {"_path": "a", "size_in_bytes": 8, "sha256": SHA256, "path_type": "hardlink"})
    (tmp_path / "a").write_bytes(CONTENT)
    assert [] == problems(tmp_path)

    (tmp_path / "a").write_bytes(b"CONTENT\n")
    assert [] == problems(tmp_path, thorough=False)
    assert ["a of stone 1.0 is changed"] == problems(tmp_path)

    (tmp_path / "a").write_bytes(b"")
    assert ["a of stone 1.0 is changed"] == problems(tmp_path, thorough=False)

    (tmp_path / "a").unlink()
    assert ["a of stone 1.0 is missing"] == problems(tmp_path, thorough=False)


def test_a_file_with_the_prefix_in_it_is_compared_as_it_was_written(tmp_path: Path) -> None:
    path = {"_path": "a", "size_in_bytes": 400, "sha256": "00" * 32, "prefix_placeholder": "/opt/x"}
    (tmp_path / "a").write_bytes(CONTENT)

    write_conda(tmp_path, "stone", {**path, "sha256_in_prefix": SHA256})
    assert [] == problems(tmp_path)
    write_conda(tmp_path, "stone", path)
    assert [] == problems(tmp_path)
    write_conda(tmp_path, "stone", {**path, "sha256_in_prefix": "11" * 32})
    assert ["a of stone 1.0 is changed"] == problems(tmp_path)


def test_of_links_and_folders_only_the_presence_counts(tmp_path: Path) -> None:
    paths: list[dict[str, object]] = [
        {"_path": "link", "path_type": "softlink", "sha256": "00" * 32, "size_in_bytes": 1},
        {"_path": "folder", "path_type": "directory"},
    ]
    write_conda(tmp_path, "stone", *paths)
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    assert [] == problems(tmp_path)

    (tmp_path / "link").unlink()
    assert ["link of stone 1.0 is missing"] == problems(tmp_path)


def test_records_of_old_conda_list_only_names(tmp_path: Path) -> None:
    write_conda(tmp_path, "stone", paths_data=None, files=["a", "b"])
    (tmp_path / "a").touch()

    assert ["b of stone 1.0 is missing"] == problems(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "stone"}', '{"name": "a", "version": "1", "paths_data": 3}'])
def test_a_conda_record_that_cannot_be_read_is_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "py-stone-1.0-h_0.json").write_text(text)

    assert ["conda-meta/py-stone-1.0-h_0.json of py-stone 1.0 is changed"] == problems(tmp_path)


def test_files_of_pypi_are_compared_also_outside_of_site_packages(tmp_path: Path, site_packages: Path) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(CONTENT).digest()).decode().rstrip("=")
    write_pypi(site_packages, "six", f"six.py,sha256={digest},8", f"../../../bin/six,sha256={digest},8", '"a,b.py",,')
    (site_packages / "six.py").write_bytes(CONTENT)
    (site_packages / "a,b.py").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "six").write_bytes(CONTENT)
    assert [] == problems(tmp_path)

    (tmp_path / "bin" / "six").write_bytes(b"CONTENT\n")
    (site_packages / "six.py").unlink()
    expected = ["bin/six of six 1.0 is changed", "lib/python3.12/site-packages/six.py of six 1.0 is missing"]
    assert expected == problems(tmp_path)


def test_compiled_files_and_lists_of_conda_are_not_looked_at(tmp_path: Path, site_packages: Path) -> None:
    write_pypi(site_packages, "six", "__pycache__/six.cpython-312.pyc,,")
    (write_pypi(site_packages, "ours", "gone.py,,") / "INSTALLER").write_text("conda\n")

    assert [] == problems(tmp_path)


def test_a_package_whose_list_is_gone_or_nonsense_is_damaged(tmp_path: Path, site_packages: Path) -> None:
    where = "lib/python3.12/site-packages/six-1.0.dist-info/RECORD of six 1.0"
    record = write_pypi(site_packages, "six") / "RECORD"
    record.write_text("six.py,sha256=!,eight\n")
    assert [f"{where} is changed"] == problems(tmp_path)

    record.unlink()
    assert [f"{where} is missing"] == problems(tmp_path)


def test_what_is_installed_again_comes_from_where_the_recipe_has_it() -> None:
    spec = Spec(
        pypi=(parse_pypi("six @ https://host/six-1.0.whl"), parse_pypi("attrs[x]>=1 ; python_version > '3'")),
        settings=PypiSettings(index_url="https://host/simple"),
    )

    again = wanted_again([("six", "1.0"), ("attrs", "25.1"), ("Typing_Extensions", "4.0")], spec)

    expected = ["attrs[x]==25.1", "six @ https://host/six-1.0.whl", "typing-extensions==4.0"]
    assert expected == [entry.text for entry in again.pypi]
    assert [False] * 3 == [entry.dependencies for entry in again.pypi]
    assert spec.settings == again.settings
