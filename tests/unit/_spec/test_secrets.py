from __future__ import annotations

import pytest

from wetlands._spec.secrets import masked, without_credentials


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


@pytest.mark.parametrize(
    "text, expected",
    [
        ("https://me:secret@host/simple", "https://host/simple"),
        ("https://token@host/simple", "https://host/simple"),
        ("https://host/t/se-cr-et/channel", "https://host/channel"),
        ("https://me:pw@host/t/se-cr-et/channel/label/x", "https://host/channel/label/x"),
        ("https://me:pw@host/channel::name 1.0", "https://host/channel::name 1.0"),
        ("name @ git+https://me:secret@host/repo@branch", "name @ git+https://host/repo@branch"),
    ],
)
def test_credentials_in_an_address_are_left_out(text: str, expected: str) -> None:
    assert expected == without_credentials(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://me:${PASSWORD}@host/simple",
        "https://${TOKEN}@host/simple",
        "git+ssh://git@host/repo",
        "https://host/a@b",
        "https://host/art/channel",
        "file:///t/folder",
        "conda-forge",
    ],
)
def test_what_is_no_credential_is_not_left_out(text: str) -> None:
    assert text == without_credentials(text)
