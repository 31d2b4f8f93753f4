"""How a call begins on the wire."""

from __future__ import annotations

from wetlands._modules.naming import named


def test_the_beginning_of_the_frames_of_a_function_is_made_once() -> None:
    head, label = named("/of/the user.py", "segment")

    assert "the user:segment" == label
    assert named("/of/the user.py", "segment")[0] is head
    assert head != named("/of/the user.py", "other")[0]
