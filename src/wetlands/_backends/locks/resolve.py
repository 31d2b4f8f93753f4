"""Resolves recipes for several platforms without building anything, so that an author can ship the result."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wetlands._backends.interpreters import find_interpreter
from wetlands._backends.locks.describe import conda_package
from wetlands._backends.locks.model import Lock, LockedPlatform
from wetlands._backends.uv import find_uv
from wetlands._backends.uv_lock import UvLocker
from wetlands._backends.uv_settings import tool_environment
from wetlands._spec import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rattler import RepoDataRecord

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.locks.model import LockedPackage
    from wetlands._spec import Spec

__all__ = ["resolve"]


def resolve(
    specs: Mapping[str, Spec], observer: BuildObserver, *, env: Mapping[str, str], base: Path, conda: bool
) -> Lock:
    """Return the packages of a recipe on each of several platforms; nothing is written but caches.

    Of a machine of a platform only what pixi assumes is taken for granted (glibc 2.28, macOS 13), and what variables
    ``CONDA_OVERRIDE_*`` say.

    Args:
        specs: The recipe as it is on each platform.
        observer: Hears what is done, and may ask to stop.
        env: The environment variables that tools work with.
        base: What relative paths of the recipe begin at.
        conda: Whether Python comes from conda too; without it, the files are for the Python on this machine that fits.

    Raises:
        UnsatisfiableError: No set of conda packages fits.
        CommandFailedError: No set of PyPI packages fits; the error carries uv's reason.
        InterpreterNotFoundError: Without conda: no Python on this machine satisfies the recipe.
    """
    platforms: list[LockedPlatform] = []
    channels: list[str] = []
    for platform, spec in specs.items():
        if conda:
            locked, searched = _with_conda(spec, platform, observer, env, base)
            channels += searched
        else:
            interpreter = find_interpreter(spec.python, uv=find_uv(env), env=tool_environment(env, cwd=Path.cwd()))
            packages = _pypi(spec, (), platform, str(interpreter.version), observer, env, base)
            locked = LockedPlatform(platform, _ordered(packages), str(interpreter.version))
        platforms.append(locked)
    return Lock(tuple(platforms), tuple(dict.fromkeys(channels)))


def _with_conda(
    spec: Spec, platform: str, observer: BuildObserver, env: Mapping[str, str], base: Path
) -> tuple[LockedPlatform, list[str]]:
    from wetlands._backends.conda.machine import assumed  # noqa: PLC0415 - imports the engine
    from wetlands._backends.conda.settings import open_engine  # noqa: PLC0415 - as above
    from wetlands._backends.conda.solve import sources  # noqa: PLC0415 - as above
    from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - as above

    engine = open_engine(env, base=base)
    solution = RattlerBackend(env, base=base).solve(spec, engine, base, observer, platform=platform)
    records = tuple(sorted(solution.records, key=lambda record: record.name.normalized))
    python = next((str(record.version) for record in records if record.name.normalized == "python"), "")
    packages = [conda_package(record) for record in records]
    if spec.pypi or spec.local:
        packages += _pypi(spec, records, platform, python, observer, env, base)
    virtual = tuple(f"{one.name.normalized}={one.version}" for one in assumed(platform, env))
    searched = [without_credentials(channel.base_url).rstrip("/") for channel in sources(spec, engine)]
    return LockedPlatform(platform, _ordered(packages), python, virtual, records), searched


def _pypi(  # noqa: PLR0917 - what a resolution depends on
    spec: Spec,
    records: Sequence[RepoDataRecord],
    platform: str,
    python: str,
    observer: BuildObserver,
    env: Mapping[str, str],
    base: Path,
) -> tuple[LockedPackage, ...]:
    if not (spec.pypi or spec.local):
        return ()
    observer.stage("solve", f"Solving PyPI packages for {platform}")
    with tempfile.TemporaryDirectory(prefix="wetlands-lock-") as folder:
        given = list(_stand_ins(records, Path(folder)))
        locker = UvLocker(env, base=base)
        return locker.resolve(spec, given, platform=platform, python=python, observer=observer)


def _stand_ins(records: Sequence[RepoDataRecord], folder: Path) -> Iterator[Path]:
    """Write an empty wheel for each Python package that conda gives: uv then counts with it, under the same name.

    What such a package needs in turn, conda gives too.
    """
    for record in records:
        needs_python = any(text.split()[0] in {"python", "python_abi"} for text in record.depends)
        name = str(canonicalize_name(record.name.normalized))
        try:
            version = str(Version(str(record.version)))
        except InvalidVersion:
            continue
        if needs_python and name not in {"pip", "setuptools", "wheel"}:
            yield _write_wheel(folder, name.replace("-", "_"), version)


def _write_wheel(folder: Path, name: str, version: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def _ordered(packages: Sequence[LockedPackage]) -> tuple[LockedPackage, ...]:
    return tuple(sorted(packages, key=lambda package: (package.name, package.kind)))
