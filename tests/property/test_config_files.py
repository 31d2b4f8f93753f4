"""Laws of config files: junk raises the one typed error, and requirement files mean what `packaging` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config_files import read
from wetlands._spec import Spec
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config import Config

FILES = ("requirements.txt", "environment.yml", "pyproject.toml", "pixi.toml", "tool.py")
BASE = Path("base").absolute()
SHA = "sha256:" + "0" * 64

names = st.sampled_from(["numpy", "SciPy", "ruamel.yaml", "typing_extensions", "a", "b-c"])
extras = st.sampled_from(["", "[x]", "[Y_z, x]"])
versions = st.sampled_from(["", "==1.5", ">= 1.20 , <2", "~=1.5.2", "!=2.0.*", "==1!2.0.post1"])
markers = st.sampled_from(["", ' ; python_version < "3.11"', " ; sys_platform == 'win32' and extra == 'x'"])
hashes = st.sampled_from(["", f" --hash={SHA}", f" \\\n    --hash {SHA}"])
comments = st.sampled_from(["", "  # why", "\t#"])
ends = st.sampled_from(["\n", "\r\n", "\n\n", "\n   # between\n"])
wanted = st.tuples(st.builds("{}{}{}{}".format, names, extras, versions, markers), hashes, comments, ends)


def junk_of(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces) | st.text(max_size=4), max_size=14).map("".join)


JUNK = {
    "requirements.txt": [
        *("-r", "-e", "-c ", "--index-url", "--hash=", "=", " ", "\n", "\\\n", "#", "a", "[", "]", "@", "://", "${A}"),
        *(
            ";",
            "'",
            '"',
            "./",
            "git+",
            "#egg=",
            "&",
            "file:",
            "--pre",
            "==",
            "1.0",
            "--no-binary",
            ":all:",
            "%00",
            "//[",
        ),
    ],
    "environment.yml": [
        *(
            "dependencies:",
            "\n",
            "  - ",
            "pip:",
            "channels:",
            "variables:",
            "sel(linux)",
            ": ",
            "a",
            "=",
            "1",
            "[",
            "]",
        ),
        *("{", "}", "'", "&x", "*x", "!!", "?", "|", "python", "<2", "::", "\t", "name: b", "<<"),
    ],
    "tool.py": [
        "# /// script\n",
        "# ///\n",
        "# dependencies = [",
        "]",
        "# ",
        "#",
        "'a'",
        "\n",
        "\r\n",
        "tool",
        "=",
        "{",
        "}",
    ],
}
TOML = [
    *(
        "[project]\n",
        "[tool.uv]\n",
        "[tool.pixi.workspace]\n",
        "[dependency-groups]\n",
        "[workspace]\n",
        "dependencies",
    ),
    *("[environments]\n", "[feature.x]\n", "name", "=", "'a'", "[", "]", "{", "}", "\n", ".", "sources", "index", "1"),
    *("[tool.uv.sources]\n", "[[tool.uv.index]]\n", "[target.linux.dependencies]\n", "path", "url", "true", "channels"),
]
anything = st.one_of(
    *(st.tuples(st.just(file), junk_of(JUNK.get(file, TOML))) for file in FILES),
    st.tuples(st.sampled_from(FILES), st.text(max_size=40)),
)

leaves = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["a", "a>=1", "*", ">=3.9", "x y", "", "./x"])
KEYS = """
project dependencies optional-dependencies dependency-groups tool uv pixi workspace channels platforms feature x
environments target linux pypi-dependencies system-requirements pypi-options activation env sources index url path git
version extras marker requires-python name include-group pip variables sel(linux) find-links libc
"""
keys = st.sampled_from(KEYS.split())
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=16
)


def toml(value: object) -> str:
    """Write a value as TOML has it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value if value is not None else "none")


def tried(name: str, text: str) -> Config | None:
    """Read a file, or be refused in the one typed way."""
    try:
        return read(name, text, optional=["x"] if name.endswith(".toml") else (), environment="x", base=BASE)
    except InvalidDependencyError:
        return None


@given(anything)
def test_junk_is_read_or_refused_with_the_typed_error(case: tuple[str, str]) -> None:
    tried(*case)


@given(st.sampled_from(["pyproject.toml", "pixi.toml"]), st.dictionaries(keys, values, max_size=4))
def test_tables_of_any_shape_are_read_or_refused(name: str, document: dict[str, object]) -> None:
    config = tried(name, "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in document.items()))

    assert config is None or config.spec == Spec.from_json(json.loads(json.dumps(config.spec.to_json())))


@given(st.dictionaries(keys, values, max_size=4))
def test_yaml_of_any_shape_is_read_or_refused(document: dict[str, object]) -> None:
    config = tried("environment.yml", json.dumps(document))  # JSON is YAML

    assert config is None or config.spec == Spec.from_json(json.loads(json.dumps(config.spec.to_json())))


@given(st.lists(wanted, max_size=5))
def test_a_requirements_file_means_what_packaging_says(lines: list[tuple[str, str, str, str]]) -> None:
    spec = read("requirements.txt", "".join("".join(line) for line in lines)).spec

    expected = set()
    for text, hashed, _, _ in lines:
        parsed = Requirement(text)
        wanted_extras = tuple(sorted(map(canonicalize_name, parsed.extras)))
        marker = str(parsed.marker) if parsed.marker else ""
        name = canonicalize_name(parsed.name)
        expected.add((name, wanted_extras, frozenset(parsed.specifier), marker, bool(hashed)))
    found = {
        (entry.name, entry.extras, frozenset(Requirement(entry.text).specifier), entry.marker, bool(entry.hashes))
        for entry in spec.pypi
    }
    assert expected == found


@given(st.lists(wanted, max_size=5))
def test_what_a_requirements_file_wants_is_stored_and_read_back(lines: list[tuple[str, str, str, str]]) -> None:
    spec = read("requirements.txt", "".join("".join(line) for line in lines)).spec

    assert spec == Spec.from_json(json.loads(json.dumps(spec.to_json())))
    assert spec.fingerprint == Spec.from_json(spec.to_json()).fingerprint


@given(st.lists(st.builds("{}{}{}{}".format, names, extras, versions, markers), min_size=1, max_size=4))
def test_the_same_requirements_in_any_format_are_the_same_recipe(texts: list[str]) -> None:
    listed = ", ".join(map(json.dumps, texts))
    bodies = {
        "requirements.txt": "\n".join(reversed(texts)),
        "environment.yml": f"dependencies: [{{pip: [{listed}]}}]",
        "pyproject.toml": f"[project]\nname = 'z'\ndependencies = [{listed}]",
        "tool.py": f"# /// script\n# dependencies = [{listed}]\n# ///\n",
    }

    assert 1 == len({read(name, body).spec.fingerprint for name, body in bodies.items()})
