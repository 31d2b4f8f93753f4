"""How far uv is, read from its lines."""

from __future__ import annotations

import pytest

from backends import RecordingObserver
from wetlands._backends.api import Progress
from wetlands._backends.uv_progress import UvProgress

LINES = """\
Using Python 3.11.7 environment at: venv
Resolved 3 packages in 208ms
Downloading numpy (16.0MiB)
Downloading scipy (512.0KiB)
 Downloaded scipy
 Downloaded numpy
Prepared 3 packages in 636ms
Installed 3 packages in 35ms
 + numpy==2.4.6
""".splitlines()


def test_the_lines_of_uv_tell_bytes_and_then_packages() -> None:
    observer = RecordingObserver()
    uv = UvProgress(observer)
    for line in LINES:
        uv.output(line)

    megabytes, kilobytes = 16 * 1024**2, 512 * 1024
    assert LINES == observer.lines
    assert [
        Progress("install", 0, 3, "packages"),
        Progress("install", 0, megabytes, "bytes"),
        Progress("install", 0, megabytes + kilobytes, "bytes"),
        Progress("install", kilobytes, megabytes + kilobytes, "bytes"),
        Progress("install", megabytes + kilobytes, megabytes + kilobytes, "bytes"),
        Progress("install", 0, 3, "packages"),
        Progress("install", 3, 3, "packages"),
    ] == observer.steps


@pytest.mark.parametrize(
    "line", ["", "Resolved", "Downloading x (many)", " Downloaded x", "Resolved 1e9 packages in 1s"]
)
def test_other_lines_tell_nothing(line: str) -> None:
    observer = RecordingObserver()
    UvProgress(observer).output(line)

    assert ([line], []) == (observer.lines, observer.steps)


def test_what_the_observer_wants_is_passed_on() -> None:
    observer = RecordingObserver(stop_when=lambda _: True)
    uv = UvProgress(observer)
    uv.stage("install", "Installing")
    uv.progress(Progress("install", 1, 2, "packages"))

    assert uv.cancel_requested
    assert (["install"], 1) == (observer.stages, len(observer.steps))
