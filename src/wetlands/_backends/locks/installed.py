"""What installers of PyPI packages wrote down about where each package of a prefix came from (PEP 610)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from wetlands._backends.inventory import installed_packages
from wetlands._backends.locks.model import LockedPackage
from wetlands._platform.addresses import path_of
from wetlands._platform.layout import find_site_packages
from wetlands._spec import without_credentials
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from wetlands._backends.prefix import Prefix

__all__ = ["Found", "pypi_packages", "sha256_of"]


@dataclass(frozen=True)
class Found:
    """The PyPI packages of a prefix.

    Attributes:
        known: Those whose place is known completely.
        unknown: Those of which only this much is: requirements, to ask an index or an address for the file.
    """

    known: tuple[LockedPackage, ...]
    unknown: tuple[str, ...]


def pypi_packages(prefix: Prefix) -> Found:
    """Look at what was installed from PyPI, from addresses and from folders; nothing is run."""
    folders = {
        str(canonicalize_name(folder.name.split("-")[0])): folder
        for site_packages in find_site_packages(prefix.path)
        for folder in site_packages.glob("*.dist-info")
    }
    known, unknown = [], []
    for package in installed_packages(prefix):
        if package["kind"] == "pypi":
            name = str(canonicalize_name(package["name"]))
            found = _from_direct_url(name, package["version"], folders.get(name))
            if isinstance(found, str):
                unknown.append(found)
            else:
                known.append(found)
    return Found(tuple(known), tuple(unknown))


def _from_direct_url(name: str, version: str, folder: Path | None) -> LockedPackage | str:
    """Return the package, or the requirement to ask for."""
    path = None if folder is None else folder / "direct_url.json"
    if path is None or not path.is_file():
        return f"{name}=={version}"
    try:
        direct = json.loads(path.read_text(encoding="utf-8"))
        url = without_credentials(str(direct["url"]))
        split = urlsplit(url)
        if "vcs_info" in direct:
            place = f"{direct['vcs_info']['vcs']}+{url}#{direct['vcs_info']['commit_id']}"
            return LockedPackage(name, version, "pypi", place)
        if "dir_info" in direct:
            return LockedPackage(name, version, "local", str(path_of(url)))
        if split.scheme == "file":
            return LockedPackage(name, version, "pypi", url, sha256=sha256_of(path_of(url)))
        hashes = direct["archive_info"].get("hashes") or {}
        if "sha256" in hashes:
            return LockedPackage(name, version, "pypi", url, sha256=hashes["sha256"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProvisioningError(
            f"{path} cannot be read ({error!r}). The environment is damaged: build it anew."
        ) from error
    return f"{name} @ {url}"


def sha256_of(path: Path) -> str:
    """Return the hash of a file, in hexadecimal."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
