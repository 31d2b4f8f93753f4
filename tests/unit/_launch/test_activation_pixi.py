from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from wetlands._backends.pixi.files import has_activation
from wetlands._backends.prefix import Prefix
from wetlands._launch.activation_pixi import hooked, workspace_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_prefix_of_a_workspace_is_known_by_what_pixi_writes(tmp_path: Path) -> None:
    prefix = Prefix(tmp_path / "prefix", tmp_path / "python", "conda")
    meta = prefix.path / "conda-meta"
    meta.mkdir(parents=True)
    assert workspace_of(prefix) is None

    manifest = tmp_path / "pixi.toml"
    (meta / "pixi").write_text(json.dumps({"manifest_path": str(manifest), "environment_name": "cuda"}))
    assert workspace_of(prefix) is None  # its manifest is gone

    manifest.touch()
    found = workspace_of(prefix)
    assert found is not None
    assert (manifest, "cuda", tmp_path / ".pixi" / "envs" / "cuda") == (found.manifest, found.environment, found.prefix)
    (meta / "pixi").write_text("[]")
    assert workspace_of(prefix) is None


def test_what_pixi_says_replaces_ours_without_what_is_for_pixi() -> None:
    own = os.pathsep.join(["/prefix/bin", "/usr/bin"])
    said = {"PATH": os.pathsep.join(["/prefix/bin", own]), "WORD": "x", "PIXI_IN_SHELL": "1", "PIXI_EXE": "/pixi"}

    assert {"PATH": own, "WORD": "x", "OTHER": "1"} == hooked({"PATH": own, "OTHER": "1"}, said)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[activation]\nscripts = []\n", True),
        ('[feature.x.target.linux.activation.env]\nA = "1"\n', True),
        ('[tool.pixi.activation.env]\nA = "1"\n', True),
        ('[dependencies]\nactivate = "*"\n', False),
    ],
)
def test_a_manifest_that_says_something_of_activation_is_recognised(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "pixi.toml").write_text(text)

    assert expected == has_activation(tmp_path / "pixi.toml")
