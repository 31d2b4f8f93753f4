from __future__ import annotations

import pytest
from rattler.exceptions import GatewayError, InstallerError, SolverError

from wetlands._backends.conda.errors import (
    ENGINE_ERRORS,
    Situation,
    broken_off,
    plain_reason,
    translated,
    virtual_packages_in,
)
from wetlands.exceptions import DownloadError

URL = "https://me:s3cret@host.example/t/t0ken/chan/noarch/x-1.0-0.conda"
SHOWN = "https://***@host.example/t/***/chan/noarch/x-1.0-0.conda"
HERE = Situation(urls={"x-1.0-0.conda": URL}, channel=URL, proxies=(), cache="/cache", prefix="/envs/1")


def test_all_errors_of_the_engine_are_known() -> None:
    assert {GatewayError, InstallerError, SolverError} <= set(ENGINE_ERRORS)


@pytest.mark.parametrize(
    "text, expected",
    [
        (f"HTTP status client error (404 Not Found) for url ({URL})", "lists a package that it does not have"),
        (f"HTTP status client error (401 Unauthorized) for url ({URL})", "The host host.example refuses access"),
        (f"HTTP status client error (407 Proxy) for url ({URL})", "refuses access"),
        (f"HTTP status server error (503 Service Unavailable) for url ({URL})", "with 503 Service Unavailable"),
        ("failed to fetch x-1.0-0.conda\nCaused by: Invalid checksum", "A package arrived damaged"),
        ("failed to fetch x-1.0-0.conda\nCaused by: decompression not finished but EOF reached", "arrived damaged"),
        (f"hash mismatch when extracting {URL} to /cache/x: expected a, got b", "A package arrived damaged"),
        ("error decoding response body\nCaused by: end of file before message length", "The connection broke off"),
        (f"error sending request for url ({URL})\nCaused by: dns error", "The host host.example could not be reached"),
        (f"error sending request for url ({URL})\nCaused by: invalid peer certificate: UnknownIssuer", "certificate"),
        (f"no usable repodata cache for {URL}", "turned off by CONDA_OFFLINE"),
        (f"could not find subdir 'noarch' in channel '{URL}'", "There is no conda channel here"),
    ],
)
def test_what_went_wrong_with_whom_is_said_without_credentials(text: str, expected: str) -> None:
    error = translated(InstallerError(text), HERE)

    assert isinstance(error, DownloadError)
    assert expected in str(error)
    assert error.url == SHOWN
    assert error.advice
    assert not {"s3cret", "t0ken"} & set(str(error).replace("/", " ").replace(":", " ").split())


@pytest.mark.parametrize("text", ["failed to link\nCaused by: No space left on device (os error 28)"])
def test_a_full_disk_is_named_with_both_places_that_may_be_full(text: str) -> None:
    error = str(translated(InstallerError(text), HERE))

    assert "The disk is full" in error
    assert "/cache" in error
    assert "/envs/1" in error


def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    error = str(translated(InstallerError("could not create /cache/x: Permission denied (os error 13)"), HERE))

    assert "/cache/x" in error
    assert "RATTLER_CACHE_DIR" in error


def test_a_proxy_that_is_set_is_named_by_its_variable() -> None:
    behind = Situation(urls={}, channel="", proxies=("HTTPS_PROXY",), cache="", prefix="")

    assert "A proxy is set by HTTPS_PROXY" in str(translated(GatewayError("connection refused"), behind))
    assert "name it with set_proxies" in str(translated(GatewayError("connection refused"), HERE))


def test_what_is_not_known_keeps_the_words_of_the_engine() -> None:
    assert f"something new at {SHOWN}" in str(translated(InstallerError(f"something new at {URL}"), HERE))


def test_only_a_broken_transfer_is_asked_for_again() -> None:
    assert broken_off(GatewayError("error decoding response body"))
    assert not broken_off(GatewayError("404"))
    assert not broken_off(RuntimeError("error decoding response body"))


def test_the_reason_of_the_solver_is_what_it_says() -> None:
    error = SolverError("Cannot solve the request because of: The following packages are incompatible\n├─ a\n└─ b\n")

    assert "These cannot be installed together:\n├─ a\n└─ b" == plain_reason(error)


def test_virtual_packages_that_are_missing_are_found_in_the_reason() -> None:
    reason = (
        "└─ thunder 1.0 would require\n   └─ __cuda >=11, for which no candidates were found.\n"
        "└─ old 1.0 would require\n   └─ __win, for which no candidates were found.\n"
        "└─ x, for which no candidates were found."
    )

    assert ("__cuda >=11", "__win") == virtual_packages_in(reason)
