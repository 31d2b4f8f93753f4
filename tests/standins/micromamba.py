"""Stands in for micromamba: its command lines, answers, exit codes and files, as far as they are known.

What it does not know it refuses, as the real one does: exit code 109 for an option, 1 for what libmamba refuses. The
version 2.8.1 and the one after it differ in what `--json` prints; `STANDIN_VERSION` chooses.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

import yaml
from rattler.exceptions import SolverError

from standins import engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rattler import RepoDataRecord

VERSION = os.environ.get("STANDIN_VERSION", "2.8.1")
LATER = VERSION != "2.8.1"
UNEXPECTED, MISSING = 109, 106
KNOWN_KEYS = {
    "channels",
    "channel_priority",
    "add_pip_as_python_dependency",
    "offline",
    "ssl_verify",
    "proxy_servers",
}
_log: list[str] = []


class Parser(argparse.ArgumentParser):
    """Fails with the words and codes of CLI11."""

    def error(self, message: str) -> NoReturn:
        print("The following argument was not expected:", message, file=sys.stderr)
        sys.exit(MISSING if "required" in message else UNEXPECTED)


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        print(VERSION)
        return 0
    for name, value in os.environ.items():
        if name in {"MAMBA_ALWAYS_YES", "MAMBA_JSON", "MAMBA_NO_RC", "MAMBA_OFFLINE"} and value in {"0", "1"}:
            return failed(f"Bad conversion of {name}")
    arguments = parsed()
    try:
        return create(arguments) if arguments.verb == "create" else install(arguments)
    except SolverError as error:
        return unsatisfiable(arguments, str(error))
    except RefusedError as error:
        return failed(str(error), as_json=arguments.json)


class RefusedError(Exception):
    """What libmamba refuses."""


def parsed() -> argparse.Namespace:
    parser = Parser(prog="micromamba", add_help=False, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for verb in ("create", "install"):
        options = verbs.add_parser(verb, add_help=False, allow_abbrev=False)
        options.add_argument("specs", nargs="*")
        for flag in (
            "-y",
            "--json",
            "--dry-run",
            "--offline",
            "--no-deps",
            "--no-pyc",
            "--no-rc",
            "--override-channels",
        ):
            options.add_argument(flag, action="store_true")
        options.add_argument("-v", action="count", default=0)
        for option in ("--rc-file", "-p", "-r", "-f", "-c"):
            options.add_argument(option, action="append", default=[])
    return parser.parse_args()


def create(arguments: argparse.Namespace) -> int:
    prefix = prefix_of(arguments)
    if prefix.is_dir() and any(prefix.iterdir()) and not (prefix / "conda-meta").is_dir():
        raise RefusedError("Non-conda folder exists at prefix - aborting.")
    wanted, requested = chosen(arguments, [])
    if arguments.dry_run:
        return answer(arguments, prefix, wanted, [])
    shutil.rmtree(prefix, ignore_errors=True)
    prefix.mkdir(parents=True)
    return transaction(arguments, prefix, wanted, [], requested)


def install(arguments: argparse.Namespace) -> int:
    prefix = prefix_of(arguments)
    if not (prefix / "conda-meta").is_dir():
        raise RefusedError(f"No prefix found at: {prefix}")
    installed = engine.installed_in(prefix)
    wanted, requested = chosen(arguments, installed)
    new = [record for record in wanted if record.url not in {old.url for old in installed}]
    gone = [record for record in installed if record.url not in {one.url for one in wanted}]
    if not new and not gone:
        say({"message": "All requested packages already installed", "success": True}, arguments)
        return 0
    if arguments.dry_run:
        return answer(arguments, prefix, new, gone)
    return transaction(arguments, prefix, wanted, gone, requested)


def prefix_of(arguments: argparse.Namespace) -> Path:
    if len(arguments.p) != 1 or os.sep not in arguments.p[0]:
        raise RefusedError("a prefix is a path")
    return Path(arguments.p[0])


def settings(arguments: argparse.Namespace) -> dict[str, object]:
    """The configuration: only that of the files that are named."""
    said: dict[str, object] = {}
    for file in arguments.rc_file:
        if not Path(file).is_file():
            raise RefusedError(f"Configuration file {file} does not exist")
        said.update(yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    unknown = set(said) - KNOWN_KEYS
    if unknown:  # the real one ignores them in silence, which would hide a mistake
        raise RefusedError(f"the stand-in does not know the keys {unknown}")
    if arguments.no_rc and arguments.rc_file:
        raise RefusedError("--no-rc and --rc-file exclude each other")
    return said


def chosen(
    arguments: argparse.Namespace, installed: Sequence[RepoDataRecord]
) -> tuple[list[RepoDataRecord], list[str]]:
    """The packages that shall be in the prefix, and what was asked for."""
    said = settings(arguments)
    channels = [*arguments.c, *(() if arguments.override_channels else said.get("channels", ["conda-forge"]))]  # type: ignore[misc]
    lines = [line.strip() for file in arguments.f for line in Path(file).read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if "@EXPLICIT" in lines:
        return explicit(lines[lines.index("@EXPLICIT") + 1 :]), []
    specs = [*arguments.specs, *lines]
    if said.get("add_pip_as_python_dependency", True) and any(spec.split()[0] == "python" for spec in specs):
        specs.append("pip")
    check_channels(channels)
    if arguments.no_deps:
        found = [engine.records(channels, [spec], repodata=cache_folder(arguments) / "cache")[-1:] for spec in specs]
        if not all(found):
            raise SolverError(f"No candidates were found for {specs[found.index([])]}.")
        new = [record for records in found for record in records]
        names = {record.name.normalized for record in new}
        return [*(old for old in installed if old.name.normalized not in names), *new], specs
    strict = said.get("channel_priority", "flexible") == "strict"
    repodata = cache_folder(arguments) / "cache"
    return engine.solved(channels, specs, repodata=repodata, installed=installed, strict=strict), specs


def check_channels(channels: Sequence[str]) -> None:
    for channel in channels:
        parts = urlsplit(channel)
        index = Path(unquote(parts.path)) / "noarch" / "repodata.json"
        if parts.scheme == "file" and not index.is_file():
            raise RefusedError(
                f"Multiple errors occurred:\n    Download error (37) Couldn't read a file:// file [{channel}/noarch]"
                f"\n    Subdir {channel}/noarch not loaded!"
            )


def explicit(lines: Sequence[str]) -> list[RepoDataRecord]:
    """The packages of an explicit list: no solving, but their hashes must be right."""
    found = []
    for line in lines:
        url, _, digest = line.partition("#")
        channel, file = url.rsplit("/", 2)[0], url.rsplit("/", 1)[1]
        name, version, build = file.removesuffix(".tar.bz2").removesuffix(".conda").rsplit("-", 2)
        matching = engine.records([channel], [f"{name} =={version} {build}"])
        record = next((record for record in matching if record.file_name == file), None)
        if record is None:
            raise RefusedError(f"Failed to download package from {url} (status 404)")
        stated = (record.sha256 if digest.startswith("sha256:") else record.md5) or b""
        if digest and digest.removeprefix("sha256:") != stated.hex():
            raise RefusedError(
                f'File not valid: SHA256 doesn\'t match expectation "{digest}"\n    Found incorrect downloads. Aborting'
            )
        found.append(record)
    return found


def cache_folder(arguments: argparse.Namespace) -> Path:
    root = (arguments.r or [os.environ.get("MAMBA_ROOT_PREFIX") or str(Path.home() / ".local" / "share" / "mamba")])[-1]
    named = os.environ.get("CONDA_PKGS_DIRS", "")
    return Path(named.split(",")[0]) if named else Path(root) / "pkgs"


def transaction(
    arguments: argparse.Namespace,
    prefix: Path,
    wanted: Sequence[RepoDataRecord],
    gone: Sequence[RepoDataRecord],
    requested: Sequence[str],
) -> int:
    cache = cache_folder(arguments)
    present = {record.url for record in engine.installed_in(prefix)}
    new = [record for record in wanted if record.url not in present]
    if not arguments.json:
        print("Transaction\n", flush=True)
        for record in new:
            print(f"  + {record.name.normalized}  {record.version}  {record.build}", flush=True)
        print("\nTransaction starting", flush=True)
    if arguments.v and not arguments.json:
        for record in new:
            if not engine.is_cached(record, cache):
                place = cache / record.file_name
                print(
                    f"info     libmamba Download finished, tarball available at '{place}'", file=sys.stderr, flush=True
                )
    for record in [] if arguments.json else gone:
        print(f"Unlinking {record.name.normalized}-{record.version}-{record.build}", flush=True)
    for record in [] if arguments.json else new:
        print(f"Linking {record.name.normalized}-{record.version}-{record.build}", flush=True)
    engine.linked(prefix, wanted, cache=cache)
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    with (meta / "history").open("a", encoding="utf-8") as history:
        history.write(f"# cmd: {' '.join(sys.argv)}\n# update specs: {json.dumps(list(requested))}\n")
    environments = Path.home() / ".conda" / "environments.txt"
    environments.parent.mkdir(parents=True, exist_ok=True)
    with environments.open("a", encoding="utf-8") as known:
        known.write(f"{prefix}\n")
    if arguments.json:
        return answer(arguments, prefix, new, gone)
    print("\nTransaction finished\n", flush=True)
    return 0


def answer(
    arguments: argparse.Namespace, prefix: Path, link: Sequence[RepoDataRecord], unlink: Sequence[RepoDataRecord]
) -> int:
    cache = cache_folder(arguments)
    actions: dict[str, object] = {"PREFIX": str(prefix)}
    actions["FETCH"] = [package(record) for record in link if not engine.is_cached(record, cache)]
    if link:
        actions["LINK"] = [package(record) for record in link]
    if unlink:
        actions["UNLINK"] = [package(record) for record in unlink]
    say({"actions": actions, "dry_run": arguments.dry_run, "prefix": str(prefix), "success": True}, arguments)
    return 0


def package(record: RepoDataRecord) -> dict[str, object]:
    return {
        "build": str(record.build),
        "build_number": record.build_number,
        "build_string": str(record.build),
        "channel": str(record.channel),
        "fn": record.file_name,
        "md5": record.md5.hex() if record.md5 else "",
        "name": record.name.normalized,
        "sha256": record.sha256.hex() if record.sha256 else "",
        "size": record.size,
        "subdir": record.subdir,
        "track_features": "",
        "url": record.url,
        "version": str(record.version),
    }


def say(shape: dict[str, object], arguments: argparse.Namespace) -> None:
    if not arguments.json:
        print(shape.get("message", "Dry run. Not executing the transaction."))
        return
    if LATER:
        shape["log_history"] = _log
    elif not arguments.y:
        print("Confirm changes: [Y/n] ", end="")
    print(json.dumps(shape, indent=4))


def unsatisfiable(arguments: argparse.Namespace, reason: str) -> int:
    sentence = "Could not solve for environment specs"
    lines = [line for line in reason.splitlines() if line.strip()]
    tree = "\n".join(f"    {'└─ ' if number == len(lines) - 1 else '├─ '}{line}" for number, line in enumerate(lines))
    full = f"{sentence}\n    The following package could not be installed\n{tree}"
    if arguments.json:
        shape: dict[str, object] = {"success": False, "solver_problems": ["unsupported request"]}
        if LATER:
            shape["log_history"] = [f"error    libmamba {full}"]
        print(json.dumps(shape, indent=4))
    if not (LATER and arguments.json):
        if not arguments.json:
            print(f"error    libmamba {full}", file=sys.stderr)
        print(f"critical libmamba {sentence}", file=sys.stderr)
    return 1


def failed(reason: str, *, as_json: bool = False) -> int:
    if as_json and LATER:
        print(json.dumps({"log_history": [f"critical libmamba {reason}"]}, indent=4))
    else:
        print(f"critical libmamba {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads of the engine may be in the middle of something, which Python does not end well
