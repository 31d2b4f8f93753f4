"""Every key that is known to a reader of config files does what its table says: none is dropped in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config_files import notes, read, refusal, warnings_of
from wetlands._spec.config import environment_yml, pixi, pixi_feature, project, pypi_tables, pyproject, script, uv_table
from wetlands._spec.config.requirements import OPTIONS, OPTIONS_OF_REQUIREMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._spec.config.keys import Keys

SHA = "sha256:" + "0" * 64
PROJECT = '[project]\nname="mine"\ndependencies=["six"]\n'
WORKSPACE = '[workspace]\nchannels=["a"]\n'

# Per table: the file, what stands before the key, what goes behind it, where it stands, and for each honoured key a
# value that makes another recipe than the text without the key does.
Case = tuple["Keys", str, str, str, str, "dict[str, str]"]
OF_FEATURE = {
    "dependencies": "{a='*'}",
    "host-dependencies": "{a='*'}",
    "build-dependencies": "{a='*'}",
    "pypi-dependencies": "{a='*'}",
    "activation": "{env={A='1'}}",
}
OF_WHOLE_FEATURE = OF_FEATURE | {
    "target": "{linux={dependencies={a='*'}}}",
    "channels": "['other']",
    "platforms": "['win-64']",
    "system-requirements": "{cuda='12'}",
    "pypi-options": "{no-build=true}",
    "solve-strategy": "'lowest'",
}
CASES: dict[str, Case] = {
    "environment.yml": (
        environment_yml.KEYS,
        "environment.yml",
        "",
        "",
        "",
        {"channels": "[a]", "dependencies": "[a]", "variables": "{A: b}"},
    ),
    "pyproject": (
        pyproject.PYPROJECT_KEYS,
        "pyproject.toml",
        "",
        "",
        "",
        {
            "project": "{name='a', dependencies=['b']}",
            "dependency-groups": "{x=['six']}",
            "tool": "{pixi={workspace={channels=['a']}}}",
        },
    ),
    "project": (
        project.PROJECT_KEYS,
        "pyproject.toml",
        "[project]\n",
        "",
        "project.",
        {
            "dependencies": "['a']",
            "requires-python": "'>=3.9'",
            "dynamic": "['dependencies']",
        },
    ),
    "script": (
        script.SCRIPT_KEYS,
        "tool.py",
        "# /// script\n# ",
        "\n# ///\n",
        "",
        {"dependencies": "['a']", "requires-python": "'>=3.9'", "tool": "{uv={no-index=true}}"},
    ),
    "uv": (
        uv_table.UV_KEYS,
        "pyproject.toml",
        f"{PROJECT}[tool.uv]\n",
        "",
        "tool.uv.",
        {
            "index": "[{name='a', url='https://i/'}]",
            "index-url": "'https://i/'",
            "extra-index-url": "['https://i/']",
            "find-links": "['https://i/']",
            "no-index": "true",
            "index-strategy": "'first-index'",
            "resolution": "'lowest'",
            "prerelease": "'allow'",
            "exclude-newer": "'2026-01-01'",
            "sources": "{six={url='https://host/six.whl'}}",
            "constraint-dependencies": "['a']",
            "override-dependencies": "['a']",
            "no-build": "true",
            "no-build-package": "['a']",
            "no-binary": "true",
            "no-binary-package": "['a']",
            "no-build-isolation": "true",
            "no-build-isolation-package": "['a']",
        },
    ),
    "uv index": (
        uv_table.INDEX_KEYS,
        "pyproject.toml",
        f"{PROJECT}[[tool.uv.index]]\nurl='https://i/'\n",
        "",
        "tool.uv.index[0].",
        {},
    ),
    "pixi": (
        pixi.MANIFEST_KEYS,
        "pixi.toml",
        "",
        "",
        "",
        {
            key: value
            for key, value in OF_WHOLE_FEATURE.items()
            if key not in {"channels", "platforms", "solve-strategy"}
        }
        | {
            "workspace": "{channels=['a']}",
            "project": "{channels=['a']}",
            "feature": "1",
            "environments": "{default={dependencies={a='*'}}}",
        },
    ),
    "workspace": (
        pixi.WORKSPACE_KEYS,
        "pixi.toml",
        "[workspace]\n",
        "",
        "workspace.",
        {
            "channels": "['a']",
            "platforms": "['win-64']",
            "pypi-options": "{no-build=true}",
            "solve-strategy": "'lowest'",
            "exclude-newer": "'7d'",
        },
    ),
    "environment": (
        pixi.ENVIRONMENT_KEYS,
        "pixi.toml",
        f"{WORKSPACE}[dependencies]\nz='*'\n[feature.f.dependencies]\nb='*'\n[environments.default]\n",
        "",
        "environments.default.",
        OF_WHOLE_FEATURE | {"features": "['f']", "no-default-feature": "true"},
    ),
    "feature": (
        pixi_feature.FEATURE_KEYS,
        "pixi.toml",
        f"{WORKSPACE}[environments]\ndefault=['f']\n[feature.f]\n",
        "",
        "feature.f.",
        OF_WHOLE_FEATURE,
    ),
    "target": (
        pixi_feature.TARGET_KEYS,
        "pixi.toml",
        f"{WORKSPACE}[target.linux]\n",
        "",
        "target.linux.",
        OF_FEATURE,
    ),
    "conda": (
        pixi_feature.CONDA_KEYS,
        "pixi.toml",
        f"{WORKSPACE}[dependencies.a]\n",
        "",
        "dependencies.a.",
        {"version": "'1.*'", "build": "'x'", "channel": "'a'"},
    ),
    "activation": (
        pixi_feature.ACTIVATION_KEYS,
        "pixi.toml",
        f"{WORKSPACE}[activation]\n",
        "",
        "activation.",
        {"env": "{A='1'}"},
    ),
    "pypi-options": (
        pixi_feature.PYPI_OPTIONS,
        "pixi.toml",
        f"{WORKSPACE}[pypi-options]\n",
        "",
        "pypi-options.",
        {
            "index-url": "'https://i/'",
            "extra-index-urls": "['https://i/']",
            "find-links": "[{url='https://i/'}]",
            "no-build": "true",
            "no-binary": "true",
            "no-build-isolation": "true",
            "index-strategy": "'first-index'",
            "prerelease-mode": "'allow'",
            "dependency-overrides": "{a='1'}",
        },
    ),
    "channel": (
        pixi.CHANNEL_KEYS,
        "pixi.toml",
        "[workspace]\nchannels=['b', {channel='z', ",
        "}]",
        "workspace.channels[1].",
        {"priority": "1"},
    ),
    "pixi requirement": (
        pypi_tables.PIXI_REQUIREMENT,
        "pixi.toml",
        f"{WORKSPACE}[pypi-dependencies.six]\n",
        "",
        "pypi-dependencies.six.",
        {
            "version": "'1'",
            "extras": "['x']",
            "index": "'https://i/'",
            "env-markers": "\"os_name=='nt'\"",
            "path": "'nowhere'",
            "url": "'https://host/x.whl'",
            "git": "'https://host/x'",
        },
    ),
    "uv source": (
        pypi_tables.UV_SOURCE,
        "pyproject.toml",
        f"{PROJECT}[[tool.uv.index]]\nname='i'\nurl='https://i/'\n[tool.uv.sources.six]\n",
        "",
        "tool.uv.sources.six.",
        {"index": "'i'", "path": "'nowhere'", "url": "'https://host/x.whl'", "git": "'https://host/x'"},
    ),
}
# What means something only beside another key: that it does is shown by the tests named here.
ELSEWHERE = {
    "project": {"name", "optional-dependencies"},  # test_pyproject: extras and groups
    "uv": {"dev-dependencies"},  # test_pyproject: the settings, indexes and sources of uv
    "uv index": {
        "url",
        "name",
        "default",
        "explicit",
        "format",
    },  # test_pyproject: the settings, indexes and sources of uv
    "channel": {"channel"},  # test_pixi: an environment is put together from its features
    "pixi requirement": {"editable", "branch", "tag", "rev", "subdirectory"},  # test_pixi: every spelling
    "uv source": {"editable", "branch", "tag", "rev", "subdirectory", "marker"},  # test_pyproject
}
ALL = [(table, key) for table, case in CASES.items() for key in case[0]]


def outcome(name: str, text: str) -> str:
    """What becomes of a file: its recipe, or why it is refused."""
    try:
        return str(read(name, text).spec)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("table, key", ALL)
def test_a_known_key_does_what_its_table_says(table: str, key: str) -> None:
    known, file, before, behind, place, honoured = CASES[table]
    if key in ELSEWHERE.get(table, ()):
        return
    use = known[key].use
    colon = ": " if file.endswith(".yml") else " = "
    anything = {"poetry": "{}"}.get(key, honoured.get(key, "'x'"))
    text = f"{before}{key}{colon}{anything}{behind}"
    without = before + behind
    where = f"{file}: {place}{key}"
    if use == "honoured":
        assert outcome(file, without) != outcome(file, text)
    elif use == "refused":
        assert refusal(file, text).startswith(f"{where}: {known[key].reason}")
    elif use == "about":
        assert outcome(file, without) == outcome(file, text)
    else:
        remarks = {"warned": warnings_of, "noted": notes}[use](read(file, text))
        assert [f"{where}: {known[key].reason}"] == remarks


@pytest.mark.parametrize("table", CASES)
def test_every_honoured_key_is_tried_here_or_elsewhere(table: str) -> None:
    known, *_, honoured = CASES[table]

    tried = honoured.keys() | ELSEWHERE.get(table, set())
    assert {key for key, entry in known.items() if entry.use == "honoured"} == tried


@pytest.mark.parametrize("table", CASES)
def test_an_unknown_key_is_warned_about_or_refused(table: str) -> None:
    _, file, before, behind, place, _ = CASES[table]
    text = f"{before}unheard-of{': ' if file.endswith('.yml') else ' = '}'x'{behind}"
    try:
        said = "\n".join(warnings_of(read(file, text)))
    except ValueError as error:
        said = str(error)

    assert f"{file}: {place}unheard-of: this key is not known." in said or "does not say what to install" in said


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_requirements_files_is_honoured_or_warned_about(option: str, tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = mine\n", encoding="utf-8")
    value = {
        "--requirement": "more.txt",
        "--constraint": "more.txt",
        "--editable": ".",
        "--index-url": "https://i/",
        "--extra-index-url": "https://i/",
        "--find-links": "https://i/",
    }.get(option, "six")
    flags = {"--no-index", "--pre", "--require-hashes", "--prefer-binary"}
    line = option if option in flags else f"{option} {value}"
    plain = read("requirements.txt", "a", base=tmp_path)
    found = read("requirements.txt", f"{line}\na", files={"more.txt": "b"}, base=tmp_path)

    use = OPTIONS[option].use
    assert (use == "honoured") is (plain.spec != found.spec)
    assert (use == "warned") is (found.remarks != ())


def test_every_option_behind_a_requirement_is_honoured_or_warned_about() -> None:
    for option, key in OPTIONS_OF_REQUIREMENTS.items():
        found = read("requirements.txt", f"a==1 {option}={SHA}")
        assert (key.use == "honoured") is (found.spec.pypi[0].hashes == (SHA,))
        assert (key.use == "warned") is (found.remarks != ())


@pytest.mark.parametrize("key", [*pixi_feature.SYSTEM_KEYS])
def test_every_requirement_on_the_system_is_asked_for_or_warned_about(key: str) -> None:
    platform = "osx-arm64" if key == "macos" else "linux-64"
    found = read("pixi.toml", f"{WORKSPACE}[system-requirements]\n{key} = '1'", platform=platform)

    assert (pixi_feature.SYSTEM_KEYS[key].use == "honoured") is bool(found.spec.conda)
    assert (pixi_feature.SYSTEM_KEYS[key].use == "warned") is bool(found.remarks)
