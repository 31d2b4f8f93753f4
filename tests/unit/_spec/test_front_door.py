"""What the package offers to the others."""

from __future__ import annotations

from typing import get_type_hints

from wetlands import _spec


def test_the_front_door_is_sorted_and_complete() -> None:
    offered = _spec.__all__
    constants = [name for name in offered if name.isupper()]
    classes = [name for name in offered if name[0].isupper() and not name.isupper()]
    functions = [name for name in offered if name.islower()]
    assert sorted(constants) + sorted(classes) + sorted(functions) == offered
    assert [] == [name for name in offered if not hasattr(_spec, name)]


def test_the_types_of_a_recipe_can_be_read_while_running() -> None:
    assert {"python", "conda", "channels", "pip", "local"} == get_type_hints(_spec.Dependencies).keys()
    assert {"name", "path", "editable"} == get_type_hints(_spec.LocalDependency).keys()
    assert {"name", "platforms", "optional", "dependencies"} == get_type_hints(_spec.RequirementDict).keys()
