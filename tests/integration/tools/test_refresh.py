"""The script that pins new releases, against a site of our own."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry import server, without_proxies
from wetlands._backends.tools.pins import ASSETS

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from types import ModuleType

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "refresh_tools.py"
RELEASE = "/repos/prefix-dev/pixi/releases/latest"


class Site:
    """Answers with texts by path."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.pages = pages

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        body = self.pages.get(request.path, "").encode()
        request.send_response(200 if body else 404)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in without_proxies().items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("refresh_tools", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata(digest: str = "") -> str:
    assets = [{"name": name, "digest": digest} for name in (*ASSETS["pixi"].values(), "source.tar.gz")]
    return json.dumps({"tag_name": "v9.9.9", "assets": assets})


def test_the_metadata_of_a_release_becomes_its_pins(script: ModuleType) -> None:
    with server(Site({RELEASE: metadata(f"sha256:{'a' * 64}")})) as url:
        entry = script.refreshed("pixi", api=url, site=url)

    assert "v9.9.9" == entry["version"]
    assert dict.fromkeys(ASSETS["pixi"].values(), "a" * 64) == entry["sha256"]
    old = json.loads(script.PINS.read_bytes())["pixi"]
    assert old["url"] == entry["url"]


def test_a_checksum_file_stands_in_for_missing_metadata(script: ModuleType) -> None:
    pages = {RELEASE: metadata()}
    for name in ASSETS["pixi"].values():
        pages[f"/prefix-dev/pixi/releases/download/v9.9.9/{name}.sha256"] = f"{'b' * 64}  {name}\n"
    with server(Site(pages)) as url:
        assert {"b" * 64} == set(script.refreshed("pixi", api=url, site=url)["sha256"].values())


def test_checksums_that_contradict_each_other_are_refused(script: ModuleType) -> None:
    pages = {RELEASE: metadata(f"sha256:{'a' * 64}")}
    for name in ASSETS["pixi"].values():
        pages[f"/prefix-dev/pixi/releases/download/v9.9.9/{name}.sha256"] = f"{'b' * 64}  {name}\n"
    with server(Site(pages)) as url, pytest.raises(SystemExit, match="contradicting checksums"):
        script.refreshed("pixi", api=url, site=url)


@pytest.mark.parametrize("digest, reason", [("", "no checksum"), ("sha256:zz", "no SHA-256")])
def test_an_asset_without_a_checksum_is_refused(script: ModuleType, digest: str, reason: str) -> None:
    with server(Site({RELEASE: metadata(digest)})) as url, pytest.raises(SystemExit, match=reason):
        script.refreshed("pixi", api=url, site=url)
