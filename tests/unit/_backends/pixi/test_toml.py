from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wetlands._backends.pixi.toml import toml_text
from wetlands._spec.toml import toml_document

SCALARS = st.text() | st.booleans() | st.integers(-(2**62), 2**62)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_written_is_read_back(document: dict[str, object]) -> None:
    assert document == toml_document(toml_text(document))


def test_a_path_of_windows_survives() -> None:
    text = toml_text({"a": {"path": "C:\\new\\table \x7f"}})

    assert '[a]\npath = "C:\\\\new\\\\table \\u007f"\n' == text


def test_what_toml_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_text({"a": None})
