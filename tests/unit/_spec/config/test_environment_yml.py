"""environment.yml, as conda reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config_files import notes, read, refusal, spec_of, warnings_of

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._spec import Spec

FULL = """\
channels:
  - bioconda
  - https://host/own/
dependencies:
  - python=3.11
  - numpy>=1.20,<2  # why
  - bioconda::samtools=1.19=h50ea8bc_1
  - pip
  - pip:
      - six==1.16.0 ; python_version >= "3.8"  # why
      - --extra-index-url https://host/simple
      - -r more.txt
variables:
  ANSWER: 42
  FLAG: yes
  VERSION: 1.10
  EMPTY:
"""


def spec(text: str, **options: object) -> Spec:
    return spec_of("environment.yml", text, **options)


def test_conda_packages_channels_pip_section_and_variables_are_read() -> None:
    found = spec(FULL, files={"more.txt": "tomli"})

    assert "==3.11.*" == found.python.asked
    assert ["bioconda::samtools ==1.19 h50ea8bc_1", "numpy >=1.20,<2", "pip"] == [entry.text for entry in found.conda]
    assert ("bioconda", "https://host/own", "conda-forge") == found.channels
    assert ['six==1.16.0 ; python_version >= "3.8"', "tomli"] == [entry.text for entry in found.pypi]
    assert ("https://host/simple",) == found.settings.extra_index_urls
    assert {"ANSWER": "42", "FLAG": "yes", "VERSION": "1.10", "EMPTY": ""} == dict(found.variables)


def test_name_and_prefix_are_left_out_and_that_is_noted() -> None:
    config = read("environment.yaml", "name: mine\nprefix: ../env\ndependencies: [numpy]")

    assert [] == warnings_of(config)
    assert ["environment.yaml: name", "environment.yaml: prefix"] == [note.rsplit(": ", 1)[0] for note in notes(config)]


def test_nodefaults_leaves_the_default_channel_out() -> None:
    assert ("own",) == spec("channels: [own, nodefaults]\ndependencies: [a]").channels
    assert "none is named" in refusal("environment.yml", "channels: [nodefaults]\ndependencies: [a]")


@pytest.mark.parametrize(
    "platform, expected",
    [("linux-64", ["always", "a", "u"]), ("osx-arm64", ["always", "o", "u"]), ("win-64", ["always", "w"])],
)
def test_selectors_choose_what_is_for_this_system(platform: str, expected: list[str]) -> None:
    text = """\
dependencies:
  - always
  - sel(linux): a
  - sel(osx): o
  - sel(win): w
  - sel(unix): u
"""
    assert sorted(expected) == sorted(entry.name for entry in spec(text, platform=platform).conda)


def test_the_pip_section_may_stand_under_a_selector() -> None:
    text = "dependencies:\n  - sel(linux):\n    - pip: [six]\n    - tar\n"

    assert (["six"], ["tar"]) == (
        [entry.name for entry in spec(text).pypi],
        [entry.name for entry in spec(text).conda],
    )


@pytest.mark.parametrize(
    "text", ["", "dependencies:\n  - pip:\n", "dependencies:\nvariables:\n", "channels: []\ndependencies: []"]
)
def test_a_file_that_asks_for_nothing_is_a_plain_python(text: str) -> None:
    assert not spec(text).has_conda


def test_a_recipe_without_conda_packages_and_channels_needs_no_conda() -> None:
    found = spec("dependencies: ['python>=3.9', {pip: [six]}]")

    assert (False, ">=3.9") == (found.has_conda, found.python.asked)


def test_a_python_of_one_build_or_channel_stays_a_conda_requirement() -> None:
    found = spec("dependencies: [python 3.11.* *_cpython, own::python]")

    assert ["own::python", "python 3.11.* *_cpython"] == [entry.text for entry in found.conda]


def test_anchors_mean_what_they_mean_in_yaml() -> None:
    text = "x-common: &common [a, b]\ndependencies: *common\n"

    assert ["a", "b"] == [entry.name for entry in read("environment.yml", text).spec.conda]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("dependencies: [1, [a]]", "environment.yml: dependencies[1] must be text or a table"),
        ("dependencies: a", "environment.yml: dependencies must be a list"),
        ("[a]", "must be a table"),
        ("a: b: c", "cannot be read as YAML"),
        ("dependencies: [a]\ndependencies: [b]", "'dependencies' stands there twice"),
        ("dependencies: [a b c d]", "environment.yml: dependencies[0]: 'a b c d'"),
        ("dependencies: [-c x]", "option"),
        ("dependencies: [python=2.7]", "older than 3.8"),
        ("dependencies: [{npm: [a]}]", 'dependencies[0].npm: only "pip"'),
        ("dependencies: [{sel(linus): a}]", "'linus' is not a system"),
        ("dependencies: [{pip: [a b]}]", "dependencies[0].pip[0]: 'a b'"),
        ("dependencies: [{pip: [[a]]}]", "dependencies[0].pip[0] must be text"),
        ("variables: {A: [b]}", "variables"),
        ("variables: {'A=B': c}", "not the name of an environment variable"),
        ("channels: [{a: b}]", "channels[0] must be text"),
        ("[" * 5000, "cannot be read as YAML"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(text: str, reason: str) -> None:
    assert reason in refusal("environment.yml", text)


def test_tags_make_no_objects() -> None:
    assert "must be a list" in refusal("environment.yml", "dependencies: !!python/object/apply:os.getcwd {}")


def test_a_local_project_of_the_pip_section_lies_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n', encoding="utf-8")

    (package,) = spec("dependencies:\n  - pip: ['-e .[gui]']", base=tmp_path).local

    assert ("mine", ".", True, ("gui",)) == (package.name, package.path, package.editable, package.extras)


@pytest.mark.parametrize("entry", ["https://me:secret@host/c", "https://host/t/secret/c"])
@pytest.mark.parametrize("text", ["channels: ['{}']\ndependencies: [a]", "dependencies: ['{}::a']"])
def test_a_channel_with_credentials_in_clear_is_refused_and_they_are_not_shown(text: str, entry: str) -> None:
    message = refusal("environment.yml", text.format(entry))

    assert "credentials in clear" in message
    assert "secret" not in message
