"""Real conda environments from the channel of the tests, built by the real engine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from backends import RecordingObserver
from conda_builds import backend, build, install, run, versions
from conda_server import served, wait_for_downloads
from projects import write_project
from wetlands._backends.existing import adopt
from wetlands._backends.prefix import python_version
from wetlands._backends.uv import UvBackend
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.exceptions import ProvisioningCanceledError, ProvisioningError, UnsatisfiableError
from wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._spec import Dependencies

pytestmark = pytest.mark.integration

ASK_VERSIONS = "import greeter, helper; print(greeter.VERSION, helper.VERSION)"


def test_conda_packages_come_with_what_they_need_into_a_path_with_blanks_and_accents(
    channel: Channel, tmp_path: Path
) -> None:
    prefix = build(channel, {"conda": ["greeter=1.*"]}, tmp_path / "prefix (of é)" / "1")

    assert "1.1 1.5" == run(prefix, ASK_VERSIONS)
    assert {"greeter": "1.1", "helper": "1.5"} == versions(prefix)


@pytest.mark.parametrize("number", [0, -1])
def test_python_is_the_one_that_was_asked_for(channel: Channel, tmp_path: Path, number: int) -> None:
    wanted = channel.pythons[number]
    minor = ".".join(wanted.split(".")[:2])

    prefix = build(channel, {"python": minor, "channels": ["conda-forge"]}, tmp_path / "prefix")

    assert wanted == python_version(adopt(prefix))
    assert minor == run(prefix, "import sys; print('%d.%d' % sys.version_info[:2])")


def test_commands_of_packages_find_their_python_whatever_the_path(channel: Channel, tmp_path: Path) -> None:
    prefix = build(channel, {"conda": ["herald"]}, tmp_path / "prefix (of é)")

    answer = subprocess.run([prefix / "bin" / "herald"], capture_output=True, text=True, check=True, timeout=60)
    assert "herald 1.0" == answer.stdout.strip()


def test_a_placeholder_in_a_file_becomes_the_prefix(channel: Channel, tmp_path: Path) -> None:
    prefix = build(channel, {"conda": ["compass"]}, tmp_path / "prefix é")

    assert f"{prefix}/share\n" == (prefix / "share" / "compass" / "home.txt").read_text(encoding="utf-8")


def test_scripts_of_packages_are_not_run_and_that_is_said(channel: Channel, tmp_path: Path) -> None:
    observer = RecordingObserver()

    prefix = build(channel, {"conda": ["mischief"]}, tmp_path / "prefix", observer)

    assert not (prefix / "mischief-was-here").exists()
    assert [] != [line for line in observer.lines if ".mischief-post-link.sh was not run" in line]


@pytest.mark.parametrize("first, expected", [("conda-forge", "2.0"), ("other", "9.0")])
def test_of_a_package_only_the_first_channel_that_has_it_counts(
    channel: Channel, tmp_path: Path, first: str, expected: str
) -> None:
    channels = sorted(["conda-forge", str(channel.other)], key=lambda name: not name.endswith(first))

    prefix = build(
        channel, {"conda": ["greeter", "novelty"], "channels": [*channels, "nodefaults"]}, tmp_path / "prefix"
    )

    assert {"greeter": expected, "novelty": "1.0"}.items() <= versions(prefix).items()


def test_a_package_can_name_its_channel(channel: Channel, tmp_path: Path) -> None:
    recipe: Dependencies = {"conda": [f"{channel.other.as_uri()}::greeter", "pebble"]}

    prefix = build(channel, recipe, tmp_path / "prefix")

    assert {"greeter": "9.0", "pebble": "1.0"} == versions(prefix)


def test_a_channel_may_be_a_folder_beside_the_recipe(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "my channels").symlink_to(channel.other.parent)

    prefix = build(channel, {"conda": ["novelty"], "channels": ["./my channels/other"]}, tmp_path / "prefix")

    assert {"novelty": "1.0"} == versions(prefix)


def test_a_package_without_its_dependencies_comes_alone(channel: Channel, tmp_path: Path) -> None:
    recipe: Dependencies = {"conda": ["pebble", {"name": "lonely", "dependencies": False}]}

    prefix = build(channel, recipe, tmp_path / "prefix")

    assert {"lonely": "1.0", "pebble": "1.0"} == versions(prefix)
    assert "1.0" == run(prefix, "import lonely; print(lonely.VERSION)")


def test_packages_from_pypi_see_those_of_conda(channel: Channel, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "guest", requires=["helper>=1.5,<2"])
    project = tmp_path / "source"
    write_project(project, "mine", requires="guest")
    recipe: Dependencies = {
        "conda": ["helper<2"],
        "pip": [f"guest @ {wheel.as_uri()}"],
        "local": [{"name": "mine", "path": str(project)}],
    }

    prefix = build(channel, recipe, tmp_path / "prefix é")

    assert {"guest": "1.0", "helper": "1.5", "mine": "1.0"} == versions(prefix)
    assert "hello" == run(prefix, "import guest, mine; print(mine.WORD)")


def test_two_environments_with_conflicting_versions_are_built_at_the_same_time(
    channel: Channel, tmp_path: Path
) -> None:
    recipes: dict[str, Dependencies] = {"old": {"conda": ["greeter=1.*"]}, "new": {"conda": ["greeter=2.*"]}}
    builders = [
        threading.Thread(target=build, args=(channel, recipe, tmp_path / name)) for name, recipe in recipes.items()
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)

    assert "1.1 1.5" == run(tmp_path / "old", ASK_VERSIONS)
    assert "2.0 2.0" == run(tmp_path / "new", ASK_VERSIONS)


def test_nothing_of_the_engine_runs_when_nothing_is_built(channel: Channel, tmp_path: Path) -> None:
    build(channel, {"conda": ["pebble"]}, tmp_path / "prefix")

    assert [] == [thread.name for thread in threading.enumerate() if "conda" in thread.name]


def test_what_cannot_be_satisfied_is_told_with_what_to_leave_out(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(UnsatisfiableError) as refused:
        build(channel, {"conda": ["greeter=1.*", "farewell", "pebble"]}, tmp_path / "prefix")

    assert ("farewell", "greeter 1.*", "pebble") == refused.value.requirements
    assert 1 == len(refused.value.droppable)
    assert refused.value.droppable[0] in {"farewell", "greeter 1.*"}
    assert "helper >=2" in str(refused.value)
    assert not (tmp_path / "prefix").exists()


def test_the_token_of_a_channel_is_not_shown(channel: Channel, tmp_path: Path) -> None:
    with served(channel.main.parent) as server:
        private = f"{server.url.replace('//', '//me:s3cret@')}/{channel.main.name}"
        recipe: Dependencies = {"conda": [f"{private}::absent"], "channels": [private, "nodefaults"]}

        with pytest.raises(UnsatisfiableError, match="absent") as refused:
            build(channel, recipe, tmp_path / "prefix", RATTLER_CACHE_DIR=str(tmp_path / "cache"))

    assert "s3cret" not in f"{refused.value}{refused.value.requirements}{refused.value.droppable}"


@pytest.mark.parametrize("package, virtual", [("thunder", "__cuda >=11"), ("glacier", "__glibc >=99")])
def test_what_this_machine_lacks_is_named(channel: Channel, tmp_path: Path, package: str, virtual: str) -> None:
    with pytest.raises(
        UnsatisfiableError, match=r"Packages need .* of this machine, which has .*CONDA_OVERRIDE"
    ) as refused:
        build(channel, {"conda": ["pebble", package]}, tmp_path / "prefix")

    assert (virtual,) == refused.value.virtual_packages
    assert (package,) == refused.value.droppable


def test_installing_keeps_what_was_asked_for_before(channel: Channel, tmp_path: Path) -> None:
    prefix = build(channel, {"conda": ["greeter=1.0"]}, tmp_path / "prefix")

    install(channel, {"conda": ["pebble"]}, prefix)
    assert {"greeter": "1.0", "helper": "1.5", "pebble": "1.0"} == versions(prefix)

    with pytest.raises(UnsatisfiableError, match=r"greeter 1\.0\.\* \(installed\)"):
        install(channel, {"conda": ["farewell"]}, prefix)
    assert "1.0 1.5" == run(prefix, ASK_VERSIONS)


def test_conda_packages_are_not_added_to_a_virtual_environment(channel: Channel, tmp_path: Path) -> None:
    spec = parse({}, platform=current_platform(), base=tmp_path)
    UvBackend(os.environ, base=tmp_path).build(spec, tmp_path / "prefix", RecordingObserver())

    with pytest.raises(ProvisioningError, match="is a virtual environment, to which conda packages cannot be added"):
        install(channel, {"conda": ["pebble"]}, tmp_path / "prefix")


def test_a_damaged_record_of_a_package_is_named(channel: Channel, tmp_path: Path) -> None:
    prefix = build(channel, {"conda": ["pebble"]}, tmp_path / "prefix")
    record = next(prefix.glob("conda-meta/pebble-*.json"))
    record.write_text("{", encoding="utf-8")

    with pytest.raises(ProvisioningError, match=r"pebble-1\.0-h_0\.json cannot be read.*build it anew"):
        install(channel, {"conda": ["helper"]}, prefix)


def test_progress_counts_what_is_downloaded_and_linked(channel: Channel, tmp_path: Path) -> None:
    observer = RecordingObserver()

    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["boulder"], "channels": [server.url, "nodefaults"]}
        build(channel, recipe, tmp_path / "prefix", observer, RATTLER_CACHE_DIR=str(tmp_path / "cache"))

    assert ["create", "solve", "download", "link"] == sorted(
        set(observer.stages), key=["create", "solve", "download", "link"].index
    )
    downloads = [step for step in observer.steps if step.stage == "download"]
    links = [step for step in observer.steps if step.stage == "link"]
    assert downloads[-1].current == downloads[-1].maximum > 10_000_000
    assert sorted(step.current for step in downloads) == [step.current for step in downloads]
    assert (2, 2, "packages") == (links[-1].current, links[-1].maximum, links[-1].unit)


def test_with_a_full_cache_nothing_is_asked_of_the_network(channel: Channel, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    with served(channel.main) as server:
        recipe: Dependencies = {"conda": ["pebble"], "channels": [server.url, "nodefaults"]}
        build(channel, recipe, tmp_path / "first", RATTLER_CACHE_DIR=cache)

    prefix = build(channel, recipe, tmp_path / "second", RATTLER_CACHE_DIR=cache, CONDA_OFFLINE="1")

    assert {"pebble": "1.0"} == versions(prefix)


def test_credentials_are_taken_from_the_file_of_rattler(channel: Channel, tmp_path: Path) -> None:
    login = tmp_path / "credentials.json"
    login.write_text(
        json.dumps({"127.0.0.1": {"BasicHTTP": {"username": "me", "password": "s3cret"}}}), encoding="utf-8"
    )
    with served(channel.main) as server:
        server.login = "me:s3cret"
        recipe: Dependencies = {"conda": ["pebble"], "channels": [server.url, "nodefaults"]}

        prefix = build(
            channel,
            recipe,
            tmp_path / "prefix",
            RATTLER_CACHE_DIR=str(tmp_path / "cache"),
            RATTLER_AUTH_FILE=str(login),
        )

    assert {"pebble": "1.0"} == versions(prefix)


def test_channels_are_where_conda_is_configured_to_look_for_them(channel: Channel, tmp_path: Path) -> None:
    condarc = f"custom_channels:\n  other: {channel.other.parent.as_uri()}\n"
    (tmp_path / ".condarc").write_text(condarc, encoding="utf-8")

    prefix = build(channel, {"conda": ["novelty"], "channels": ["other"]}, tmp_path / "prefix")

    assert {"novelty": "1.0"} == versions(prefix)


def test_a_proxy_that_was_set_is_used(channel: Channel, tmp_path: Path) -> None:
    with served(channel.main) as proxy:
        recipe: Dependencies = {"conda": ["pebble"], "channels": ["http://channel.invalid/", "nodefaults"]}

        prefix = build(
            channel, recipe, tmp_path / "prefix", HTTP_PROXY=proxy.url, RATTLER_CACHE_DIR=str(tmp_path / "cache")
        )

    assert {"pebble": "1.0"} == versions(prefix)


@pytest.mark.parametrize("stage, steps", [("create", 0), ("solve", 0), *(("link", steps) for steps in range(5))])
def test_a_build_is_cancelled_at_any_moment_and_nothing_is_written_afterwards(
    channel: Channel, tmp_path: Path, stage: str, steps: int
) -> None:
    observer = RecordingObserver(stop_when=lambda seen: stage in seen.stages and len(seen.steps) >= steps)

    with pytest.raises(ProvisioningCanceledError):
        build(channel, {"conda": ["boulder", "greeter", "herald", "lamp"]}, tmp_path / "prefix", observer)

    before = sorted((tmp_path / "prefix").rglob("*"))
    asyncio.run(asyncio.sleep(0.2))
    assert before == sorted((tmp_path / "prefix").rglob("*"))


def test_a_build_is_cancelled_in_the_middle_of_a_download(channel: Channel, tmp_path: Path) -> None:
    with served(channel.main) as server:
        server.fail("*/python-*", "hold")
        recipe: Dependencies = {"conda": ["pebble"], "channels": [server.url, "nodefaults"]}
        observer = RecordingObserver(stop_when=lambda _: server.holding.is_set())

        with pytest.raises(ProvisioningCanceledError):
            build(channel, recipe, tmp_path / "prefix", observer, RATTLER_CACHE_DIR=str(tmp_path / "cache"))
    wait_for_downloads(tmp_path)


def test_solving_writes_nothing_into_the_prefix(channel: Channel, tmp_path: Path) -> None:
    from wetlands._backends.conda.settings import open_engine

    env = {**os.environ, **channel.variables}
    spec = parse({"conda": ["greeter"]}, platform=current_platform(), base=tmp_path)

    found = backend(channel, tmp_path).solve(
        spec, open_engine(env, base=tmp_path), tmp_path / "prefix", RecordingObserver()
    )

    assert {"greeter", "helper", "python"} == {record.name.normalized for record in found.records}
    assert not (tmp_path / "prefix").exists()
