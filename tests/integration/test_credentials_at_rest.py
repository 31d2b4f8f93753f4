"""What lies on disk after a build whose addresses held credentials: nothing of these.

The one exception is rattler's cache of channel indexes, which lies in the user's own folder and is not ours.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from conda_builds import versions
from conda_server import served
from registry import without_proxies
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import DownloadError
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from conda_server import Served
    from wetlands._spec import Dependencies

pytestmark = pytest.mark.integration

LOGIN = "me:s3cret"
TOKEN = "to-ken-77"  # noqa: S105 - no secret of anybody


@pytest.fixture
def server(channel: Channel, tmp_path: Path) -> Iterator[Served]:
    """The channel behind a login and a token, and a wheel behind the login."""
    folder = tmp_path / "served"
    shutil.copytree(channel.main, folder / "t" / TOKEN / "private", copy_function=os.link)
    shutil.copytree(channel.main, folder / "private", copy_function=os.link)
    write_wheel(folder / "wheels", "guest")
    with served(folder) as running:
        running.login = LOGIN
        yield running


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnvironmentManager]:
    for name, value in without_proxies().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    with EnvironmentManager(tmp_path / "instance", debug=True) as made:
        yield made


def private(server: Served) -> str:
    return f"{server.url.replace('//', f'//{LOGIN}@')}/t/{TOKEN}/private"


def recipe(server: Served) -> Dependencies:
    address = server.url.replace("//", f"//{LOGIN}@")
    return {
        "conda": [f"{private(server)}::herald"],
        "channels": [private(server), "nodefaults"],
        "pip": [f"guest @ {address}/wheels/guest-1.0-py3-none-any.whl"],
    }


def files_with(folder: Path, *words: str) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    ]


def test_no_file_of_the_instance_and_no_package_of_the_cache_holds_them(
    manager: EnvironmentManager, server: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="wetlands")

    environment = manager.create("tools", recipe(server))

    assert environment.path is not None
    assert {"guest": "1.0", "herald": "1.0"} == versions(environment.path)
    manager.exit()
    assert [] == files_with(tmp_path / "instance", "s3cret", TOKEN)
    assert [] == files_with(tmp_path / "cache" / "pkgs", "s3cret", TOKEN)
    assert [] == files_with(tmp_path / "uv-cache", "s3cret", TOKEN)
    assert "s3cret" not in caplog.text
    assert TOKEN not in caplog.text
    assert "not stored" in caplog.text


def test_the_same_recipe_finds_its_environment_also_with_another_password(
    manager: EnvironmentManager, server: Served
) -> None:
    made = manager.create("tools", recipe(server))
    changed = json.loads(json.dumps(recipe(server)).replace("s3cret", "n3w").replace(TOKEN, "other"))

    assert made is manager.create("tools", recipe(server))
    assert made is manager.create("tools", changed)


def test_packages_can_be_added_from_the_same_channel(manager: EnvironmentManager, server: Served) -> None:
    environment = manager.create("tools", recipe(server))

    manager.install(environment, {"conda": ["pebble"], "channels": [private(server), "nodefaults"]})

    assert environment.path is not None
    assert {"guest": "1.0", "herald": "1.0", "pebble": "1.0"} == versions(environment.path)


def test_an_update_asks_with_what_the_tools_were_given_and_says_when_that_is_refused(
    manager: EnvironmentManager, server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pip = {key: value for key, value in recipe(server).items() if key != "pip"}
    environment = manager.create("tools", without_pip)  # type: ignore[arg-type]  # the keys are those of a recipe
    before = environment.path

    with pytest.raises(DownloadError, match=r"refuses access .*RATTLER_AUTH_FILE"):
        manager.update_environment(environment)
    assert before == environment.path

    login = tmp_path / "credentials.json"
    login.write_text(json.dumps({"127.0.0.1": {"BasicHTTP": {"username": "me", "password": "s3cret"}}}))
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(login))
    manager.update_environment(environment)
    assert before != environment.path
