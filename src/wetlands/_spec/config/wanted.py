"""What a line of a requirements file may want besides a PEP 508 requirement: paths and addresses without a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker

from wetlands._spec.checks import check_text, quoted
from wetlands._spec.local import absolute_path, local_package, recorded_path
from wetlands._spec.project_names import archive_name
from wetlands._spec.settings import check_address
from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from wetlands._spec.config.draft import Draft
    from wetlands._spec.config.source import Source

__all__ = ["add_path", "add_wanted", "marker_text", "package_place"]

_URL = re.compile(r"\S*://\S*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?://)?")
_NAMED_PATH = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\[\]]*)\])?\s*@\s*(?P<target>.+)")
_PATH = re.compile(r"[./~\\]|[A-Za-z]:[/\\]|[^@;\s]*[/\\]|[^@;]*\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)(?:\[|\s*(?:;|$))")
_MARKER = re.compile(r"\s+;|;\s")
_EXTRAS = re.compile(r"(?P<rest>.+?)\[(?P<extras>[^\[\]]*)\]")
_FRAGMENT = re.compile(r"#(?P<pairs>[A-Za-z0-9_]+=.*)")
_GIT = re.compile(r"(?:git|hg|svn|bzr)\+")


def add_wanted(text: str, where: str, draft: Draft, *, editable: bool = False, hashes: tuple[str, ...] = ()) -> None:
    """Add what a line wants: a requirement, a path or an address.

    Environment variables in addresses stay, so that no secret is stored; elsewhere they are replaced.

    Raises:
        InvalidDependencyError: It cannot be understood.
    """
    text = _expanded(text, where, draft.source)
    body, marker = _split_marker(text, where)
    named = _NAMED_PATH.fullmatch(body)
    target, name, extras = (named["target"], named["name"], named["extras"] or "") if named else (body, "", "")
    if target.startswith("file:"):
        target, is_path = _path_of_file_url(target), True
    else:
        is_path = not _SCHEME.match(target) if named else editable and not _SCHEME.match(target)
        is_path = is_path or bool(_PATH.match(target) and "://" not in target)
    if is_path:
        _refuse_hashes(hashes, target, where)
        add_path(target, where, draft, name=name, extras=extras, marker=marker, editable=editable)
        return
    if editable:
        if not _GIT.match(target):
            raise InvalidDependencyError(f"{where}: {quoted(target)} cannot be editable: it is no folder.")
        draft.remarks.warn(where, "a repository cannot be editable here: it is installed as it is.")
    if not named and _SCHEME.match(body) and "::" not in body:
        text = _with_name(body, where) + (f" ; {marker}" if marker else "")
    draft.add_pypi(text, where, hashes=hashes)


def add_path(
    path: str,
    where: str,
    draft: Draft,
    *,
    name: str = "",
    extras: str = "",
    marker: str = "",
    editable: bool = False,
) -> None:
    """Add the project or archive at a path, which may end in extras and in pip's ``#egg=name&subdirectory=folder``.

    Raises:
        InvalidDependencyError: There is none.
    """
    fragment = _FRAGMENT.search(path)
    if fragment:
        path = path[: fragment.start()]
        pairs = _pairs(fragment["pairs"], where)
        path = f"{path}/{pairs['subdirectory']}" if "subdirectory" in pairs else path
        name, _, egg_extras = (name or pairs.get("egg", "")).partition("[")
        extras = extras or egg_extras.removesuffix("]")
    ending = _EXTRAS.fullmatch(path)
    if ending and not extras:
        path, extras = ending["rest"].rstrip(), ending["extras"]
    wanted = [extra for extra in extras.replace(" ", "").split(",") if extra]
    base = draft.source.base
    draft.local.append(local_package(path, base, where, name=name, editable=editable, extras=wanted, marker=marker))


def package_place(text: str, where: str, source: Source) -> str:
    """Return the address of an index or of a list of packages, or the path of a folder of them, as they are stored.

    Raises:
        InvalidDependencyError: It is neither, or holds credentials in clear.
    """
    text = check_text(text, where)
    if text.startswith("file:"):
        text = _path_of_file_url(text)
    elif "://" in text or text.startswith("${"):
        return check_address(text, where)
    path = source.expanded(text, where)
    return recorded_path(absolute_path(source.base, path), source.base, relative=not path.startswith(("/", "\\")))


def marker_text(text: str, where: str) -> str:
    """Return a marker in its one spelling.

    Raises:
        InvalidDependencyError: It is none.
    """
    try:
        return str(Marker(text))
    except (InvalidMarker, RecursionError):
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not a marker (PEP 508).") from None


def _expanded(text: str, where: str, source: Source) -> str:
    pieces, end = [], 0
    for address in _URL.finditer(text):
        pieces += [source.expanded(text[end : address.start()], where), address[0]]
        end = address.end()
    return "".join([*pieces, source.expanded(text[end:], where)])


def _split_marker(text: str, where: str) -> tuple[str, str]:
    """Split a path or address from its marker; a PEP 508 requirement is split too, but then not used."""
    found = _MARKER.search(text)
    if found is None:
        return text, ""
    return text[: found.start()].rstrip(), marker_text(text[found.end() :], where)


def _path_of_file_url(text: str) -> str:
    """Return the path of ``file:///folder``, and of pip's ``file:folder``; what follows ``#`` stays."""
    text, separator, fragment = text.removeprefix("file:").partition("#")
    if text.startswith("//"):
        from urllib.request import url2pathname  # noqa: PLC0415 - brings all of http along

        parts = urlsplit(f"file:{text}")
        text = url2pathname(parts.path)
    else:
        text = unquote(text)
    return text + separator + fragment


def _with_name(address: str, where: str) -> str:
    """Write an address without a name as ``name @ address``, by pip's ``#egg=name`` or the name of the archive."""
    fragment = _FRAGMENT.search(address)
    bare = address[: fragment.start()] if fragment else address
    pairs = _pairs(fragment["pairs"], where) if fragment else {}
    name = pairs.pop("egg", "") or archive_name(unquote(urlsplit(bare).path.rpartition("/")[2]))
    if not name:
        raise InvalidDependencyError(f"{where}: {quoted(address)} has no name. Write {quoted('name @ ' + address)}.")
    kept = "&".join(f"{key}={value}" for key, value in pairs.items())
    return f"{name} @ {bare}{'#' if kept else ''}{kept}"


def _pairs(text: str, where: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split("&")]
    if any(not separator for _, separator, _ in pairs):
        raise InvalidDependencyError(f"{where}: {quoted(text)} is not a list of name=value.")
    return {key: unquote(value) for key, _, value in pairs}


def _refuse_hashes(hashes: tuple[str, ...], path: str, where: str) -> None:
    if hashes:
        raise InvalidDependencyError(f"{where}: {quoted(path)} is a path, and hashes are for packages of an index.")
