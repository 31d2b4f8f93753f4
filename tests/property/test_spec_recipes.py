"""Laws of whole recipes: identity, JSON, differences, and no surprise from junk."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from wetlands._spec import Spec, check_name, differences, parse
from wetlands.exceptions import InvalidDependencyError, InvalidNameError

if TYPE_CHECKING:
    from random import Random

    from wetlands._spec import Commands, Dependencies


platforms = st.sampled_from(["linux-64", "linux-aarch64", "osx-arm64", "win-64"])
names = st.sampled_from(["numpy", "SciPy", "ruamel.yaml", "typing_extensions", "a", "b", "c"])
specifiers = st.sampled_from(["", "==1.5", ">=1.20,<2", "~=1.5.2", "!=2.0.*", "==2.*"])
texts = st.builds("{}{}".format, names, specifiers)


def entries(requirements: st.SearchStrategy[str]) -> st.SearchStrategy[list[object]]:
    conditional = st.fixed_dictionaries(
        {"name": requirements},
        optional={
            "platforms": st.lists(platforms, min_size=1, max_size=2),
            "optional": st.just(value=True),
            "dependencies": st.booleans(),
        },
    ).map(lambda entry: {**entry, "optional": True})
    return st.lists(requirements | conditional, max_size=4)


pip_texts = texts | st.builds(
    "{}[{}]{} ; {}".format, names, st.sampled_from("xy"), specifiers, st.just("os_name=='nt'")
)
conda_texts = texts | st.builds("{}::{}{}".format, st.sampled_from(["bioconda", "own"]), names, specifiers)
recipes: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "python": st.sampled_from(["3.11", ">=3.9", "=3.12", "*", "~=3.10", "==3.11.*"]),
        "conda": entries(conda_texts),
        "channels": st.lists(st.sampled_from(["bioconda", "own", "conda-forge", "https://host/c/"]), max_size=3),
        "pip": entries(pip_texts),
    },
)
lines = st.lists(st.sampled_from(["echo a", "echo b", "pip check", ""]), max_size=3)
commands = st.none() | lines | st.fixed_dictionaries({}, optional={"all": lines, "linux": lines, "windows": lines})

json_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
known_keys = st.sampled_from(
    [
        "python",
        "conda",
        "channels",
        "pip",
        "local",
        "name",
        "path",
        "editable",
        "platforms",
        "optional",
        "dependencies",
        "all",
        "linux",
        "format",
        "pypi",
        "requirement",
        "commands",
    ]
)
json_values = st.recursive(
    json_leaves | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(known_keys | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def spec_of(recipe: object, lines: object = None, platform: str = "linux-64") -> Spec:
    """Parse what a program without a type checker may hand in."""
    return parse(
        cast("Dependencies | None", recipe),
        commands=cast("Commands | None", lines),
        platform=platform,
        base=Path("base"),
    )


specs = st.builds(spec_of, recipes, commands, platforms)


@given(specs)
def test_a_recipe_survives_being_stored_as_json(spec: Spec) -> None:
    assert spec == Spec.from_json(json.loads(json.dumps(spec.to_json())))


@given(specs)
def test_a_stored_recipe_keeps_its_identity(spec: Spec) -> None:
    assert spec.fingerprint == Spec.from_json(spec.to_json()).fingerprint


@given(recipes, st.randoms())
def test_the_order_and_repetition_of_requirements_mean_nothing(recipe: dict[str, object], random: Random) -> None:
    shuffled = copy.deepcopy(recipe)
    for section in ("conda", "pip"):
        listed = shuffled.get(section)
        if isinstance(listed, list):
            random.shuffle(listed)
            listed.extend(listed[:1])
    assert spec_of(recipe).fingerprint == spec_of(shuffled).fingerprint


@given(recipes, recipes, commands, commands)
def test_two_recipes_are_equal_exactly_when_their_fingerprints_are_and_nothing_differs(
    recipe: dict[str, object], other: dict[str, object], lines: object, other_lines: object
) -> None:
    left, right = spec_of(recipe, lines), spec_of(other, other_lines)
    assert (left == right) is (left.fingerprint == right.fingerprint)
    assert (left == right) is (differences(left, right) == ())


@given(recipes, st.sampled_from(["python", "conda", "channels", "pip", "commands"]))
def test_any_single_change_changes_the_fingerprint_and_is_told(recipe: dict[str, object], part: str) -> None:
    before = spec_of(recipe)
    added: dict[str, list[object]] = {"conda": ["new>=1"], "pip": ["new>=1"], "channels": ["new"]}
    changed = dict(recipe)
    if part == "python":
        changed["python"] = "==3.13.2"
    elif part in added:
        changed[part] = [*cast("list[object]", recipe.get(part, [])), *added[part]]
    after = spec_of(changed, ["echo new"] if part == "commands" else None)
    assert before.fingerprint != after.fingerprint
    assert differences(before, after)


@given(recipes.filter(lambda recipe: len(cast("list[object]", recipe.get("channels", []))) > 1))
def test_the_order_of_channels_means_something(recipe: dict[str, object]) -> None:
    forward = spec_of({"conda": ["a"], "channels": recipe["channels"]})
    backward = spec_of({"conda": ["a"], "channels": cast("list[object]", recipe["channels"])[::-1]})
    assert (forward.channels == backward.channels) is (forward.fingerprint == backward.fingerprint)


@given(json_values, json_values)
def test_junk_is_refused_with_an_invalid_dependency_error(recipe: object, lines: object) -> None:
    with suppress(InvalidDependencyError):
        spec_of(recipe, lines)


@given(st.dictionaries(st.sampled_from(["python", "conda", "channels", "pip", "local"]), json_values, max_size=3))
def test_junk_under_known_keys_is_refused_with_an_invalid_dependency_error(recipe: object) -> None:
    with suppress(InvalidDependencyError):
        spec_of(recipe)


@given(specs, st.data())
def test_a_damaged_record_is_read_as_it_is_or_refused(spec: Spec, data: st.DataObject) -> None:
    plain = spec.to_json()
    plain[data.draw(st.sampled_from(sorted(plain)))] = data.draw(json_values)
    try:
        read = Spec.from_json(plain)
    except InvalidDependencyError:
        return
    assert read == Spec.from_json(read.to_json())


@given(st.text(max_size=12) | st.text(alphabet="cCoOnN.1 /\\-é", max_size=6), st.lists(st.text(max_size=3), max_size=3))
def test_a_name_is_one_path_component_everywhere_or_refused(name: str, taken: list[str]) -> None:
    try:
        accepted = check_name(name, taken)
    except InvalidNameError:
        return
    assert name == accepted
    assert (name,) == PureWindowsPath(name).parts
    assert Path("base") == (Path("base") / name).parent
    assert name == name.encode().decode()
    assert not [other for other in taken if other != name and other.lower() == name.lower()]
