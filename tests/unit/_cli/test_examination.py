from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wetlands._cli import examination
from wetlands._cli.examination import examine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from wetlands._cli.examination import Finding


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "installed_interpreters", lambda **_: ())


def _of(findings: list[Finding], subject: str) -> Finding:
    return next(finding for finding in findings if finding.subject == subject)


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    findings = examine(tmp_path / "none", offline=True)

    assert {"ok", "note"} >= {finding.verdict for finding in findings}
    assert not (tmp_path / "none").exists()


def test_addresses_are_tried_unless_offline(tmp_path: Path) -> None:
    tried: list[str] = []

    def reach(address: str) -> str:
        tried.append(address)
        return ""

    env = {"CONDA_CHANNEL_ALIAS": "https://user:secret@mirror.test", "HOME": str(tmp_path)}
    findings = examine(tmp_path, env=env, reach=reach, resolve=lambda env: "no route to https://me:word@index.test")

    assert ["https://user:secret@mirror.test/conda-forge/noarch/repodata.json"] == tried
    assert "ok" == _of(findings, "conda-forge").verdict
    assert "note" == _of(findings, "PyPI").verdict
    assert "no route" in _of(findings, "PyPI").found
    text = json.dumps([finding.found for finding in findings])
    assert "secret" not in text
    assert "word" not in text


def test_proxies_are_told_without_their_secrets(tmp_path: Path) -> None:
    findings = examine(tmp_path, offline=True, env={"https_proxy": "http://user:secret@proxy.test:3128"})

    assert "http://***@proxy.test:3128" == _of(findings, "HTTPS_PROXY").found


def test_a_damaged_environment_is_a_failure_with_advice(wetlands: Callable[..., Result], tmp_path: Path) -> None:
    wetlands("create", "one")
    instance = tmp_path / "instance (ü)"
    (instance / "envs" / "one" / "environment.json").write_text("{")

    finding = _of(examine(instance, offline=True), "environment one")

    assert "fail" == finding.verdict
    assert "wetlands remove one" in finding.advice
    assert 1 == wetlands("doctor", "--offline").exit_code
    assert "FAIL" in wetlands("doctor", "--offline").stdout


def test_a_long_path_is_noted(tmp_path: Path) -> None:
    findings = examine(tmp_path / ("x" * 120), offline=True)

    assert any("bytes" in finding.found for finding in findings)
