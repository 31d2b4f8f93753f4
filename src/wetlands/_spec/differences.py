"""What differs between two recipes, in sentences for people."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from wetlands._spec.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wetlands._spec.model import Spec

__all__ = ["differences"]


class _Requirement(Protocol):
    """What the three kinds of requirements have in common."""

    @property
    def name(self) -> str: ...

    @property
    def text(self) -> str: ...


def differences(stored: Spec, requested: Spec) -> tuple[str, ...]:
    """Say what was asked before and is asked otherwise now.

    Returns:
        One sentence for each difference, without a full stop and with the credentials of addresses hidden; none
        exactly when the two recipes are equal.
    """
    sentences = [
        *_python(stored, requested),
        *_requirements(stored, requested),
        *_channels(stored.channels, requested.channels),
        *_commands(stored.commands, requested.commands),
        *_settings(stored, requested),
        *_variables(dict(stored.variables), dict(requested.variables)),
        *_manifests(stored, requested),
    ]
    return tuple(masked(sentence) for sentence in sentences)


def _python(stored: Spec, requested: Spec) -> Iterator[str]:
    if stored.python != requested.python:
        yield f"python {stored.python} is now {requested.python}"


def _requirements(stored: Spec, requested: Spec) -> Iterator[str]:
    sections = (
        ("conda", stored.conda, requested.conda),
        ("pip", stored.pypi, requested.pypi),
        ("local", stored.local, requested.local),
        ("constraints", stored.constraints, requested.constraints),
    )
    changes = [
        (section, name, *texts) for section, before, after in sections for name, *texts in _changed(before, after)
    ]
    times: dict[str, int] = defaultdict(int)
    for _, name, _, _ in changes:
        times[name] += 1
    for section, name, old, new in changes:
        yield _sentence(section if section in {"local", "constraints"} or times[name] > 1 else "", old, new)


def _changed(before: Sequence[_Requirement], after: Sequence[_Requirement]) -> Iterator[tuple[str, str, str]]:
    """Names that are asked otherwise, with the old and the new text; empty where there was or is none."""
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name, " and ".join(old.get(name, ())), " and ".join(new.get(name, ()))


def _by_name(requirements: Iterable[_Requirement]) -> Mapping[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for requirement in requirements:
        texts[requirement.name].append(requirement.text + _conditions(requirement))
    return texts


def _conditions(requirement: _Requirement) -> str:
    """Say what the text of a requirement does not; only some kinds have each of these."""
    alone = not getattr(requirement, "dependencies", True)
    index, hashes = getattr(requirement, "index", ""), getattr(requirement, "hashes", ())
    return "".join(
        (
            " without its dependencies" if alone else "",
            f" from {index}" if index else "",
            f" ({', '.join(hashes)})" if hashes else "",
        )
    )


def _sentence(section: str, old: str, new: str) -> str:
    """Put a change into words; the section is named where the name alone could mislead."""
    if not old:
        return f"added {new}" + (f" to {section}" if section else "")
    if not new:
        return f"removed {old}" + (f" from {section}" if section else "")
    return f"{old} is now {new}" + (f" in {section}" if section else "")


def _channels(stored: tuple[str, ...], requested: tuple[str, ...]) -> Iterator[str]:
    if stored != requested:
        yield f"channels {', '.join(stored) or '(none)'} are now {', '.join(requested) or '(none)'}"


def _commands(stored: tuple[str, ...], requested: tuple[str, ...]) -> Iterator[str]:
    """Say that the commands changed; never what they are, since they may hold secrets."""
    if stored == requested:
        return
    if not stored:
        yield "install commands were added"
    elif not requested:
        yield "install commands were removed"
    else:
        yield "install commands changed"


def _settings(stored: Spec, requested: Spec) -> Iterator[str]:
    before, after = dict(stored.settings.given()), dict(requested.settings.given())
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"pip setting {name} {_shown(before.get(name))} is now {_shown(after.get(name))}"


def _shown(value: str | bool | tuple[str, ...] | None) -> str:  # noqa: FBT001 - a value to show
    if value is None:
        return "(none)"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _manifests(stored: Spec, requested: Spec) -> Iterator[str]:
    before, after = stored.manifest, requested.manifest
    if before == after:
        return
    if before is None or after is None:
        yield f"the recipe is {'no longer' if after is None else 'now'} a manifest of pixi"
        return
    if before.environment != after.environment:
        yield f"environment {before.environment!r} of the manifest is now {after.environment!r}"
    if (before.document, before.file) != (after.document, after.file):
        yield f"{after.file} changed"


def _variables(stored: Mapping[str, str], requested: Mapping[str, str]) -> Iterator[str]:
    """Say which variables changed; never their values, since they may be secrets."""
    changed = [name for name in sorted(stored.keys() | requested.keys()) if stored.get(name) != requested.get(name)]
    if changed:
        yield f"environment variables changed ({', '.join(changed)})"
