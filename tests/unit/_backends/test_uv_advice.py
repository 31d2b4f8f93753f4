from __future__ import annotations

import pytest

from wetlands._backends.uv_advice import advice

UNREACHABLE = [
    "error: Failed to fetch: https://me:secret@index.example:8443/simple/six/",
    "  cause: error sending request for url (https://me:secret@index.example:8443/simple/six/)",
    "  cause: dns error",
]


def test_an_unreachable_index_is_named_without_credentials() -> None:
    said = advice(UNREACHABLE, env={})

    assert "index.example could not be reached" in said
    assert "secret" not in said


def test_who_has_no_proxy_is_told_how_to_set_one() -> None:
    assert "set_proxies(" in advice(UNREACHABLE, env={})


def test_who_has_a_proxy_is_told_which_variable_to_check_and_not_its_value() -> None:
    said = advice(UNREACHABLE, env={"https_proxy": "http://me:secret@proxy", "HTTP_PROXY": ""})

    assert "A proxy is set by HTTPS_PROXY:" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "line, expected",
    [
        ("hint: Packages were unavailable because the network was disabled.", "not to use the network"),
        ("cause: invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("HTTP status client error (407 Proxy Authentication Required)", "proxy asks for a login"),
        (
            "HTTP status client error (401 Unauthorized) for url (https://index.example/x)",
            "index.example refuses access",
        ),
        ("error: Failed to build `thing==1.0`", 'another "python"'),
        ("cause: No space left on device (os error 28)", "disk is full"),
    ],
)
def test_known_failures_come_with_what_to_do_next(line: str, expected: str) -> None:
    assert expected in advice(["error: it failed", line], env={})


def test_the_most_specific_reason_is_the_one_advised_on() -> None:
    lines = [
        "cause: error sending request for url (https://index.example/)",
        "cause: invalid peer certificate: Expired",
    ]

    assert "certificate of the host index.example" in advice(lines, env={}).lower()


def test_where_the_output_says_it_all_there_is_no_advice() -> None:
    assert "" == advice(["Because only six<=1.17.0 is available and you require six>=99, ..."], env={})
