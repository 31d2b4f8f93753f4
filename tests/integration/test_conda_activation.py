"""What the activation scripts of conda packages do reaches workers and commands, and a shell is started once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from conda_builds import build
from fake_backend import external
from wetlands import EnvironmentManager
from wetlands._backends.existing import adopt
from wetlands._launch import activation_scripts
from wetlands._launch.activation_scripts import with_scripts
from wetlands.exceptions import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conda_channel import Channel
    from wetlands._backends.prefix import Prefix

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_scripts, "_MEMORY", {})


@pytest.fixture
def prefix(channel: Channel, tmp_path: Path) -> Prefix:
    return adopt(build(channel, {"conda": ["lamp"]}, tmp_path / "prefix (of é)"))


@pytest.fixture
def manager(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnvironmentManager]:
    for name, value in channel.variables.items():
        monkeypatch.setenv(name, value)
    with EnvironmentManager(tmp_path / "instance (of é)") as running:
        yield running


def lamp_of(prefix: Prefix) -> Path:
    return prefix.path / "etc" / "conda" / "activate.d" / "lamp.sh"


def test_variables_of_the_scripts_are_captured_as_they_are(prefix: Prefix) -> None:
    env = with_scripts(prefix, {**os.environ, "LAMP_OLD": "1"}, keep=False)

    assert "on at " == env["LAMP_STATE"]  # the variables of the prefix were not given
    assert 'two\nlines, and $(no) "command"' == env["LAMP_WORDS"]
    assert "LAMP_OLD" not in env
    assert env["PATH"].endswith(os.environ["PATH"])
    assert [] == list(prefix.path.glob(".wetlands-*"))


def test_a_shell_is_started_once_for_a_generation(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**os.environ, "CONDA_PREFIX": str(prefix.path)}
    first = with_scripts(prefix, env, keep=True)
    monkeypatch.setattr(activation_scripts, "_MEMORY", {})  # another process
    monkeypatch.setattr(activation_scripts, "run_tool", None)

    assert first == with_scripts(prefix, env, keep=True)
    assert f"on at {prefix.path}" == first["LAMP_STATE"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_script_that_changed_is_run_again(prefix: Prefix, keep: bool) -> None:
    with_scripts(prefix, os.environ, keep=keep)
    script = lamp_of(prefix)
    script.unlink()  # it is a hard link into the cache
    script.write_text("export LAMP_STATE=changed\n", encoding="utf-8")

    assert "changed" == with_scripts(prefix, os.environ, keep=keep)["LAMP_STATE"]


def test_what_was_kept_and_cannot_be_read_is_found_out_anew(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = with_scripts(prefix, os.environ, keep=True)
    next(prefix.path.glob(".wetlands-*")).write_text("{", encoding="utf-8")
    monkeypatch.setattr(activation_scripts, "_MEMORY", {})

    assert expected == with_scripts(prefix, os.environ, keep=True)


def test_a_script_that_ends_the_shell_is_named_with_what_it_wrote(prefix: Prefix) -> None:
    script = lamp_of(prefix)
    script.unlink()
    script.write_text("echo 'no fuse'\nexit 3\n", encoding="utf-8")

    with pytest.raises(ProvisioningError, match=r"(?s)were run \(lamp\.sh\).*did not come to their end.*no fuse"):
        with_scripts(prefix, os.environ, keep=True)


def test_a_script_that_never_ends_is_stopped(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    script = lamp_of(prefix)
    script.unlink()
    script.write_text("sleep 600\n", encoding="utf-8")
    monkeypatch.setattr(activation_scripts, "SCRIPT_SECONDS", 0.2)

    with pytest.raises(ProvisioningError, match=r"did not end within 0\.2 seconds"):
        with_scripts(prefix, os.environ, keep=True)


def test_workers_and_commands_live_in_the_activated_environment(manager: EnvironmentManager, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import os\ndef state():\n    return os.environ['LAMP_STATE']\n", encoding="utf-8")
    env = external(manager.create("lit", {"conda": ["lamp"]}))

    env.launch()

    expected = f"on at {env.prefix.path}"
    assert expected == env.execute(module, "state")
    process = manager.execute_commands(env, ['echo "$LAMP_STATE"', "glow"], wait=True)
    assert [expected, "glow"] == manager.get_process_logger(process).get_output()


def test_one_program_uses_two_environments_whose_packages_conflict(manager: EnvironmentManager, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    source = "def versions():\n    import greeter, helper\n    return greeter.VERSION, helper.VERSION\n"
    module.write_text(source, encoding="utf-8")

    old = manager.create("old", {"conda": ["greeter=1.*"]})
    new = manager.create("new", {"conda": ["greeter=2.*"]})
    for env in (old, new):
        env.launch()

    at_once = [env.submit(module, "versions") for env in (old, new, old, new)]
    expected = [("1.1", "1.5"), ("2.0", "2.0")] * 2
    assert expected == [task.wait_for(30).result for task in at_once]
    assert expected[:2] == [env.execute(module, "versions") for env in (old, new)]
    assert "rattler" == getattr(manager._store.record("old"), "backend", None)


def test_a_conda_environment_is_reused_and_extended(manager: EnvironmentManager) -> None:
    env = manager.create("tools", {"conda": ["greeter=1.*"]})
    assert env is manager.create("tools", {"conda": ["greeter=1.*"]})

    lines = manager.install(env, {"conda": ["pebble"]})

    assert " + pebble 1.0 h_0" in lines
    names = {package["name"]: package["kind"] for package in manager.get_installed_packages(env)}
    assert {"greeter": "conda", "helper": "conda", "pebble": "conda", "python": "conda"} == names
