"""Real environments, built by the real uv."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from backends import RecordingObserver
from projects import write_project
from registry import Index, server, without_proxies
from wetlands._backends.existing import adopt
from wetlands._backends.inventory import installed_packages
from wetlands._backends.prefix import python_version
from wetlands._backends.uv import UvBackend
from wetlands._launch.activation import activate
from wetlands._platform.names import current_platform
from wetlands._spec import parse
from wetlands.exceptions import (
    CommandFailedError,
    InterpreterNotFoundError,
    ProvisioningCanceledError,
    UnsupportedPythonError,
)
from wheels import write_wheel

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from wetlands._spec import Dependencies
    from wetlands._spec.dependencies import RequirementDict

pytestmark = pytest.mark.integration
network = pytest.mark.network


def build(dependencies: Dependencies, prefix: Path, **variables: str) -> Path:
    """Build an environment with these variables besides ours, and return its interpreter."""
    return build_watched(dependencies, prefix, RecordingObserver(), **variables)


def build_watched(dependencies: Dependencies, prefix: Path, observer: RecordingObserver, **variables: str) -> Path:
    spec = parse(dependencies, platform=current_platform(), base=prefix.parent)
    UvBackend({**os.environ, **variables}, base=prefix.parent).build(spec, prefix, observer)
    return adopt(prefix).python


def run(python: Path, source: str) -> str:
    command = [str(python), "-I", "-c", source]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def names_in(prefix: Path) -> list[str]:
    return [package["name"] for package in installed_packages(adopt(prefix))]


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


@network
def test_packages_come_from_the_registry_into_a_path_with_blanks_and_accents(tmp_path: Path) -> None:
    python = build({"pip": ["six==1.16.0", "iniconfig"]}, tmp_path / "prefix (of é)" / "1")

    assert "1.16.0" == run(python, "import iniconfig, six; print(six.__version__)")
    assert ["iniconfig", "six"] == names_in(tmp_path / "prefix (of é)" / "1")


def test_commands_of_packages_run_from_a_path_with_blanks_and_accents(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_project(source, "mine")
    prefix = tmp_path / "prefix (of é)"
    build({"local": [{"name": "mine", "path": str(source)}]}, prefix)

    env = activate(adopt(prefix), os.environ)
    answer = subprocess.run(["greet-mine"], env=env, capture_output=True, text=True, check=True, timeout=60)
    assert "hello" == answer.stdout.strip()


def test_an_environment_is_built_on_each_python_of_this_machine(interpreter: Path, tmp_path: Path) -> None:
    wanted = run(interpreter, "import platform; print(platform.python_version())")
    minor = ".".join(wanted.split(".")[:2])
    wheel = write_wheel(tmp_path, "greeter")

    python = build({"python": f"{minor}.*", "pip": [f"greeter @ {wheel.as_uri()}"]}, tmp_path / "prefix")

    assert minor == run(python, "import greeter, sys; print('%d.%d' % sys.version_info[:2])")
    assert (python_version(adopt(tmp_path / "prefix")) or "").startswith(f"{minor}.")


def test_a_python_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InterpreterNotFoundError) as refused:
        build({"python": ">=3.99"}, tmp_path / "prefix")

    assert any(one.startswith(f"{platform.python_version()} at ") for one in refused.value.found)
    assert not (tmp_path / "prefix").exists()


def test_extras_bring_what_they_stand_for_and_markers_leave_out_what_is_not_for_here(tmp_path: Path) -> None:
    extra = write_wheel(tmp_path, "extra")
    main = write_wheel(tmp_path, "main", requires=["extra ; extra == 'more'"])
    here: list[str | RequirementDict] = [
        f"main[more] @ {main.as_uri()}",
        f"absent @ {extra.as_uri()} ; python_version < '3'",
    ]

    build({"pip": here}, tmp_path / "prefix", UV_FIND_LINKS=str(tmp_path), UV_OFFLINE="1")

    assert ["extra", "main"] == names_in(tmp_path / "prefix")


def test_a_package_without_its_dependencies_comes_alone(tmp_path: Path) -> None:
    wheels = [write_wheel(tmp_path, "alone", requires=["not-on-any-index"]), write_wheel(tmp_path, "other")]
    alone, other = (f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}" for wheel in wheels)

    build({"pip": [{"name": alone, "dependencies": False}, other]}, tmp_path / "prefix", UV_OFFLINE="1")

    assert ["alone", "other"] == names_in(tmp_path / "prefix")


@pytest.mark.parametrize("editable, expected", [(True, "changed"), (False, "hello")])
def test_an_edit_of_a_local_package_is_seen_at_once_only_where_it_is_editable(
    tmp_path: Path, editable: bool, expected: str
) -> None:
    module = write_project(tmp_path / "my (é) project", "mine")
    local: Dependencies = {"local": [{"name": "mine", "path": "my (é) project", "editable": editable}]}
    python = build(local, tmp_path / "prefix")

    module.write_text("WORD = 'changed'\n", encoding="utf-8")

    assert expected == run(python, "import mine; print(mine.WORD)")


def test_a_local_package_is_built_from_the_sources_as_they_are_now(tmp_path: Path) -> None:
    module = write_project(tmp_path / "mine", "mine")
    local: Dependencies = {"local": [{"name": "mine", "path": "mine", "editable": False}]}
    build(local, tmp_path / "first")

    module.write_text("WORD = 'changed'\n", encoding="utf-8")

    assert "changed" == run(build(local, tmp_path / "second"), "import mine; print(mine.WORD)")


@pytest.mark.parametrize("editable", [True, False])
def test_a_local_package_brings_its_dependencies(tmp_path: Path, editable: bool) -> None:
    write_wheel(tmp_path / "wheels", "needed")
    write_project(tmp_path / "mine", "mine", requires="needed")
    local: Dependencies = {"local": [{"name": "mine", "path": "mine", "editable": editable}]}

    build(local, tmp_path / "prefix", UV_FIND_LINKS=str(tmp_path / "wheels"), UV_OFFLINE="1")

    assert ["mine", "needed"] == names_in(tmp_path / "prefix")


def test_what_belongs_to_the_place_the_program_was_started_from_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = '[project]\nname = "host"\nversion = "1"\nrequires-python = ">=3.99"\n[tool.uv]\nno-index = true\n'
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    (tmp_path / "uv.toml").write_text("this is no setting of uv\n", encoding="utf-8")
    (tmp_path / ".python-version").write_text("3.99\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    hostile = {
        name: str(tmp_path / "elsewhere")
        for name in (
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "PYTHONHOME",
            "PYTHONPATH",
            "UV_PROJECT_ENVIRONMENT",
            "UV_WORKING_DIR",
        )
    }

    with server(Index(tmp_path / "wheels")) as address:
        python = build(
            {"pip": ["greeter"]},
            tmp_path / "wetlands" / "envs" / "1",
            **{**hostile, **without_proxies(), "UV_DEFAULT_INDEX": f"{address}/simple", "UV_PYTHON": "3.99"},
        )

    assert "1.0" == run(python, "import greeter; print(greeter.VERSION)")
    assert not (tmp_path / "elsewhere").exists()


def test_the_index_settings_of_the_user_are_respected(tmp_path: Path) -> None:
    index = Index(tmp_path / "wheels")
    settings = tmp_path / "config" / "uv" / "uv.toml"
    settings.parent.mkdir(parents=True)
    with server(index) as address:
        settings.write_text(f'index-url = "{address}/private/simple"\n', encoding="utf-8")
        folder = str(tmp_path / "config")
        build({"pip": ["greeter"]}, tmp_path / "prefix", **without_proxies(), XDG_CONFIG_HOME=folder, APPDATA=folder)

    assert "/private/simple/greeter/" in index.asked


def test_proxies_are_used(tmp_path: Path) -> None:
    proxy = Index(tmp_path / "wheels")
    with server(proxy) as address:
        variables = {**without_proxies(), "HTTP_PROXY": address, "UV_DEFAULT_INDEX": "http://index.invalid/simple"}
        build({"pip": ["greeter"]}, tmp_path / "prefix", **variables)

    assert "http://index.invalid/simple/greeter/" in proxy.asked


def test_a_requirement_that_cannot_be_met_is_told_in_the_words_of_uv(tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "greeter", "1.0")

    with pytest.raises(CommandFailedError, match=r"greeter>=99") as failure:
        build({"pip": ["greeter>=99"]}, tmp_path / "prefix", UV_FIND_LINKS=str(tmp_path / "wheels"), UV_NO_INDEX="1")

    assert 0 != failure.value.exit_code
    assert "uv pip install" in failure.value.command


def test_an_index_out_of_reach_is_named_with_advice_and_without_credentials(tmp_path: Path) -> None:
    with server(lambda request: request.send_error(404)) as address:
        pass  # closed again: nobody listens there
    unreachable = address.replace("//", "//me:s3cret@").replace("127.0.0.1", "localhost") + "/simple"
    observer = RecordingObserver()

    with pytest.raises(CommandFailedError) as failure:
        build_watched(
            {"pip": ["greeter"]},
            tmp_path / "prefix",
            observer,
            **{**without_proxies(), "UV_DEFAULT_INDEX": unreachable, "UV_HTTP_RETRIES": "0"},
        )

    assert "localhost could not be reached" in str(failure.value)
    assert "set_proxies(" in failure.value.advice
    assert "s3cret" not in str(failure.value) + "".join(observer.lines)


@pytest.mark.parametrize("interrupt", [False, True], ids=["cancelled", "interrupted"])
def test_a_build_that_waits_for_the_network_is_stopped_and_leaves_no_process(tmp_path: Path, interrupt: bool) -> None:
    asked, over = threading.Event(), threading.Event()

    def never_answer(_: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(60)

    def stop(_: RecordingObserver) -> bool:
        if interrupt and asked.is_set():
            raise KeyboardInterrupt
        return asked.is_set()

    with server(never_answer) as address:
        try:
            with pytest.raises(KeyboardInterrupt if interrupt else ProvisioningCanceledError):
                build_watched(
                    {"pip": ["greeter"]},
                    tmp_path / "prefix",
                    RecordingObserver(stop_when=stop),
                    **{**without_proxies(), "UV_DEFAULT_INDEX": f"{address}/simple"},
                )
            assert [] == children()
        finally:
            over.set()


def test_a_cache_on_another_device_is_copied_from(tmp_path: Path) -> None:
    shared = Path("/dev/shm")  # the one other device that most Linux machines have
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other device to put a cache on")
    cache = shared / f"uv-cache-{tmp_path.parent.name}-{tmp_path.name}"
    wheel = write_wheel(tmp_path, "greeter")
    try:
        python = build({"pip": [f"greeter @ {wheel.as_uri()}"]}, tmp_path / "prefix", UV_CACHE_DIR=str(cache))
        assert "1.0" == run(python, "import greeter; print(greeter.VERSION)")
    finally:
        subprocess.run(["rm", "-rf", str(cache)], check=True)


def test_installing_keeps_what_is_there_and_leaves_no_file_of_ours(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    first, second = (f"{name} @ {write_wheel(tmp_path, name).as_uri()}" for name in ("first", "second"))
    build({"pip": [first]}, prefix)

    spec = parse({"pip": [second]}, platform=current_platform(), base=tmp_path)
    UvBackend(os.environ, base=tmp_path).install(spec, prefix, RecordingObserver())

    assert ["first", "second"] == names_in(prefix)
    assert [] == list(prefix.glob(".wetlands-*"))


def test_a_relative_prefix_is_that_of_our_folder_and_not_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    build({"pip": [f"greeter @ {write_wheel(tmp_path, 'greeter').as_uri()}"]}, Path("envs/1"))

    assert ["greeter"] == names_in(tmp_path / "envs" / "1")


def test_credentials_of_an_address_are_in_no_message_and_no_error(tmp_path: Path) -> None:
    observer = RecordingObserver()
    with server(lambda request: request.send_error(404)) as address:
        wheel = f"{address.replace('//', '//me:s3cret@')}/greeter-1.0-py3-none-any.whl"
        with pytest.raises(CommandFailedError) as failure:
            build_watched({"pip": [f"greeter @ {wheel}"]}, tmp_path / "prefix", observer, **without_proxies())

    assert any("greeter @ http://***@" in message for message in observer.messages)
    assert "s3cret" not in "".join([*observer.messages, *observer.lines, str(failure.value)])


def test_a_python_too_old_for_workers_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedPythonError):
        build({"python": "3.7"}, tmp_path / "prefix")

    assert [] == list(tmp_path.iterdir())
