"""What recipes of config files hold beside requirements: identity, JSON and differences."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wetlands._spec import PypiSettings, Spec, differences, parse_pypi
from wetlands._spec.local import LocalRequirement
from wetlands.exceptions import InvalidDependencyError

FULL = Spec(
    pypi=(replace(parse_pypi("a==1"), hashes=("sha256:11", "sha256:00"), index="https://${T}@i/"),),
    local=(LocalRequirement("mine", "lib", extras=("x",), marker='os_name == "nt"'),),
    constraints=(parse_pypi("b<2"),),
    settings=PypiSettings(index_url="https://i/", no_index=True, no_binary=("b", "a", "a"), overrides=("c",)),
    variables=(("B", "2"), ("A", "1")),
)


def test_all_of_it_is_stored_and_read_back() -> None:
    assert FULL == Spec.from_json(json.loads(json.dumps(FULL.to_json())))


def test_what_is_empty_is_not_stored() -> None:
    plain = Spec(pypi=(parse_pypi("a"),), local=(LocalRequirement("mine", "lib"),)).to_json()

    assert ["format", "python", "conda", "channels", "pypi", "local", "commands"] == list(plain)
    assert [{"requirement": "a", "dependencies": True}] == plain["pypi"]
    assert [{"name": "mine", "path": "lib", "editable": True}] == plain["local"]


def test_stored_identities_stay_what_they_were() -> None:
    assert "2fcdbf6eb67d1d7a" == FULL.fingerprint[:16]


def test_order_means_nothing_where_it_has_no_meaning() -> None:
    assert (("A", "1"), ("B", "2")) == FULL.variables
    assert ("a", "b") == FULL.settings.no_binary
    assert ("sha256:00", "sha256:11") == FULL.pypi[0].hashes
    indexes = PypiSettings(extra_index_urls=("b", "a"))
    assert indexes != replace(indexes, extra_index_urls=("a", "b"))


@pytest.mark.parametrize(
    "other, sentence",
    [
        (replace(FULL, pypi=(replace(FULL.pypi[0], hashes=()),)), "sha256:00"),
        (replace(FULL, pypi=(replace(FULL.pypi[0], index=""),)), "a==1 from https://***@i/ (sha256:00"),
        (replace(FULL, constraints=()), "removed b<2 from constraints"),
        (replace(FULL, settings=PypiSettings()), "pip setting index_url https://i/ is now (none)"),
        (replace(FULL, variables=(("A", "3"),)), "environment variables changed (A, B)"),
        (replace(FULL, local=(replace(FULL.local[0], extras=()),)), "mine[x] at lib (editable) ; os_name"),
        (replace(FULL, local=(replace(FULL.local[0], marker=""),)), "is now mine[x] at lib (editable)"),
    ],
)
def test_each_difference_changes_the_identity_and_is_told(other: Spec, sentence: str) -> None:
    assert FULL.fingerprint != other.fingerprint
    assert sentence in "\n".join(differences(FULL, other))


@pytest.mark.parametrize(
    "later",
    [
        {"constraints": "b"},
        {"constraints": [{"requirement": "b"}]},
        {"pypi_settings": {"unknown": 1}},
        {"pypi_settings": {"no_index": "yes"}},
        {"pypi_settings": {"no_binary": "a"}},
        {"pypi_settings": []},
        {"variables": []},
        {"variables": {"A": 1}},
        {"variables": {"A=B": "1"}},
    ],
)
def test_damaged_parts_are_refused(later: dict[str, object]) -> None:
    with pytest.raises(InvalidDependencyError):
        Spec.from_json({**FULL.to_json(), **later})
