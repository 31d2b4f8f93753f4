from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from wetlands._backends.locks.model import LockedPackage
from wetlands._backends.uv_lock import UvLocker, locked_line
from wetlands._spec import Spec
from wetlands.exceptions import CommandFailedError, ProvisioningCanceledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wetlands._backends.api import BuildObserver

HASH = "ab" * 32
ADDRESS = "https://files.example/voice-1.0-py3-none-any.whl"
PYLOCK = f"""lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "voice"
version = "1.0"
wheels = [{{ url = "{ADDRESS}", hashes = {{ sha256 = "{HASH}" }} }}]
"""
VOICE = LockedPackage("voice", "1.0", "pypi", ADDRESS, sha256=HASH)


class Uv:
    """Stands for uv: a run knows the answer, or fails as it does when the cache lacks something."""

    def __init__(self, *knows: bool) -> None:
        self._knows = list(knows)
        self.offline: list[bool] = []

    def __call__(self, argv: Sequence[str], *, observer: BuildObserver, **_: object) -> list[str]:
        self.offline.append("--offline" in argv)
        if observer.cancel_requested:
            raise ProvisioningCanceledError("It was stopped.")
        if not self._knows.pop(0):
            observer.output("error: not in the cache")
            raise CommandFailedError("uv", 1, ["error: not in the cache"])
        Path(argv[argv.index("--output-file") + 1]).write_text(PYLOCK, encoding="utf-8")
        return []


def asked(
    uv: Uv, monkeypatch: pytest.MonkeyPatch, prefix: Path, observer: RecordingObserver
) -> tuple[LockedPackage, ...]:
    monkeypatch.setattr("wetlands._backends.uv_lock.run_tool", uv)
    locker = UvLocker({}, base=prefix, uv=prefix / "uv")
    return locker.files_of(["voice==1.0"], Spec(), python=prefix / "python", prefix=prefix, observer=observer)


def test_which_file_was_installed_is_asked_without_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv, observer = Uv(True), RecordingObserver()

    assert (VOICE,) == asked(uv, monkeypatch, tmp_path, observer)
    assert [True] == uv.offline


def test_what_the_cache_lacks_is_asked_of_the_index_and_nobody_hears_of_the_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv, observer = Uv(False, True), RecordingObserver()

    assert (VOICE,) == asked(uv, monkeypatch, tmp_path, observer)
    assert [True, False] == uv.offline
    assert [] == observer.lines


def test_what_the_index_lacks_too_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv, observer = Uv(False, False), RecordingObserver()

    with pytest.raises(CommandFailedError, match="not in the cache"):
        asked(uv, monkeypatch, tmp_path, observer)
    assert ["error: not in the cache"] == observer.lines


def test_a_cancellation_is_no_reason_to_ask_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = Uv(True, True)

    with pytest.raises(ProvisioningCanceledError):
        asked(uv, monkeypatch, tmp_path, RecordingObserver(stop_when=lambda _: True))
    assert [True] == uv.offline


@pytest.mark.parametrize(
    "package, line",
    [
        (VOICE, f"voice @ {ADDRESS} --hash=sha256:{HASH}"),
        (LockedPackage("voice", "1.0", "pypi", ADDRESS), f"voice @ {ADDRESS}"),
        (
            LockedPackage("voice", "1.0", "pypi", "git+https://host.example/voice?rev=main#0a1b2c"),
            "voice @ git+https://host.example/voice@0a1b2c",
        ),
    ],
)
def test_a_line_means_one_file_or_one_commit(package: LockedPackage, line: str) -> None:
    assert line == locked_line(package)
