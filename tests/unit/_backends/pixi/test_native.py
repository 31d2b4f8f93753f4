from __future__ import annotations

from pathlib import Path

from wetlands._backends.pixi.native import installs_pypi, moved
from wetlands._spec.pixi_manifest import pixi_manifest

TEXT = """
[workspace]
channels = ["conda-forge", "./mine", { channel = "../theirs", priority = 1 }]
platforms = ["linux-64"]
[dependencies]
python = "*"
thing = { path = "packages/thing.conda" }
[pypi-dependencies]
mine = { path = ".", editable = true }
six = "*"
[pypi-options]
find-links = [{ path = "wheels" }, { url = "https://host/links" }]
[target.linux-64.activation]
scripts = ["activate.sh"]
"""


def test_relative_paths_lead_where_they_led() -> None:
    manifest = pixi_manifest(TEXT, "pixi.toml")
    assert manifest is not None

    assert {
        "workspace": {
            "channels": [
                "conda-forge",
                "file:///project/mine",
                {"channel": "file:///theirs", "priority": 1},
            ],
            "platforms": ["linux-64"],
        },
        "dependencies": {"python": "*", "thing": {"path": "/project/packages/thing.conda"}},
        "pypi-dependencies": {"mine": {"path": "/project", "editable": True}, "six": "*"},
        "pypi-options": {"find-links": [{"path": "/project/wheels"}, {"url": "https://host/links"}]},
        "target": {"linux-64": {"activation": {"scripts": ["/project/activate.sh"]}}},
    } == moved(manifest, Path("/project"))
    assert installs_pypi(manifest)
