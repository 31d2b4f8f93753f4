"""Tools are downloaded from a release server of our own, which fails in every way that servers do."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from registry import without_proxies
from releases import PATH, program, releases, tar
from wetlands._backends.tools import download as downloading
from wetlands._backends.tools.toolbox import Toolbox
from wetlands.exceptions import DownloadError, ProvisioningCanceledError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from releases import Releases
    from wetlands._backends.tools.pins import Pin

pytestmark = pytest.mark.integration

ASSET = "pixi-x86_64-unknown-linux-musl.tar.gz"
# What cannot be compressed: a transfer has several pieces.
BODY = tar(("pixi", program(size=1) + os.urandom(400_000)))


@pytest.fixture
def served() -> Iterator[Releases]:
    with releases(BODY) as answer:
        yield answer


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading.download, "__kwdefaults__", {"pauses": (0.01, 0.01)})


def toolbox(folder: Path, pin: Pin, *, conda_path: Path | None = None, **variables: str) -> Toolbox:
    env = {"PATH": "/nothing", "HOME": str(folder), **without_proxies(), **variables}
    return Toolbox("pixi", env=env, folder=folder / "tools", conda_path=conda_path, platform="linux-64", pin=pin)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))


def test_a_tool_is_downloaded_once_checked_and_runs(served: Releases, tmp_path: Path) -> None:
    observer = RecordingObserver()
    box = toolbox(tmp_path, served.pin(ASSET))
    assert box.find() is None

    found = box.obtain(observer)

    assert "0.73.0" == found.version
    assert tmp_path / "tools" / "pixi-0.73.0" / "bin" / "pixi" == found.path
    assert ["pixi"] == left_in(tmp_path / "tools")
    assert ["download"] == observer.stages
    assert (len(BODY), len(BODY), "bytes") == (
        observer.steps[-1].current,
        observer.steps[-1].maximum,
        observer.steps[-1].unit,
    )
    again = toolbox(tmp_path, served.pin(ASSET))
    assert found == again.find() == again.obtain(observer)
    assert 1 == len(served.asked)


def test_it_is_installed_in_the_folder_that_the_user_names(served: Releases, tmp_path: Path) -> None:
    folder = tmp_path / "my pixi (é)"

    found = toolbox(tmp_path, served.pin(ASSET), conda_path=folder).obtain(RecordingObserver())

    assert folder / "bin" / "pixi" == found.path


def test_a_wrong_hash_is_refused_before_anything_is_executed(served: Releases, tmp_path: Path) -> None:
    pin = replace(served.pin(ASSET), sha256="0" * 64)

    with pytest.raises(DownloadError, match=rf"SHA-256 is {hashlib.sha256(BODY).hexdigest()} instead of 000"):
        toolbox(tmp_path, pin).obtain(RecordingObserver())

    assert [] == left_in(tmp_path / "tools")


def test_a_changed_byte_is_refused(served: Releases, tmp_path: Path) -> None:
    served.fault = "wrong"

    with pytest.raises(DownloadError, match="deleted and never executed"):
        toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver())


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_that_breaks_off_is_tried_again(served: Releases, tmp_path: Path, *, ranges: bool) -> None:
    served.fault, served.times, served.ranges = "cut", 2, ranges
    observer = RecordingObserver()

    toolbox(tmp_path, served.pin(ASSET)).obtain(observer)

    assert 3 == len(served.asked)
    assert [True, True] == ["trying again" in line for line in observer.lines[1:]]
    assert [False, True, True] == ["range" in headers for headers in served.headers]


def test_a_server_that_always_breaks_off_ends_in_an_error_and_the_next_call_goes_on(
    served: Releases, tmp_path: Path
) -> None:
    served.fault = "cut"
    with pytest.raises(DownloadError, match=r"IncompleteRead.*WETLANDS_TOOLS_MIRROR"):
        toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver())
    assert [f".0.73.0-{ASSET}.part"] == left_in(tmp_path / "tools")

    served.fault = ""
    toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver())

    assert served.headers[-1]["range"] == f"bytes={len(BODY) - (len(BODY) + 7) // 8}-"


def test_a_beginning_of_something_else_is_downloaded_anew(served: Releases, tmp_path: Path) -> None:
    part = tmp_path / "tools" / "pixi-0.73.0" / "bin" / f".0.73.0-{ASSET}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    observer = RecordingObserver()

    toolbox(tmp_path, served.pin(ASSET)).obtain(observer)

    assert 2 == len(served.asked)
    assert any("from the beginning" in line for line in observer.lines)


def test_a_beginning_that_is_too_long_is_downloaded_anew(served: Releases, tmp_path: Path) -> None:
    part = tmp_path / "tools" / "pixi-0.73.0" / "bin" / f".0.73.0-{ASSET}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(BODY) + 1))

    assert "0.73.0" == toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver()).version


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusal_is_not_repeated_and_names_the_address(served: Releases, tmp_path: Path, status: int) -> None:
    served.fault = status

    with pytest.raises(DownloadError, match=rf"the server answered {status}.*{ASSET}"):
        toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver())

    assert 1 == len(served.asked)


def test_a_server_that_is_busy_is_asked_again(served: Releases, tmp_path: Path) -> None:
    served.fault, served.times = 503, 2

    toolbox(tmp_path, served.pin(ASSET)).obtain(RecordingObserver())

    assert 3 == len(served.asked)


def test_a_redirection_is_followed_without_the_credentials(served: Releases, tmp_path: Path) -> None:
    served.fault = "redirect"
    pin = served.pin(ASSET)
    pin = replace(pin, url=pin.url.replace("http://", "http://me:s3cret@"))
    observer = RecordingObserver()

    toolbox(tmp_path, pin).obtain(observer)

    assert [f"{PATH}{ASSET}", f"/elsewhere{PATH}{ASSET}"] == served.asked
    assert ["Basic bWU6czNjcmV0", None] == [headers.get("authorization") for headers in served.headers]
    assert "s3cret" not in " ".join(observer.messages + observer.lines)


def test_a_proxy_is_used_and_hosts_without_one_are_not_asked_through_it(served: Releases, tmp_path: Path) -> None:
    pin = replace(served.pin(ASSET), url=f"http://releases.example{PATH}{ASSET}")

    toolbox(tmp_path, pin, HTTP_PROXY=f"http://user:word@{served.url.removeprefix('http://')}").obtain(
        RecordingObserver()
    )

    assert [pin.url] == served.asked
    assert "Basic dXNlcjp3b3Jk" == served.headers[0]["proxy-authorization"]
    direct = toolbox(tmp_path / "other", served.pin(ASSET), ALL_PROXY="http://127.0.0.1:9", no_proxy="127.0.0.1")
    assert "0.73.0" == direct.obtain(RecordingObserver()).version


def test_a_proxy_that_is_not_understood_is_said_at_once(served: Releases, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="speaks SOCKS"):
        toolbox(tmp_path, served.pin(ASSET), ALL_PROXY="socks5h://127.0.0.1:9").obtain(RecordingObserver())

    assert [] == served.asked


def test_a_mirror_can_be_named(served: Releases, tmp_path: Path) -> None:
    env = {"PATH": "/nothing", "HOME": str(tmp_path), **without_proxies(), "WETLANDS_TOOLS_MIRROR": served.mirror}
    box = Toolbox("pixi", env=env, folder=tmp_path, platform="linux-64")

    with pytest.raises(DownloadError, match="is not pixi-x86_64"):  # ours has another hash, of course
        box.obtain(RecordingObserver())

    assert [f"{PATH}{ASSET}"] == served.asked


@pytest.mark.parametrize("variable", ["CONDA_OFFLINE", "PIXI_OFFLINE"])
def test_that_the_network_is_turned_off_is_said_and_nothing_is_asked(
    served: Releases, tmp_path: Path, variable: str
) -> None:
    with pytest.raises(DownloadError, match=r"pixi is not on this machine.*the network is turned off"):
        toolbox(tmp_path, served.pin(ASSET), conda_path=None, **{variable: "true"}).obtain(RecordingObserver())

    assert [] == served.asked


def test_a_machine_without_network_says_so_with_the_ways_out(tmp_path: Path) -> None:
    with releases(BODY) as gone:
        pin = gone.pin(ASSET)

    with pytest.raises(DownloadError, match=r"Connection refused.*Check the network and the proxies"):
        toolbox(tmp_path, pin).obtain(RecordingObserver())


def test_a_cancellation_is_heard_while_the_server_is_silent(served: Releases, tmp_path: Path) -> None:
    served.fault = "hold"
    observer = RecordingObserver(stop_when=lambda _: served.holding.is_set())

    with pytest.raises(ProvisioningCanceledError, match="download of"):
        toolbox(tmp_path, served.pin(ASSET)).obtain(observer)

    assert not served.release.is_set()
    assert [f".0.73.0-{ASSET}.part"] == left_in(tmp_path / "tools")


def test_an_error_of_the_observer_ends_the_download(served: Releases, tmp_path: Path) -> None:
    class Saboteur(RecordingObserver):
        def progress(self, progress: object) -> None:
            raise RuntimeError("the listener broke")

    with pytest.raises(RuntimeError, match="the listener broke"):
        toolbox(tmp_path, served.pin(ASSET)).obtain(Saboteur())


def test_of_installers_at_the_same_time_one_downloads(served: Releases, tmp_path: Path) -> None:
    waiting = threading.Semaphore(0)

    class Announcing(RecordingObserver):
        def stage(self, stage: str, message: str) -> None:
            super().stage(stage, message)
            if stage == "waiting":
                waiting.release()

    def wait_for_the_others() -> None:
        assert all(waiting.acquire(timeout=20) for _ in range(3))

    served.during = wait_for_the_others
    observers = [Announcing() for _ in range(4)]
    found = []

    def obtain(observer: RecordingObserver) -> None:
        found.append(toolbox(tmp_path, served.pin(ASSET)).obtain(observer))

    threads = [threading.Thread(target=obtain, args=(observer,)) for observer in observers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert 4 == len(found)
    assert 1 == len(served.asked)
    said = [message for observer in observers for message in observer.messages if "waiting for it" in message]
    assert [True] * 3 == ["is installing pixi" in message for message in said]


def test_an_installer_that_is_killed_leaves_nothing_in_the_way(served: Releases, tmp_path: Path) -> None:
    served.fault = "hold"
    pin = served.pin(ASSET)
    source = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path\n"
        "from backends import RecordingObserver\n"
        "from wetlands._backends.tools.pins import Pin\n"
        "from wetlands._backends.tools.toolbox import Toolbox\n"
        f"pin = {pin!r}\n"
        f"env = {{'PATH': '/nothing', 'HOME': {str(tmp_path)!r}}}\n"
        f"box = Toolbox('pixi', env=env, folder=Path({str(tmp_path / 'tools')!r}), platform='linux-64', pin=pin)\n"
        "box.obtain(RecordingObserver())\n"
    )
    tests = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-c", source, str(tests), str(tests.parent / "src")])
    assert served.holding.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    served.release.set()
    served.fault = ""
    staged = tmp_path / "tools" / "pixi-0.73.0" / "bin" / ".staged-0000"
    staged.write_bytes(b"half an executable")

    assert "0.73.0" == toolbox(tmp_path, pin).obtain(RecordingObserver()).version
    assert ["pixi"] == left_in(tmp_path / "tools")


def test_a_tool_that_is_there_is_left_as_it_is_by_a_failure(served: Releases, tmp_path: Path) -> None:
    mine = tmp_path / "pixi" / "bin" / "pixi"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(program("pixi 0.12.0"))
    mine.chmod(0o755)

    with pytest.raises(ProvisioningError, match=r"pixi 0\.12\.0, and this library works with versions from 0\.55"):
        toolbox(tmp_path, served.pin(ASSET), conda_path=tmp_path / "pixi").obtain(RecordingObserver())

    assert [] == served.asked
    assert program("pixi 0.12.0") == mine.read_bytes()


@pytest.mark.parametrize(
    "words, taken", [("pixi 0.77.0", True), ("pixi 0.54.2", False), ("pixi 3.0.0", False), ("hello", False)]
)
def test_the_tool_on_path_is_taken_when_its_version_is_accepted(
    served: Releases, tmp_path: Path, words: str, *, taken: bool
) -> None:
    (tmp_path / "pixi").write_bytes(program(words))
    (tmp_path / "pixi").chmod(0o755)
    observer = RecordingObserver()
    box = toolbox(tmp_path, served.pin(ASSET), PATH=str(tmp_path))

    found = box.obtain(observer)

    assert taken == (found.path == tmp_path / "pixi")
    assert taken == (served.asked == [])
    assert taken or str(tmp_path / "pixi") in observer.lines[0]


def test_what_is_no_program_is_said_with_what_it_said(served: Releases, tmp_path: Path) -> None:
    broken = tmp_path / "pixi"
    broken.write_bytes(b"#!/bin/sh\necho 'wrong machine' >&2\nexit 3\n")
    broken.chmod(0o755)

    with pytest.raises(ProvisioningError, match="exit code 3 and said: wrong machine"):
        toolbox(tmp_path, served.pin(ASSET), conda_path=broken).find()
