from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wetlands._debug.jsonc import JsoncError, elements, members, value, whole

TEXT = """\
// a comment with "quotes" and a { brace
{
  /* another, } of
     several lines */
  "a": "text with // no comment, /* really */ and \\"quotes\\"",
  "list": [1, {"x": [true, null,],}, "]",], // trailing commas
  "last": -1.5e3,
}
"""


def _pieces(text: str, key: str) -> str:
    span = members(text, whole(text))[key]
    return text[span.start : span.end]


def test_comments_and_trailing_commas_mean_nothing() -> None:
    expected = {
        "a": 'text with // no comment, /* really */ and "quotes"',
        "list": [1, {"x": [True, None]}, "]"],
        "last": -1500.0,
    }

    assert expected == value(TEXT)


def test_values_are_found_where_they_stand() -> None:
    assert ["a", "list", "last"] == list(members(TEXT, whole(TEXT)))
    assert "-1.5e3" == _pieces(TEXT, "last")
    spans = elements(TEXT, members(TEXT, whole(TEXT))["list"])
    assert ["1", '{"x": [true, null,],}', '"]"'] == [TEXT[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    "text", ["", "// only a comment", "{", '{"a" 1}', '{"a": 1 "b": 2}', "[1 2]", '{"a": "b', "[1,"]
)
def test_what_is_not_json_is_an_error_and_no_hang(text: str) -> None:
    with pytest.raises(JsoncError):
        value(text)
    with pytest.raises(JsoncError):
        whole(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _JSON, max_size=5), st.sampled_from([None, 2]))
def test_each_member_stands_where_it_is_said_to(document: dict[str, object], indent: int | None) -> None:
    text = json.dumps(document, indent=indent)

    assert document == {key: json.loads(text[s.start : s.end]) for key, s in members(text, whole(text)).items()}
    assert document == value(text)


@given(st.lists(_JSON, max_size=5))
def test_each_element_stands_where_it_is_said_to(document: list[object]) -> None:
    text = json.dumps(document, indent=1)

    assert document == [json.loads(text[s.start : s.end]) for s in elements(text, whole(text))]


@given(st.text(alphabet='{}[]",:/*\\ \n1a'))
def test_junk_is_an_error_or_json_and_never_a_hang(text: str) -> None:
    try:
        span = whole(text)
        members(text, span)
    except JsoncError:
        return
    assert text[span.start] == "{"
