"""Conda packages of our own: what the test channel holds, and how one is written.

`assemble_package` of py-rattler-build writes those that are only files; those with entry points or with a prefix in
their text are written by hand in the older format, so both formats are met.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rattler_build import FileEntry, assemble_package

from wetlands._platform.names import current_platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLACEHOLDER = "/opt/" + "_placehold" * 20
_ASK = (
    "import json, platform, sys, sysconfig; "
    "print(json.dumps([sys.base_prefix, sysconfig.get_path('stdlib'), platform.python_version()]))"
)
# What a worker never needs; compiled files are left out since the times of packed files do not match them.
_LEFT_OUT = {
    "__pycache__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}


@dataclass(frozen=True)
class Package:
    """One package, without its files where these come from the machine."""

    name: str
    version: str = "1.0"
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    noarch: bool = True
    python: bool = False
    entry_points: tuple[str, ...] = ()

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else current_platform()

    @property
    def build(self) -> str:
        return "pyh_0" if self.python else "h_0"


def library(
    name: str, version: str = "1.0", *depends: str, entry_points: tuple[str, ...] = (), constrains: tuple[str, ...] = ()
) -> Package:
    """A noarch Python package with one module, whose `VERSION` is the version and whose `main` prints it."""
    dist_info = f"site-packages/{name}-{version}.dist-info"
    files = {
        f"site-packages/{name}.py": f"VERSION = {version!r}\ndef main():\n    print('{name}', VERSION)\n",
        f"{dist_info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{dist_info}/INSTALLER": "conda",
        f"{dist_info}/RECORD": f"{name}.py,,\n",
    }
    return Package(name, version, ("python", *depends), constrains, files, python=True, entry_points=entry_points)


LAMP = """export LAMP_STATE="on at $CONDA_PREFIX"
export LAMP_WORDS='two
lines, and $(no) "command"'
export PATH="$CONDA_PREFIX/share/lamp/bin:$PATH"
unset LAMP_OLD
echo "the lamp is on"
"""
PACKAGES = (
    library("helper", "1.0"),
    library("helper", "1.5"),
    library("helper", "2.0"),
    library("greeter", "1.0", "helper <2"),
    library("greeter", "1.1", "helper <2"),
    library("greeter", "2.0", "helper >=2"),
    library("farewell", "1.0", "helper >=2"),
    library("herald", "1.0", entry_points=("herald = herald:main",)),
    library("lonely", "1.0", "not-on-any-channel >=3"),
    Package("lamp", files={"etc/conda/activate.d/lamp.sh": LAMP, "share/lamp/bin/glow": "#!/bin/sh\necho glow\n"}),
    Package("compass", files={"share/compass/home.txt": f"{PLACEHOLDER}/share\n"}, noarch=False),
    Package("thunder", depends=("__cuda >=11",), files={"share/thunder.txt": "loud\n"}),
    Package("glacier", depends=("__glibc >=99",), files={"share/glacier.txt": "cold\n"}),
    Package("mischief", files={"bin/.mischief-post-link.sh": 'touch "$PREFIX/mischief-was-here"\n'}, noarch=False),
    Package("pebble", files={"share/pebble.txt": "small\n"}),
    Package("boulder", files={f"share/boulder/{number}.txt": f"{number}\n" * 40 for number in range(2000)}),
)
# A second channel, with newer versions of what the first one has, and with something of its own.
OTHERS = (library("greeter", "9.0"), library("novelty", "1.0"))


def write_package(package: Package, channel: Path, stage: Path) -> None:
    """Write a package into its folder of a channel."""
    folder = channel / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    if package.entry_points or any(PLACEHOLDER in text for text in package.files.values()):
        _write_by_hand(package, folder)
        return
    entries = []
    for number, (path, text) in enumerate(package.files.items()):
        source = stage / f"{package.name}-{package.version}" / str(number)
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text, encoding="utf-8")
        source.chmod(0o755 if text.startswith("#!") else 0o644)
        entries.append(FileEntry.from_paths(source, path))
    assemble_package(
        package.name,
        package.version,
        package.subdir,
        package.build,
        folder,
        files=entries,
        depends=package.depends,
        constrains=package.constrains,
        noarch=("python" if package.python else "generic") if package.noarch else None,
        compression_level=1,
    )


def write_python(python: Path, channel: Path, stage: Path) -> str:
    """Write a package `python` from an interpreter of this machine, and return its version."""
    answer = subprocess.run([python, "-I", "-S", "-c", _ASK], capture_output=True, text=True, check=True, timeout=60)
    base, library_folder, version = json.loads(answer.stdout)
    minor = ".".join(version.split(".")[:2])
    entries = [FileEntry.from_paths(python.resolve(), f"bin/python{minor}")]
    stage.mkdir(parents=True)
    for link in ("python", "python3"):
        (stage / link).symlink_to(f"python{minor}")
        entries.append(FileEntry.from_paths(stage / link, f"bin/{link}"))
    root = type(python)(library_folder)
    entries += [
        FileEntry.from_paths(file, f"lib/python{minor}/{file.relative_to(root).as_posix()}")
        for file in sorted(root.rglob("*"))
        if file.is_file() and not _is_left_out(file.relative_to(root).parts)
    ]
    entries += [
        FileEntry.from_paths(file, f"lib/{file.name}") for file in sorted(type(python)(base, "lib").glob("libpython3*"))
    ]
    folder = channel / current_platform()
    folder.mkdir(parents=True, exist_ok=True)
    build = f"0_cp{minor.replace('.', '')}"
    assemble_package(
        "python", version, folder.name, build, folder, files=entries, compression_level=1, detect_prefix=False
    )
    return str(version)


def _is_left_out(parts: tuple[str, ...]) -> bool:
    return any(part in _LEFT_OUT or part.startswith("config-") for part in parts)


def _write_by_hand(package: Package, folder: Path) -> None:
    contents = {path: text.encode() for path, text in package.files.items()}
    paths = [_path_entry(path, text) for path, text in contents.items()]
    index = {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": 0,
        "depends": list(package.depends),
        "subdir": package.subdir,
        **({"noarch": "python"} if package.python else {"arch": "x86_64", "platform": "linux"}),
    }
    described = {"info/index.json": index, "info/paths.json": {"paths": paths, "paths_version": 1}}
    if package.entry_points:
        noarch = {"type": "python", "entry_points": package.entry_points}
        described["info/link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    contents.update((path, json.dumps(value).encode()) for path, value in described.items())
    file = folder / f"{package.name}-{package.version}-{package.build}.tar.bz2"
    with tarfile.open(file, "w:bz2", compresslevel=1) as archive:
        for path, text in contents.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


def _path_entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }
    if PLACEHOLDER.encode() in content:
        entry.update(file_mode="text", prefix_placeholder=PLACEHOLDER)
    return entry
