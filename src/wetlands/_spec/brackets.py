"""Conda's bracket form, ``name[version='>=1.20', build='py3*']``, written in the plain form that means the same."""

from __future__ import annotations

import re

from wetlands._spec.checks import quoted

__all__ = ["without_brackets"]

_FORM = re.compile(r"(?P<head>[^\[\]]*)\[(?P<body>[^\[\]]*)\]\s*")
_KEY = re.compile(
    r"\s*(?P<key>[A-Za-z0-9_-]+)\s*=\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\s,'\"]+))\s*"
)
_BLANKS = re.compile(r"\s*([<>=!~]+|[,|])\s*")
_TWO_PARTS = re.compile(r"[A-Za-z0-9.*]=")  # of ==1.26=py311: the second part would be a build
_SUPPORTED = ("version", "build", "channel")
_ELSEWHERE = {
    "url": "addresses of package files are not supported; name the package and its channel",
    "fn": "names of package files are not supported; name the package, its version and its build",
    "md5": "files are not pinned by their hash in a recipe; name version and build",
    "sha256": "files are not pinned by their hash in a recipe; name version and build",
    "build_number": "a build is chosen by its string, as in build='*_1'",
    "subdir": 'the platform is this machine\'s; what is for some only is written {"name": ..., "platforms": [...]}',
}


def without_brackets(text: str) -> str:
    """Write a requirement in brackets without them; a text that has none stays as it is.

    Args:
        text: ``[channel::]name[ version][ build]``, followed by keys in brackets.

    Raises:
        ValueError: The brackets hold something else, or what has no plain form.
    """
    if "[" not in text and "]" not in text:
        return text
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("brackets stand once, at the end; conda has no extras as pip has")
    keys = _keys(form["body"])
    channel, separator, plain = form["head"].strip().rpartition("::")
    name, *words = plain.split(maxsplit=1) if plain.split() else [""]
    if re.search(r"[=<>!~]", name):
        words.insert(0, name)
    if words and {"version", "build"} & keys.keys():
        raise ValueError("version and build stand either before the brackets or in them")
    if separator and "channel" in keys:
        raise ValueError("the channel stands either before :: or in the brackets")
    version, build = _version(keys.get("version", "")), keys.get("build", "")
    if build and len(build.split()) > 1:
        raise ValueError(f"{quoted(build)} is no build string")
    source = f"{keys['channel']}::" if "channel" in keys else f"{channel}{separator}"
    return source + " ".join(part for part in (plain, version or ("*" if build else ""), build) if part)


def _keys(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while True:
        match = _KEY.match(body, position)
        if match is None:
            raise ValueError(
                'conda has no extras; use "pip", or name the packages. Keys in brackets are written as in '
                "name[version='>=1.20', build='py3*', channel='conda-forge']"
            )
        key = match["key"].lower().replace("-", "_")
        if key not in _SUPPORTED:
            raise ValueError(
                _ELSEWHERE.get(key, f"the key {quoted(key)} is not supported; {', '.join(_SUPPORTED)} are")
            )
        if key in found:
            raise ValueError(f"the key {quoted(key)} stands there twice")
        found[key] = next(value for value in match.group("single", "double", "bare") if value is not None).strip()
        if not found[key]:
            raise ValueError(f"the key {quoted(key)} is empty")
        position = match.end()
        if position == len(body):
            return found
        if body[position] != ",":
            raise ValueError(
                f"{quoted(body[position])} cannot follow a value in brackets; keys are separated by commas"
            )
        position += 1


def _version(text: str) -> str:
    version = _BLANKS.sub(r"\1", text)
    if len(version.split()) > 1 or _TWO_PARTS.search(version):
        raise ValueError(f"{quoted(text)} is no version expression; clauses are separated by commas")
    return version
