"""What `wetlands doctor` looks at: one function per subject, each yields what it found."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wetlands._backends.conda.settings import open_engine
from wetlands._backends.interpreters import installed_interpreters
from wetlands._backends.uv import find_uv
from wetlands._platform.names import current_platform
from wetlands._platform.system import description
from wetlands._spec.channels import DEFAULT_CHANNEL
from wetlands._spec.secrets import masked
from wetlands._store.overview import overview
from wetlands._store.store import Store
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Finding", "examine"]

Verdict = Literal["ok", "note", "fail"]

_GIGABYTE = 1024**3
_LITTLE_DISK = 5 * _GIGABYTE
_LONG_PATH = 100  # bytes; the first line of a script has 127 for a prefix, our own parts and the interpreter
_REACH_SECONDS = 5.0
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        verdict: ``"ok"``, ``"note"`` (good to know) or ``"fail"`` (to be corrected).
        found: What was found.
        advice: What to do, or empty.
    """

    subject: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(
    folder: Path,
    *,
    offline: bool = False,
    env: Mapping[str, str] = os.environ,
    reach: Callable[[str], str] | None = None,
    resolve: Callable[[Mapping[str, str]], str] | None = None,
) -> list[Finding]:
    """Look at this machine and an instance folder; nothing is changed.

    Args:
        folder: The instance folder, absolute; it need not exist.
        offline: Do not try to reach anything.
        env: The environment variables.
        reach: Tries to reach an address, and returns why it could not; empty when it could.
        resolve: The same for the index that uv is set up for, given the environment variables.
    """
    findings = [*_versions(), *_interpreters(env), *_folder(folder), *_environments(folder), *_proxies(env)]
    if not offline:
        findings += [*_channels(env, reach or _reach), *_index(env, resolve or _resolve)]
    return findings


def _versions() -> Iterator[Finding]:
    yield Finding("wetlands", "ok", _version("wetlands"))
    yield Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Finding("platform", "ok", f"{current_platform()} ({description()})")
    for package in ("py-rattler", "uv", "numpy"):
        yield Finding(package, "ok", _version(package))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _interpreters(env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        uv = find_uv(env)
        found = installed_interpreters(uv=uv, env=env)
    except ProvisioningError as error:
        yield Finding("interpreters", "fail", str(error))
        return
    versions = ", ".join(dict.fromkeys(str(interpreter.version) for interpreter in found)) or "none"
    yield Finding(
        "interpreters",
        "ok" if found else "note",
        versions,
        "" if found else "Without one, environments of PyPI packages are built with a Python of conda.",
    )


def _folder(folder: Path) -> Iterator[Finding]:
    present = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(present, os.W_OK):
        yield Finding("instance folder", "ok", str(folder))
    else:
        advice = "Choose another one with -wip, or have its rights changed; what is in it can still be used."
        yield Finding("instance folder", "fail", f"{folder} cannot be written to.", advice)
    if len(os.fsencode(folder)) > _LONG_PATH:
        advice = "Scripts of packages may not start, and Windows refuses long paths: choose a shorter one."
        yield Finding("instance folder", "note", f"Its path has {len(os.fsencode(folder))} bytes.", advice)
    free = shutil.disk_usage(present).free
    verdict: Verdict = "ok" if free > _LITTLE_DISK else "note"
    advice = "" if verdict == "ok" else "An environment for deep learning takes 5 to 10 GB: free some space."
    yield Finding("free disk", verdict, f"{free / _GIGABYTE:.1f} GB", advice)


def _environments(folder: Path) -> Iterator[Finding]:
    store = Store(folder)
    found = overview(store)
    yield Finding("environments", "ok", str(len(found)))
    for row in found:
        if row.state in {"broken", "damaged"}:
            advice = f"Build it again with replace_existing=True, or delete it: wetlands remove {row.name}."
            yield Finding(f"environment {row.name}", "fail", row.problem, advice)
    debris = store.layout.debris
    waiting = len(list(debris.iterdir())) if debris.is_dir() else 0
    if waiting:
        yield Finding("debris", "note", f"{waiting} folders wait to be deleted.", "The next build or removal does it.")


def _proxies(env: Mapping[str, str]) -> Iterator[Finding]:
    for name in _PROXIES:
        value = env.get(name) or env.get(name.lower())
        if value:
            yield Finding(name, "ok", masked(value))


def _channels(env: Mapping[str, str], reach: Callable[[str], str]) -> Iterator[Finding]:
    try:
        engine = open_engine(env, base=Path.cwd())
    except ProvisioningError as error:
        yield Finding("conda configuration", "fail", str(error))
        return
    for channel in engine.channels(DEFAULT_CHANNEL):
        address = f"{channel.base_url.rstrip('/')}/noarch/repodata.json"
        yield _reached(DEFAULT_CHANNEL, masked(address), reach(address), "set up a mirror in ~/.condarc")


def _index(env: Mapping[str, str], resolve: Callable[[Mapping[str, str]], str]) -> Iterator[Finding]:
    yield _reached("PyPI", "The index that uv is set up for", resolve(env), "name a mirror in UV_DEFAULT_INDEX")


def _reached(subject: str, what: str, problem: str, advice: str) -> Finding:
    if not problem:
        return Finding(subject, "ok", f"{what} can be reached.")
    return Finding(
        subject, "note", f"{what} cannot be reached: {masked(problem)}", f"Behind a proxy set HTTPS_PROXY; or {advice}."
    )


def _reach(address: str) -> str:
    """Try to reach an address; return why it could not be, or nothing."""
    try:
        request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "wetlands-doctor"})  # noqa: S310 - any scheme a channel may have
        with urllib.request.urlopen(request, timeout=_REACH_SECONDS):  # noqa: S310 - as above
            return ""
    except urllib.error.HTTPError as error:
        there = error.code in {401, 403, 405}  # a server, which wants more than we say
        return "" if there else f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _resolve(env: Mapping[str, str]) -> str:
    """Let uv, with all its configuration, look a package up; return why it could not, or nothing."""
    argv = [str(find_uv(env)), "pip", "compile", "-", "--no-deps", "--no-cache", "--quiet", "--python", sys.executable]
    limits = {"UV_HTTP_TIMEOUT": str(round(_REACH_SECONDS)), "UV_HTTP_RETRIES": "0"}
    try:
        done = subprocess.run(
            argv,
            input="pip",
            env={**env, **limits},
            capture_output=True,
            text=True,
            timeout=3 * _REACH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "no answer"
    if done.returncode == 0:
        return ""
    return " ".join(line.strip(" ├╰─▶") for line in done.stderr.splitlines() if line.strip())
