from __future__ import annotations

import pytest

from wetlands._backends.pixi.errors import translated
from wetlands.exceptions import CommandFailedError, DownloadError, UnsatisfiableError

LOGGED = " INFO pixi_core: something else"


def failed(text: str) -> CommandFailedError:
    return CommandFailedError("pixi install", 1, [LOGGED, *text.splitlines()], "")


SOLVER = """Error:   × failed to solve requirements of environment 'default' for platform 'linux-64'
  ├─▶   × failed to solve the environment
  ╰─▶ Cannot solve the request because of: conf-x * cannot be installed because there are no viable options:
      └─ conf-x 1.0 would require
         └─ __cuda >=12, for which no candidates were found.
"""
ASCII = """Error:   x failed to solve requirements of environment 'default' for platform 'linux-64'
  |->   x failed to solve the environment
  `-> Cannot solve the request because of: No candidates were found for foo *.
"""
NETWORK = """Error:   × failed to solve requirements of environment 'default' for platform 'linux-64'
  ├─▶ error sending request for url (http://me:s3cret@host/chan/linux-64/repodata_shards.msgpack.zst)
  ├─▶ client error (Connect)
  ╰─▶ tcp connect error
"""
PYPI = """Error:   × failed to solve the pypi requirements of environment 'default' for platform 'linux-64'
  ├─▶ failed to resolve pypi dependencies
  ╰─▶ Because missing was not found in the package registry and you require missing, we can conclude ...
"""


def test_the_reason_of_the_solver_is_taken_out_of_the_report() -> None:
    error = translated(failed(SOLVER), ["conf-x"])

    assert isinstance(error, UnsatisfiableError)
    assert ("conf-x",) == error.requirements
    assert error.reason.startswith("conf-x * cannot be installed")
    assert ("__cuda >=12",) == error.virtual_packages
    assert "CONDA_OVERRIDE" in str(error)


def test_a_report_without_unicode_is_read_too() -> None:
    error = translated(failed(ASCII), ["foo"])

    assert isinstance(error, UnsatisfiableError)
    assert "No candidates were found for foo *." == error.reason


def test_a_network_that_fails_is_an_error_of_downloading_without_credentials() -> None:
    error = translated(failed(NETWORK), ["foo"])

    assert isinstance(error, DownloadError)
    assert "http://***@host/chan/linux-64/repodata_shards.msgpack.zst" == error.url
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("text", [PYPI, "Error:   × something that nobody knows"])
def test_other_reports_are_shown_without_what_was_logged_before(text: str) -> None:
    error = translated(failed(text), ["foo"])

    assert isinstance(error, CommandFailedError)
    assert tuple(text.splitlines()) == error.output


def test_a_lock_for_another_recipe_is_said_so() -> None:
    error = translated(failed("Error:   × lock file not up-to-date with the workspace"), [])

    assert "lock anew" in str(error)
