"""The frozen recipe: identity and JSON."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from wetlands._spec import Spec, parse_conda, parse_pypi, parse_python
from wetlands._spec.local import LocalRequirement
from wetlands.exceptions import InvalidDependencyError

SPEC = Spec(
    python=parse_python(">=3.10"),
    conda=(parse_conda("numpy=1.26"), parse_conda("bioconda::samtools", dependencies=False)),
    channels=("bioconda", "conda-forge"),
    pypi=(parse_pypi("cellpose[gui]>=3 ; os_name == 'posix'"), parse_pypi("a @ https://host/a.whl")),
    local=(LocalRequirement("mine", "libs/mine"),),
    commands=("echo b", "echo a"),
)


def stored(**changes: object) -> dict[str, object]:
    return {**SPEC.to_json(), **changes}


def test_a_recipe_survives_being_stored() -> None:
    assert SPEC == Spec.from_json(json.loads(json.dumps(SPEC.to_json())))


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        SPEC.channels = ()  # type: ignore[misc]  # that is the point


def test_requirements_are_sorted_and_kept_once() -> None:
    a, b = parse_pypi("a"), parse_pypi("b")
    assert (a, b) == Spec(pypi=(b, a, b)).pypi


def test_stored_identities_stay_what_they_were() -> None:
    """Environments on users' disks are found again by these: a change here rebuilds all of them."""
    assert "57fd1322c039a7f2" == Spec().fingerprint[:16]
    assert "815cb8a4f6eb0ce6" == SPEC.fingerprint[:16]


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, python=parse_python(">=3.11")),
        replace(SPEC, conda=SPEC.conda[:1]),
        replace(SPEC, conda=(SPEC.conda[0], replace(SPEC.conda[1], dependencies=not SPEC.conda[1].dependencies))),
        replace(SPEC, channels=SPEC.channels[::-1]),
        replace(SPEC, pypi=()),
        replace(SPEC, pypi=(SPEC.pypi[0], replace(SPEC.pypi[1], dependencies=False))),
        replace(SPEC, local=(LocalRequirement("mine", "libs/mine", editable=False),)),
        replace(SPEC, local=(LocalRequirement("mine", "libs/other"),)),
        replace(SPEC, commands=SPEC.commands[::-1]),
        replace(SPEC, commands=()),
    ],
)
def test_every_difference_that_means_something_changes_the_fingerprint(other: Spec) -> None:
    assert SPEC.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    "plain, reason",
    [
        (None, "must be a dict"),
        ([], "must be a dict"),
        ({}, "another format"),
        (stored(format=2), "another format"),
        (stored(format=True), "another format"),
        (stored(format=1.0), "another format"),
        (stored(extra=1), "unknown key 'extra'"),
        ({"format": 1}, "lacks python, conda, channels, pypi, local, commands"),
        (stored(python=None), "must be text"),
        (stored(python="nonsense"), "not a Python version"),
        (stored(conda=["numpy"]), "must be a dict"),
        (stored(conda=[{"requirement": "numpy"}]), "must be True or False"),
        (stored(conda=[{"dependencies": True}]), "must be text"),
        (stored(pypi=[{"requirement": "a b", "dependencies": True}]), "not a requirement"),
        (stored(pypi={}), "must be a list"),
        (stored(channels=["a::b"]), "conda channel"),
        (stored(channels="a"), "must be a list"),
        (stored(local=[{"name": "a", "path": "b"}]), "must be True or False"),
        (stored(local=[{"path": "b", "editable": True}]), "must be text"),
        (stored(commands=None), "must be a list"),
        (stored(commands={"all": []}), "must be a list"),
    ],
)
def test_a_damaged_recipe_is_refused_with_the_reason(plain: object, reason: str) -> None:
    with pytest.raises(InvalidDependencyError, match=reason):
        Spec.from_json(plain)
