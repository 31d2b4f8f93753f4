"""Python projects in a folder, which build without anything from a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# A build backend of its own, so that no registry is needed to build a local package.
BACKEND = """
import os, sys, zipfile

def _wheel(folder, files):
    name = "{name}-1.0-py3-none-any.whl"
    files["{name}-1.0.dist-info/METADATA"] = "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n{requires}"
    tags = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
    files["{name}-1.0.dist-info/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: tests\\n" + tags
    files["{name}-1.0.dist-info/entry_points.txt"] = "[console_scripts]\\ngreet-{name} = {name}:main\\n"
    record = "{name}-1.0.dist-info/RECORD"
    files[record] = "".join(file + ",,\\n" for file in [*files, record])
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{"{name}.py": open("src/{name}.py").read()}})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{"{name}.pth": os.path.abspath("src")}})
"""


def write_project(folder: Path, name: str, *, requires: str = "") -> Path:
    """Write a project, and return its module, which says "hello"."""
    (folder / "src").mkdir(parents=True)
    build_system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(build_system, encoding="utf-8")
    text = f"Requires-Dist: {requires}\\n" if requires else ""
    (folder / "backend.py").write_text(BACKEND.format(name=name, requires=text), encoding="utf-8")
    module = folder / "src" / f"{name}.py"
    module.write_text("WORD = 'hello'\ndef main(): print(WORD)\n", encoding="utf-8")
    return module
