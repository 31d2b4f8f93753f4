"""What recipes say beside names and versions, in the words of uv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wetlands._backends.uv import install_steps
from wetlands._backends.uv_recipe import (
    check_references,
    extra_files,
    local_line,
    pinned_project,
    requirement_line,
    settings_options,
    with_settings,
)
from wetlands._spec import NO_SETTINGS, PypiSettings, Spec, parse_pypi
from wetlands._spec.local import LocalRequirement
from wetlands._spec.toml import toml_document
from wetlands.exceptions import ProvisioningError

BASE = Path("/base (ü)").absolute()
A = parse_pypi("a==1 ; os_name == 'nt'")
HASHED = replace(A, hashes=("sha256:11", "sha256:00"))


def test_hashes_follow_their_requirement() -> None:
    assert 'a==1 ; os_name == "nt" --hash=sha256:00 --hash=sha256:11' == requirement_line(HASHED)


def test_a_local_package_is_an_address_with_its_extras_and_marker() -> None:
    entry = LocalRequirement("mine", "lib", extras=("x", "y"), marker='os_name == "nt"')

    assert f'-e mine[x,y] @ {(BASE / "lib").as_uri()} ; os_name == "nt"' == local_line(entry, BASE)


def test_nothing_said_changes_nothing(tmp_path: Path) -> None:
    env = {"UV_INDEX_URL": "https://mine/", "UV_INDEX": "https://b/", "UV_FIND_LINKS": "x"}

    assert ((), (), env) == (
        settings_options(NO_SETTINGS),
        extra_files(Spec(), tmp_path),
        with_settings(env, NO_SETTINGS, BASE),
    )


def test_settings_become_options() -> None:
    settings = PypiSettings(
        no_index=True,
        no_binary=(":all:",),
        only_binary=("a", "b"),
        no_build_isolation=("c", ":all:"),
        index_strategy="first-index",
        prerelease="allow",
        resolution="lowest",
        exclude_newer="2026-01-01",
    )
    expected = (
        "--no-index",
        "--index-strategy=first-index",
        "--prerelease=allow",
        "--resolution=lowest",
        "--exclude-newer=2026-01-02T00:00:00Z",
        "--no-binary=:all:",
        "--only-binary=a",
        "--only-binary=b",
        "--no-build-isolation",
        "--no-build-isolation-package=c",
    )

    assert expected == settings_options(settings)


def test_addresses_are_variables_with_their_secrets_and_go_before_those_of_the_user() -> None:
    settings = PypiSettings(
        index_url="https://${USER}:${TOKEN}@host/simple",
        extra_index_urls=("https://b/", "https://c/"),
        find_links=("wheels, all", "https://links/"),
    )
    env = {
        "USER": "me",
        "TOKEN": "s3",
        "UV_INDEX_URL": "https://old/",
        "UV_INDEX": "u=https://u/",
        "UV_FIND_LINKS": "x",
    }

    expected = {
        "USER": "me",
        "TOKEN": "s3",
        "UV_DEFAULT_INDEX": "https://me:s3@host/simple",
        "UV_INDEX": "https://b/ https://c/ u=https://u/",
        "UV_FIND_LINKS": f"{(BASE / 'wheels, all').as_uri()},https://links/,x",
    }
    assert expected == with_settings(env, settings, BASE)
    assert "%2C" in expected["UV_FIND_LINKS"]


def test_a_whole_address_may_be_a_variable() -> None:
    settings = PypiSettings(index_url="${INDEX}")

    assert "https://host/" == with_settings({"INDEX": "https://host/"}, settings, BASE)["UV_DEFAULT_INDEX"]


@pytest.mark.parametrize("env", [{}, {"TOKEN": ""}])
def test_a_variable_that_is_not_set_is_named(env: dict[str, str]) -> None:
    with pytest.raises(ProvisioningError, match="TOKEN is not set"):
        with_settings(env, PypiSettings(extra_index_urls=("https://${TOKEN}@host/",)), BASE)
    with pytest.raises(ProvisioningError, match="TOKEN is not set"):
        check_references(Spec(pypi=(parse_pypi("a @ https://${TOKEN}@host/a.whl"),)), env)


def test_constraints_and_overrides_are_files(tmp_path: Path) -> None:
    spec = Spec(constraints=(HASHED,), settings=PypiSettings(overrides=("numpy==2",)))
    constraints, overrides = tmp_path / "constraints.txt", tmp_path / "overrides.txt"

    assert ("--constraints", str(constraints), "--overrides", str(overrides)) == extra_files(spec, tmp_path)
    assert f"{requirement_line(HASHED)}\n" == constraints.read_text("utf-8")
    assert "numpy==2\n" == overrides.read_text("utf-8")


def test_packages_pinned_to_an_index_are_a_project_of_their_own() -> None:
    pinned = [
        replace(parse_pypi("torch>=2 ; os_name == 'nt'"), index="https://cu/"),
        replace(parse_pypi("torch>=2 ; os_name != 'nt'"), index="https://${T}@cpu/"),
        replace(parse_pypi("b[x]"), index="wheels"),
    ]
    expected = {
        "project": {"name": "wanted", "version": "0", "dependencies": [entry.text for entry in pinned]},
        "tool": {
            "uv": {
                "sources": {
                    "torch": [
                        {"index": "index-0", "marker": 'os_name == "nt"'},
                        {"index": "index-1", "marker": 'os_name != "nt"'},
                    ],
                    "b": [{"index": "index-2"}],
                },
                "index": [
                    {"name": "index-0", "url": "https://cu/", "explicit": True},
                    {"name": "index-1", "url": "https://s3@cpu/", "explicit": True},
                    {"name": "index-2", "url": (BASE / "wheels").as_uri(), "explicit": True},
                ],
            }
        },
    }

    assert expected == toml_document(pinned_project(pinned, BASE, {"T": "s3"}))


def test_folders_are_installed_after_what_must_have_hashes() -> None:
    spec = Spec(
        pypi=(HASHED, replace(parse_pypi("b"), dependencies=False)),
        local=(LocalRequirement("mine", "lib"),),
        settings=PypiSettings(require_hashes=True),
    )
    options = [step.options for step in install_steps(spec, BASE)]

    assert [("--require-hashes",), ("--reinstall-package=mine",), ("--no-deps", "--require-hashes")] == options


def test_a_pinned_package_is_not_among_the_lines() -> None:
    entry = replace(parse_pypi("a"), index="https://i/")
    (step,) = install_steps(Spec(pypi=(entry, parse_pypi("b"))), BASE)

    assert (("a", "b"), ("b",), (entry,)) == (step.names, step.lines, step.pinned)
