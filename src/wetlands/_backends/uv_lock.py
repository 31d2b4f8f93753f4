"""Asks uv which files a resolution means, for this or another platform, and installs exactly such files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wetlands._backends.locks.pylock import packages_of
from wetlands._backends.neutral import neutral_folder
from wetlands._backends.quiet import Quiet
from wetlands._backends.tool import run_tool
from wetlands._backends.uv import find_uv
from wetlands._backends.uv_advice import advice
from wetlands._backends.uv_recipe import (
    check_references,
    extra_files,
    local_line,
    pinned_project,
    requirement_line,
    settings_options,
    with_settings,
)
from wetlands._backends.uv_settings import tool_environment
from wetlands._spec import PypiSettings, masked
from wetlands.exceptions import CommandFailedError, LockError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.locks.model import LockedPackage
    from wetlands._backends.prefix import Prefix
    from wetlands._spec import PypiRequirement, Spec

__all__ = ["UvLocker", "locked_line", "uv_platform"]

_PLATFORMS = {  # the oldest systems that most wheels are made for, as pixi assumes them
    "linux-64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "osx-64": "x86_64-apple-darwin",
    "osx-arm64": "aarch64-apple-darwin",
    "win-64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
}


def uv_platform(platform: str) -> str:
    """Return uv's name for one of conda's platforms.

    Raises:
        ProvisioningError: It has none.
    """
    if platform not in _PLATFORMS:
        raise ProvisioningError(
            f"PyPI packages cannot be locked for {platform!r} (known: {', '.join(_PLATFORMS)}). Leave it out."
        )
    return _PLATFORMS[platform]


def locked_line(package: LockedPackage) -> str:
    """Return the line of a requirements file that means one file and no other."""
    place, hash_sign, fragment = package.location.partition("#")
    if place.startswith("git+"):
        commit = fragment if hash_sign else ""
        return f"{package.name} @ {place.partition('?')[0]}{f'@{commit}' if commit else ''}"
    return f"{package.name} @ {place}" + (f" --hash=sha256:{package.sha256}" if package.sha256 else "")


class UvLocker:
    """Resolves with uv without installing, and installs without resolving.

    Args:
        env: The environment variables to work with, proxies included.
        base: What relative paths of the recipe begin at.
        uv: The uv binary; by default the one `find_uv` finds.
    """

    def __init__(self, env: Mapping[str, str], *, base: Path, uv: Path | None = None) -> None:
        self._env = env
        self._base = base
        self._uv = uv

    def files_of(
        self, requirements: Sequence[str], spec: Spec, *, python: Path, prefix: Path, observer: BuildObserver
    ) -> tuple[LockedPackage, ...]:
        """Return the files of packages whose version is known.

        They were just installed, so uv's cache nearly always holds the answer: it is asked without the network first,
        which takes a fifth of the time.

        Raises:
            CommandFailedError: One is not found.
        """
        indexes = {entry.name: entry for entry in spec.pypi if entry.index}
        with neutral_folder(prefix) as folder:
            pinned = [line for line in requirements if line.partition("==")[0] in indexes]
            plain = folder / "requirements.in"
            plain.write_text("".join(f"{line}\n" for line in requirements if line not in pinned), encoding="utf-8")
            sources = [str(plain)]
            if pinned:
                project = folder / "pinned" / "pyproject.toml"
                project.parent.mkdir()
                entries = [_at_version(indexes[line.partition("==")[0]], line.partition("==")[2]) for line in pinned]
                project.write_text(pinned_project(entries, self._base, self._env), encoding="utf-8")
                sources.append(str(project))
            options = ["--no-deps", "--python", str(python), *settings_options(spec.settings), *sources]
            try:
                return self._compile(["--offline", *options], folder, spec.settings, Quiet(observer))
            except CommandFailedError:
                return self._compile(options, folder, spec.settings, observer)

    def resolve(
        self, spec: Spec, given: Sequence[Path], *, platform: str, python: str, observer: BuildObserver
    ) -> tuple[LockedPackage, ...]:
        """Resolve the PyPI and local packages of a spec for a platform, without an environment.

        Args:
            spec: The spec.
            given: Wheels of what is there already: it counts, and is not among the result.
            platform: The platform, in conda's words.
            python: The version of the Python.
            observer: May ask to stop.

        Raises:
            CommandFailedError: There is no resolution; the error carries uv's reason.
        """
        names = {path.name.partition("-")[0] for path in given}
        check_references(spec, self._env)
        with neutral_folder() as folder:
            lines = [requirement_line(entry) for entry in spec.pypi if not entry.index and entry.dependencies]
            lines += [local_line(entry, self._base) for entry in spec.local]
            lines += [f"{path.name.partition('-')[0]} @ {path.as_uri()}" for path in given]
            requirements = folder / "requirements.in"
            requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            where = ["--python-platform", uv_platform(platform), "--python-version", python]
            common = [*where, *settings_options(spec.settings)]
            sources = [*extra_files(spec, folder), str(requirements)]
            pinned = [entry for entry in spec.pypi if entry.index and entry.dependencies]
            if pinned:
                project = folder / "pinned" / "pyproject.toml"
                project.parent.mkdir()
                project.write_text(pinned_project(pinned, self._base, self._env), encoding="utf-8")
                sources.append(str(project))
            found = {one.name: one for one in self._compile([*common, *sources], folder, spec.settings, observer)}
            alone = [requirement_line(entry) for entry in spec.pypi if not entry.dependencies]
            if alone:
                requirements.write_text("".join(f"{line}\n" for line in alone), encoding="utf-8")
                options = ["--no-deps", *common, str(requirements)]
                found.update((one.name, one) for one in self._compile(options, folder, spec.settings, observer))
            normal = {name.replace("_", "-") for name in names}
            return tuple(one for name, one in found.items() if name not in normal)

    def install(
        self, packages: Sequence[LockedPackage], spec: Spec, prefix: Prefix, observer: BuildObserver, *, source: str
    ) -> None:
        """Install exactly these files, their hashes checked; nothing is resolved.

        Raises:
            LockError: A file has another hash than the lock says.
            CommandFailedError: One could not be had or installed.
        """
        hashed = [package for package in packages if package.sha256]
        others = [package for package in packages if not package.sha256]
        observer.stage("install", f"Installing {len(packages)} packages of the lock")
        with neutral_folder(prefix.path) as folder:
            for group, options in ((hashed, ("--require-hashes",)), (others, ())):
                if group:
                    file = folder / "requirements.txt"
                    file.write_text("".join(f"{locked_line(package)}\n" for package in group), encoding="utf-8")
                    builds = _build_options(spec.settings)
                    argv = ["pip", "install", "--no-deps", *options, *builds, "--python", str(prefix.python)]
                    self._run([*argv, "--requirements", str(file)], folder, spec.settings, observer, source=source)

    def _compile(
        self, arguments: Sequence[str], folder: Path, settings: PypiSettings, observer: BuildObserver
    ) -> tuple[LockedPackage, ...]:
        output = folder / "pylock.toml"
        output.unlink(missing_ok=True)
        options = ["--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml", "--output-file", str(output)]
        self._run(["pip", "compile", *options, *arguments], folder, settings, observer)
        try:
            return packages_of(output.read_text(encoding="utf-8"), folder, from_source=settings.no_binary)
        except ValueError as error:
            raise ProvisioningError(str(error)) from error

    def _run(
        self,
        argv: Sequence[str],
        folder: Path,
        settings: PypiSettings,
        observer: BuildObserver,
        *,
        source: str = "",
    ) -> None:
        env = with_settings(tool_environment(self._env, cwd=Path.cwd()), settings, self._base)
        env.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)))  # where uv leaves a lock for a conda prefix
        command = [str(self._uv or find_uv(self._env)), *argv]
        lines: list[str] = []

        def advise(tail: Sequence[str]) -> str:
            lines.extend(tail)
            return advice(tail, env=env)

        try:
            run_tool(command, env=env, observer=observer, cwd=folder, advise=advise)
        except ProvisioningError as error:
            if source and any("Hash mismatch" in line for line in lines):
                text = masked(" ".join(line.strip() for line in lines if line.strip()))
                raise LockError(Path(source), f"a file is not the one that was locked: {text}") from error
            raise


def _at_version(entry: PypiRequirement, version: str) -> PypiRequirement:
    return replace(entry, specifier=f"=={version}", marker="", extras=())


def _build_options(settings: PypiSettings) -> tuple[str, ...]:
    """Return the settings that say how packages are built; all others are about finding them."""
    return settings_options(PypiSettings(no_build_isolation=settings.no_build_isolation))
