"""Builds, describes and reads locks in tests, from local channels and local wheels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from backends import RecordingObserver
from registry import without_proxies
from wetlands._backends.choose import choose
from wetlands._backends.locks.read import for_this_machine, read_lock
from wetlands._backends.locks.text import lock_text
from wetlands._platform.names import current_platform
from wetlands._spec import parse

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies


def variables(base: Path, channel: Channel | None = None, **others: str) -> dict[str, str]:
    """What tools are run with: no network, packages from the folder `wheels` of the base."""
    return {
        **os.environ,
        **without_proxies(),
        **(channel.variables if channel else {}),
        "HOME": str(base),
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(base / "wheels"),
        "UV_CACHE_DIR": str(base / "uv-cache"),
        **others,
    }


def built(recipe: Dependencies, prefix: Path, base: Path, channel: Channel | None = None) -> Path:
    """Build a recipe, and write what was built as a lock beside the prefix."""
    spec = parse(recipe, platform=current_platform(), base=base)
    choice = choose(spec, env=variables(base, channel), base=base)
    observer = RecordingObserver()
    choice.backend.build(spec, prefix, observer)
    assert choice.describe is not None
    path = prefix.with_name(f"{prefix.name}.lock")
    path.write_text(lock_text(choice.describe(spec, prefix, observer), path.parent), encoding="utf-8")
    return path


def built_from(
    lock: Path,
    recipe: Dependencies | None,
    prefix: Path,
    base: Path,
    channel: Channel | None = None,
    **others: str,
) -> RecordingObserver:
    """Build exactly what a lock says, and return what was heard."""
    spec = parse(recipe, platform=current_platform(), base=base)
    choice = choose(spec, env=variables(base, channel, **others), base=base, locked=for_this_machine(read_lock(lock)))
    observer = RecordingObserver()
    choice.backend.build(spec, prefix, observer)
    return observer
