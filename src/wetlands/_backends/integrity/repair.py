"""Puts damaged packages into a prefix anew, each in the version that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from wetlands._backends.uv import UvBackend
from wetlands._spec import PypiRequirement, Spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wetlands._backends.api import BuildObserver
    from wetlands._backends.integrity.damage import Damage

__all__ = ["repair", "wanted_again"]


def repair(
    damage: Sequence[Damage],
    spec: Spec,
    prefix: Path,
    observer: BuildObserver,
    *,
    env: Mapping[str, str],
    base: Path,
) -> None:
    """Link damaged conda packages anew, and install those of PyPI anew; others stay as they are.

    Args:
        damage: What `check` found.
        spec: The recipe of the environment: it says where packages of PyPI come from.
        prefix: The folder of the environment.
        observer: Watches, and may stop it.
        env: The environment variables to work with, proxies included.
        base: What relative paths of the recipe begin at.

    Raises:
        ProvisioningError: A package cannot be had again, or what conda wrote down is damaged too.
    """
    conda = sorted({one.package for one in damage if one.kind == "conda"})
    if conda:
        from wetlands._backends.rattler import RattlerBackend  # noqa: PLC0415 - most programs never need the engine

        RattlerBackend(env, base=base).relink(conda, prefix, observer)
    pypi = {(one.package, one.version) for one in damage if one.kind == "pypi"}
    if pypi:
        again = wanted_again(pypi, spec)
        UvBackend(env, base=base).install(again, prefix, observer, anew=True)


def wanted_again(packages: Iterable[tuple[str, str]], spec: Spec) -> Spec:
    """Return the recipe that installs just these packages, from where the recipe of the environment has them.

    Args:
        packages: Names and versions, as they are installed.
        spec: The recipe of the environment.
    """
    asked = {entry.name: entry for entry in spec.pypi}
    local = {entry.name: entry for entry in spec.local}
    pypi, folders = [], []
    for package, version in sorted(packages):
        name = str(canonicalize_name(package))
        if name in local:
            folders.append(local[name])
            continue
        entry = asked.get(name, PypiRequirement(name))
        specifier = "" if entry.url else f"=={version}"
        pypi.append(replace(entry, specifier=specifier, marker="", dependencies=False))
    return Spec(pypi=tuple(pypi), local=tuple(folders), settings=spec.settings)
