"""pyproject.toml: the project, its extras and groups, and the settings of uv; scripts with a header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config_files import notes, read, refusal, spec_of, warnings_of
from wetlands._spec import PypiSettings
from wetlands._spec.local import LocalRequirement

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """\
[project]
name = "My.Project"
version = "1"
requires-python = ">=3.9,<3.14"
dependencies = ["six>=1.16", "tomli ; python_version < '3.11'"]

[project.optional-dependencies]
gui = ["napari"]
All_Of_It = ["my-project[gui,io]", "rich"]
io = ["zarr"]

[dependency-groups]
test = ["pytest", { include-group = "Cov_erage" }]
cov-erage = ["coverage[toml]"]
docs = ["my_project[io]", "mkdocs"]
"""
ALWAYS = {"six", "tomli"}


def names(*optional: str, text: str = PROJECT) -> set[str]:
    return {entry.name for entry in spec_of("pyproject.toml", text, optional=optional).pypi}


@pytest.mark.parametrize(
    "optional, more",
    [
        ((), set()),
        (("gui",), {"napari"}),
        (("all.of-it",), {"napari", "zarr", "rich"}),
        (("test",), {"pytest", "coverage"}),
        (("docs", "gui"), {"mkdocs", "zarr", "napari"}),
    ],
)
def test_extras_and_groups_are_added_to_what_the_project_needs(optional: tuple[str, ...], more: set[str]) -> None:
    assert ALWAYS | more == names(*optional)


def test_what_the_project_asks_of_python_is_asked() -> None:
    assert ">=3.9,<3.14" == spec_of("pyproject.toml", PROJECT).python.asked


def test_unknown_optional_dependencies_are_refused_and_those_there_are_listed() -> None:
    message = refusal("pyproject.toml", PROJECT, optional=["tests"])

    assert "Did you mean 'test'?" in message
    assert "Known: gui, all-of-it, io, test, cov-erage, docs." in message


@pytest.mark.parametrize(
    "text, optional, reason",
    [
        ("[project]\nname='a'\ndependencies=['b c']", (), "pyproject.toml: project.dependencies[0]: 'b c'"),
        ("[project]\nname='a'\ndependencies='b'", (), "project.dependencies must be a list"),
        ("[project]\nname='a'\ndependencies=[1]", (), "project.dependencies[0] must be text"),
        ("[project]\nname='a'\ndependencies=['./b']", (), "is a path"),
        ("[project]\nname='a'\nrequires-python='<3'", (), "older than 3.8"),
        ("[project]\nname='a'\nrequires-python=3.9", (), "must be text"),
        ("[project]\nname='a'\n[project.optional-dependencies]\nx=['a[y]']", ("x",), "no extra 'y'"),
        ("[dependency-groups]\na=[{include-group='b'}]\nb=[{include-group='a'}]", ("a",), "a includes b includes a"),
        ("[dependency-groups]\na=[{include-group='b'}]", ("a",), "no group 'b'"),
        ("[dependency-groups]\na=[{includes='b'}]", ("a",), "not known"),
        ("[dependency-groups]\na=[1]", ("a",), "must be text or a table"),
        ("[build-system]\nrequires=['hatchling']", (), "does not say what to install"),
        ("[project", (), "cannot be read as TOML"),
        ("project = 1", (), "pyproject.toml: project must be a table"),
        ("[project]\nname='a'\ndynamic=['dependencies']", (), "Use install_project=True"),
        ("[project]\nname='a'\ndependencies=['b @ https://me:secret@host/b.whl']", (), "credentials in clear"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(text: str, optional: tuple[str, ...], reason: str) -> None:
    assert reason in refusal("pyproject.toml", text, optional=optional)


def test_extras_that_name_each_other_end() -> None:
    text = "[project]\nname='a'\n[project.optional-dependencies]\nx=['a[y]', 'b']\ny=['a[x]', 'c']"

    assert {"b", "c"} == names("x", text=text)


def test_tables_of_poetry_are_warned_about() -> None:
    text = "[project]\nname='a'\n[tool.poetry.dependencies]\nsix='*'\n[tool.ruff]\nx=1"

    (warning,) = warnings_of(read("pyproject.toml", text))
    assert warning.startswith("pyproject.toml: tool.poetry.dependencies: this is not read")


UV = """\
[project]
name = "a"
dependencies = ["torch>=2", "mine[x]", "repo ; os_name == 'nt'", "plain"]

[tool.uv]
index-strategy = "unsafe-best-match"
prerelease = "allow"
resolution = "lowest"
exclude-newer = "2026-01-01T00:00:00Z"
constraint-dependencies = ["six<2"]
override-dependencies = ["numpy==2.0"]
no-build-package = ["B"]
no-binary = true
no-build-isolation-package = ["c"]
find-links = ["wheels"]
extra-index-url = ["https://extra/"]
dev-dependencies = ["pytest"]

[[tool.uv.index]]
name = "cu"
url = "https://${TOKEN}@cu/simple"
explicit = true

[[tool.uv.index]]
url = "https://second/"

[[tool.uv.index]]
url = "https://main/"
default = true

[tool.uv.sources]
Torch = [{ index = "cu", marker = "sys_platform == 'linux'" }]
mine = { path = "lib", editable = true }
repo = { git = "https://host/repo", tag = "v1", subdirectory = "py" }
"""


def test_the_settings_indexes_and_sources_of_uv_are_honoured(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "setup.py").touch()
    found = spec_of("pyproject.toml", UV, optional=["dev"], base=tmp_path)

    expected = {
        'torch>=2 ; sys_platform == "linux"': "https://${TOKEN}@cu/simple",
        'repo @ git+https://host/repo@v1#subdirectory=py ; os_name == "nt"': "",
        "plain": "",
        "pytest": "",
    }
    assert expected == {entry.text: entry.index for entry in found.pypi}
    assert (LocalRequirement("mine", "lib", extras=("x",)),) == found.local
    assert ["six<2"] == [entry.text for entry in found.constraints]
    settings = PypiSettings(
        index_url="https://main/",
        extra_index_urls=("https://second/", "https://extra/"),
        find_links=("wheels",),
        no_binary=(":all:",),
        only_binary=("b",),
        no_build_isolation=("c",),
        index_strategy="unsafe-best-match",
        prerelease="allow",
        resolution="lowest",
        exclude_newer="2026-01-01T00:00:00Z",
        overrides=("numpy==2.0",),
    )
    assert settings == found.settings


@pytest.mark.parametrize(
    "table, reason",
    [
        ("sources = {b={index='x'}}", "there is no index 'x'. Known: none"),
        ("sources = {b={workspace=true}}", "workspace"),
        ("sources = {b={got='x'}}", "this key is not known. Did you mean 'git'?"),
        ("sources = {b={git='https://h/r', url='https://h/r'}}", "one of version, path, url, git is needed, not 2"),
        ("sources = {b={git='https://h/r', tag='a', rev='b'}}", "only one of branch, tag, rev"),
        ("sources = {b={git='https://h/r', lfs=true}}", "git-lfs"),
        ("sources = {b={url='https://h/r', marker='x'}}", "is not a marker"),
        ("prerelease = 'sometimes'", "'sometimes' is not one of disallow, allow"),
        ("index-url = 'https://me:secret@host'", "credentials in clear"),
        ("constraint-dependencies = [1]", "constraint-dependencies[0]"),
        ("no-build = 'yes'", "must be true or false"),
    ],
)
def test_what_cannot_be_had_of_uv_is_refused_with_its_place(table: str, reason: str) -> None:
    text = f"[project]\nname='a'\ndependencies=['b']\n[tool.uv]\n{table}"
    message = refusal("pyproject.toml", text)

    assert message.startswith("pyproject.toml: tool.uv")
    assert reason in message
    assert "secret" not in message


SCRIPT = """\
#!/usr/bin/env python
# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "six",  # why
# ]
#
# [tool.uv]
# index-url = "https://host/simple"
# ///
import six
"""


@pytest.mark.parametrize("text", [SCRIPT, SCRIPT.replace("\n", "\r\n")])
def test_a_script_says_what_it_needs(text: str) -> None:
    found = spec_of("tool.py", text)

    assert (">=3.10", ["six"]) == (found.python.asked, [entry.text for entry in found.pypi])
    assert "https://host/simple" == found.settings.index_url


@pytest.mark.parametrize(
    "text, reason",
    [
        ("import six", "no header"),
        (SCRIPT + SCRIPT, "more than one header"),
        ("# /// script\n# dependencies = [\n# ///\n", "cannot be read as TOML"),
        ("# /// script\n# dependencies = ['a b']\n# ///\n", "tool.py: dependencies[0]: 'a b'"),
    ],
)
def test_a_script_without_one_header_that_can_be_read_is_refused(text: str, reason: str) -> None:
    assert reason in refusal("tool.py", text)


def test_default_groups_are_noted() -> None:
    text = "[project]\nname='a'\n[tool.uv]\ndefault-groups=['dev']"

    assert 1 == len(notes(read("pyproject.toml", text)))
