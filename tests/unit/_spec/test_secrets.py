from __future__ import annotations

import pytest

from wetlands._spec.secrets import masked


@pytest.mark.parametrize(
    "text, expected",
    [
        ("https://me:secret@host/simple", "https://***@host/simple"),
        ("https://token@host/simple", "https://***@host/simple"),
        ("two: http://a:b@one/ and http://c:d@two/", "two: http://***@one/ and http://***@two/"),
        ("http://me:p@ss:word@host:8080", "http://***@host:8080"),
        ("name @ git+https://me:secret@host/repo@branch", "name @ git+https://***@host/repo@branch"),
        ("https://host/t/se-cr-et/channel", "https://host/t/***/channel"),
    ],
)
def test_credentials_in_an_address_are_masked(text: str, expected: str) -> None:
    assert expected == masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install six",
        "git+ssh://git@host/repo",
        "greeter @ file:///folder/a@b",
        "me@example.com",
        "https://host/a@b",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert text == masked(text)
