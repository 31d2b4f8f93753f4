"""Builds with uv while the index fails or is out of reach."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import pytest

from backends import RecordingObserver
from registry import Index, server, without_proxies
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.uv import UvBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.exceptions import CommandFailedError

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

pytestmark = pytest.mark.integration


class Failing(Index):
    """An index that fails the first times: with a status, or by closing in the middle of the wheel."""

    def __init__(self, folder: Path, kind: Literal["cut"] | int, times: int) -> None:
        super().__init__(folder)
        self._kind = kind
        self._times = times

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        fails = self._times > 0 and (self._kind != "cut" or request.path.endswith(".whl"))
        if not fails:
            super().__call__(request)
            return
        self._times -= 1
        self.asked.append(request.path)
        if isinstance(self._kind, int):
            request.send_error(self._kind)
            return
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"PK")


def build(folder: Path, address: str, name: str = "prefix", **variables: str) -> RecordingObserver:
    observer = RecordingObserver()
    env = {**os.environ, **without_proxies(), "UV_CACHE_DIR": str(folder / "cache"), **variables}
    env["UV_DEFAULT_INDEX"] = f"{address}/simple"
    spec = parse({"pip": ["greeter"]}, platform=current_platform(), base=folder)
    UvBackend(env, base=folder).build(spec, folder / name, observer)
    return observer


def names_in(prefix: Path) -> list[str]:
    return [package["name"] for package in installed_packages(adopt(prefix))]


@pytest.mark.parametrize("kind", [500, 503, "cut"])
def test_an_index_that_fails_once_is_asked_again(tmp_path: Path, kind: Literal["cut"] | int) -> None:
    index = Failing(tmp_path / "wheels", kind, times=1)
    with server(index) as address:
        build(tmp_path, address)

    assert ["greeter"] == names_in(tmp_path / "prefix")


def test_an_index_that_always_fails_is_named(tmp_path: Path) -> None:
    with (
        server(Failing(tmp_path / "wheels", 500, times=1000)) as address,
        pytest.raises(CommandFailedError, match=r"500 Internal Server Error(?s:.*)The host 127\.0\.0\.1 failed"),
    ):
        build(tmp_path, address, UV_HTTP_RETRIES="1")


def test_a_host_without_a_name_is_told_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"The host nohost\.invalid could not be reached.*set_proxies"):
        build(tmp_path, "http://nohost.invalid", UV_HTTP_RETRIES="0")


def test_an_index_that_fails_is_asked_three_times_unless_the_user_wishes_otherwise(tmp_path: Path) -> None:
    index = Failing(tmp_path / "wheels", 500, times=1000)
    asked: list[int] = []
    with server(index) as address:
        for variables in ({}, {"UV_HTTP_RETRIES": "0"}):
            index.asked.clear()
            with pytest.raises(CommandFailedError):
                build(tmp_path, address, f"prefix {len(asked)}", **variables)
            asked.append(len(index.asked))

    assert [3, 1] == asked


def test_without_a_network_what_the_cache_holds_is_built_again(tmp_path: Path) -> None:
    with server(Index(tmp_path / "wheels")) as address:
        build(tmp_path, address, "first")

    observer = build(tmp_path, address, "second", UV_HTTP_RETRIES="0")  # nobody listens there any more

    assert ["greeter"] == names_in(tmp_path / "second")
    assert "install" == observer.stages[-1]
