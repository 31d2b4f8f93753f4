"""Says what of a recipe a lock does not give; nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wetlands._spec import masked, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rattler import RepoDataRecord

    from wetlands._backends.locks.model import LockedPackage, LockedPlatform
    from wetlands._spec import CondaRequirement, PypiRequirement, Spec

__all__ = ["unmet"]


def unmet(spec: Spec, locked: LockedPlatform) -> tuple[str, ...]:
    """Say which requirements of a recipe the packages of a lock do not satisfy.

    What the lock has beyond them is taken as what they need in turn.

    Args:
        spec: The recipe, for the platform.
        locked: The packages for that platform.

    Returns:
        One sentence each, without a full stop and with credentials hidden; none when the lock fits.
    """
    return tuple(
        masked(sentence)
        for sentence in (*_python(spec, locked), *_conda(spec, locked), *_pypi(spec, locked), *_local(spec, locked))
    )


def _python(spec: Spec, locked: LockedPlatform) -> Iterator[str]:
    if not locked.python:
        if not any(package.kind == "conda" for package in locked.packages):
            return  # made by another tool for any Python: its files say which they fit
        if spec.python.asked:
            yield f"the recipe asks for python {spec.python}, and the lock has none"
    elif not _fits(locked.python, spec):
        yield f"the recipe asks for python {spec.python}, and the lock has {locked.python}"


def _fits(version: str, spec: Spec) -> bool:
    return spec.python.allows(version) or not spec.python.asked


def _conda(spec: Spec, locked: LockedPlatform) -> Iterator[str]:
    records = {record.name.normalized: record for record in locked.records}
    for entry in spec.conda:
        record = records.get(entry.name)
        if record is None:
            yield f"the recipe asks for {entry.text}, and the lock has no conda package {entry.name}"
        elif not _matches(entry, record):
            yield f"the recipe asks for {entry.text}, and the lock has {entry.name} {record.version} {record.build}"
        elif not _from_channel(entry, record):
            yield f"the recipe asks for {entry.text}, and the lock has it from {record.channel}"


def _matches(entry: CondaRequirement, record: RepoDataRecord) -> bool:
    from rattler import MatchSpec  # noqa: PLC0415 - imports the engine

    version = entry.version or ("*" if entry.build else "")
    text = " ".join(part for part in (entry.name, version, entry.build) if part)
    return MatchSpec(text).matches(record)


def _from_channel(entry: CondaRequirement, record: RepoDataRecord) -> bool:
    wanted = without_credentials(entry.channel).rstrip("/").rpartition("/")[2]
    return not wanted or wanted in (record.channel or record.url).split("/")


def _pypi(spec: Spec, locked: LockedPlatform) -> Iterator[str]:
    wanted_if = _marker_environment(locked)
    packages = {str(canonicalize_name(package.name)): package for package in locked.packages}
    for entry in spec.pypi:
        if entry.marker and not Marker(entry.marker).evaluate(wanted_if):
            continue
        package = packages.get(entry.name)
        if package is None:
            yield f"the recipe asks for {entry.text}, and the lock has no {entry.name}"
        else:
            yield from _unfit(entry, package, "asks for")
    for entry in spec.constraints:
        if entry.name in packages and not (entry.marker and not Marker(entry.marker).evaluate(wanted_if)):
            yield from _unfit(entry, packages[entry.name], "allows")


def _unfit(entry: PypiRequirement, package: LockedPackage, verb: str) -> Iterator[str]:
    found = f"the lock has {package.name} {package.version}"
    if entry.specifier and not _contains(entry.specifier, package.version):
        yield f"the recipe {verb} {entry.text}, and {found}"
    elif entry.hashes and package.sha256 and f"sha256:{package.sha256}" not in entry.hashes:
        yield f"the recipe {verb} {entry.text} with other hashes, and {found} with sha256:{package.sha256}"
    elif entry.url and not _same_place(entry.url, package.location):
        yield f"the recipe {verb} {entry.text}, and {found} from {package.location}"


def _contains(specifier: str, version: str) -> bool:
    return SpecifierSet(specifier).contains(version, prereleases=True)


def _same_place(wanted: str, locked: str) -> bool:
    """Compare addresses; those with a reference to a variable, and the branch of a repository, are not compared."""
    if "${" in wanted:
        return True
    plain, found = (without_credentials(url).partition("#")[0].partition("?")[0] for url in (wanted, locked))
    if plain.startswith("git+"):
        return plain.removesuffix(".git").startswith(found.removesuffix(".git")) or plain.rpartition("@")[0] == found
    return plain == found


def _local(spec: Spec, locked: LockedPlatform) -> Iterator[str]:
    wanted_if = _marker_environment(locked)
    names = {package.name for package in locked.packages}
    for entry in spec.local:
        wanted = not entry.marker or Marker(entry.marker).evaluate(wanted_if)
        if wanted and entry.name not in names:
            yield f"the recipe asks for the local package {entry.name}, and the lock does not have it"


def _marker_environment(locked: LockedPlatform) -> Mapping[str, str]:
    """Return what differs between the Python of the lock and the one that runs us."""
    if not locked.python:
        return {}
    return {
        "python_full_version": locked.python,
        "python_version": ".".join(locked.python.split(".")[:2]),
        "implementation_version": locked.python,
    }
