"""Environments from the config files of other tools, built by the real uv."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import pytest

from projects import write_project
from registry import Index, server, without_proxies
from wetlands.environment_manager import EnvironmentManager
from wetlands.exceptions import (
    CommandFailedError,
    EnvironmentReuseError,
    InvalidDependencyError,
    ProvisioningError,
)
from wetlands.logger import attach_log_handler, logger
from wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wetlands.environment import Environment

pytestmark = pytest.mark.integration
network = pytest.mark.network


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[EnvironmentManager]:
    with EnvironmentManager(tmp_path / "instance (ü)") as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with two wheels beside it, and a name that needs care."""
    place = tmp_path / "a project (é)"
    wheels = place / "wheels, all"
    for version in ("1.0", "2.0"):
        write_wheel(wheels, "greeter", version)
    write_wheel(wheels, "polite", requires=["greeter"])
    return place


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def installed(environment: Environment) -> dict[str, str]:
    packages = environment.environment_manager.get_installed_packages(environment)
    return {package["name"]: package["version"] for package in packages}


def output(environment: Environment, line: str) -> str:
    process = environment.environment_manager.execute_commands(environment, [line], log=False)
    text: str = process.communicate(timeout=60)[0]
    return text.strip()


OFFLINE = '--no-index\n--find-links "./wheels, all"\n'
UV_OFFLINE = '[tool.uv]\nno-index = true\nfind-links = ["./wheels, all"]\n'


def test_requirements_constraints_and_further_files_are_installed(manager: EnvironmentManager, folder: Path) -> None:
    write(folder / "limits.txt", "greeter<2  # not yet\n")
    write(folder / "more" / "more.txt", "-c ../limits.txt\npolite ; python_version >= '3'\nabsent ; os_name == 'x'\n")
    path = write(folder / "requirements.txt", f"{OFFLINE}-r more/more.txt\n")

    environment = manager.create_from_config("env", path)

    assert {"greeter": "1.0", "polite": "1.0"} == installed(environment)
    assert environment is manager.create_from_config("env", path)


def test_an_edited_file_is_another_recipe_and_the_error_says_what_differs(
    manager: EnvironmentManager, folder: Path
) -> None:
    path = write(folder / "requirements.txt", f"{OFFLINE}greeter==1.0")
    manager.create_from_config("env", path)
    write(path, f"{OFFLINE}greeter==2.0\n--pre")

    with pytest.raises(EnvironmentReuseError, match=r"greeter==1\.0 is now greeter==2\.0; pip setting prerelease"):
        manager.create_from_config("env", path)
    assert {"greeter": "2.0"} == installed(manager.create_from_config("env", path, replace_existing=True))


def test_a_package_with_another_hash_is_refused(manager: EnvironmentManager, folder: Path) -> None:
    digest = hashlib.sha256((folder / "wheels, all" / "greeter-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    path = write(folder / "requirements.txt", f"{OFFLINE}greeter==1.0 --hash=sha256:{digest}\n")
    assert {"greeter": "1.0"} == installed(manager.create_from_config("env", path))

    write(path, f"{OFFLINE}greeter==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(CommandFailedError, match=r"(?i)hash mismatch"):
        manager.create_from_config("other", path)


def test_a_package_without_a_hash_is_refused_beside_one_with_it(manager: EnvironmentManager, folder: Path) -> None:
    digest = hashlib.sha256((folder / "wheels, all" / "polite-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    path = write(folder / "requirements.txt", f"{OFFLINE}polite==1.0 --hash=sha256:{digest}\n")

    with pytest.raises(CommandFailedError, match=r"(?i)hash"):
        manager.create_from_config("env", path)


@pytest.mark.parametrize("editable", [True, False])
def test_a_local_project_is_installed_with_its_extras_and_linked_when_asked(
    manager: EnvironmentManager, folder: Path, editable: bool
) -> None:
    module = write_project(folder / "lib", "mine")
    pyproject = folder / "lib" / "pyproject.toml"
    metadata = '[project]\nname="mine"\nversion="1.0"\n[project.optional-dependencies]\nnice=["polite"]\n'
    pyproject.write_text(pyproject.read_text(encoding="utf-8") + metadata, encoding="utf-8")
    path = write(folder / "requirements.txt", f"{OFFLINE}{'-e ' if editable else ''}./lib[nice]\n")

    environment = manager.create_from_config("env", path)
    module.write_text("WORD = 'edited'\n", encoding="utf-8")

    assert {"greeter", "mine", "polite"} == installed(environment).keys()
    assert ("edited" if editable else "hello") == output(environment, "python -c 'import mine; print(mine.WORD)'")


@pytest.mark.parametrize("text", ["--index-url {}/simple\ngreeter\n", "greeter @ {}/greeter-1.0-py3-none-any.whl\n"])
def test_a_password_in_a_variable_is_used_and_stored_nowhere(
    manager: EnvironmentManager, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for name, value in without_proxies().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INDEX_TOKEN", "s3cret-t0ken")
    index = Index(tmp_path / "served")
    with server(index) as address:
        with_account = address.replace("://", "://me:${INDEX_TOKEN}@")
        path = write(folder / "requirements.txt", text.format(with_account))
        environment = manager.create_from_config("env", path)
    manager.exit()

    assert {"greeter": "1.0"} == installed(environment)
    assert "/greeter-1.0-py3-none-any.whl" in index.asked
    files = [file for file in manager.wetlands_instance_path.rglob("*") if file.is_file() and not file.is_symlink()]
    assert [] == [file for file in files if b"s3cret-t0ken" in file.read_bytes()]


def test_a_variable_that_is_not_set_is_named(manager: EnvironmentManager, folder: Path) -> None:
    path = write(folder / "requirements.txt", "--index-url https://${NO_SUCH_TOKEN}@host/simple\ngreeter\n")

    with pytest.raises(ProvisioningError, match="NO_SUCH_TOKEN is not set"):
        manager.create_from_config("env", path)


def test_a_package_comes_from_the_index_it_is_pinned_to(
    manager: EnvironmentManager, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in without_proxies().items():
        monkeypatch.setenv(name, value)
    with server(Index(tmp_path / "served")) as address:
        text = f"""
[project]
name = "mine"
dependencies = ["greeter"]
[tool.uv]
find-links = ["./wheels, all"]
index = [{{ name = "own", url = "{address}/simple", explicit = true }}]
[tool.uv.sources]
greeter = {{ index = "own" }}
"""
        environment = manager.create_from_config("env", write(folder / "pyproject.toml", text))

    assert {"greeter": "1.0"} == installed(environment)


PYPROJECT = (
    """
[project]
name = "mine"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["greeter<2"]
[project.optional-dependencies]
nice = ["polite"]
[dependency-groups]
dev = [{ include-group = "all" }]
all = ["mine[nice]"]
"""
    + UV_OFFLINE
)


@pytest.mark.parametrize(
    "optional, expected", [(None, {"greeter"}), (["nice"], {"greeter", "polite"}), (["dev"], {"greeter", "polite"})]
)
def test_a_project_brings_what_it_needs_with_extras_and_groups(
    manager: EnvironmentManager, folder: Path, optional: list[str] | None, expected: set[str]
) -> None:
    environment = manager.create_from_config("env", write(folder / "pyproject.toml", PYPROJECT), optional)

    assert expected == installed(environment).keys()
    assert "1.0" == installed(environment)["greeter"]


@pytest.mark.parametrize("editable", [True, False])
def test_the_project_itself_is_installed_when_asked(manager: EnvironmentManager, folder: Path, editable: bool) -> None:
    module = write_project(folder, "mine")
    path = folder / "pyproject.toml"
    write(path, path.read_text(encoding="utf-8") + PYPROJECT)

    environment = manager.create_from_config("env", path, install_project=True, project_editable=editable)
    module.write_text("WORD = 'edited'\n", encoding="utf-8")

    assert {"greeter", "mine"} == installed(environment).keys()
    assert ("edited" if editable else "hello") == output(environment, "python -c 'import mine; print(mine.WORD)'")


def test_a_project_may_lie_elsewhere_than_the_file(manager: EnvironmentManager, folder: Path) -> None:
    write_project(folder / "lib", "mine")
    pyproject = folder / "lib" / "pyproject.toml"
    write(pyproject, pyproject.read_text(encoding="utf-8") + '[project]\nname="mine"\nversion="1.0"\n')
    path = write(folder / "requirements.txt", f"{OFFLINE}greeter==1.0\n")

    environment = manager.create_from_config("env", path, install_project=True, project_path="lib")

    assert {"greeter": "1.0", "mine": "1.0"} == installed(environment)


def test_environment_yml_gives_its_variables_to_workers_and_commands(manager: EnvironmentManager, folder: Path) -> None:
    text = """
name: ignored
dependencies:
  - python>=3.9
  - sel(win): not-here
  - pip:
    - --no-index
    - --find-links ./wheels, all
    - polite
variables:
  GREETING: "bon jour"
  FLAG: yes
"""
    path = write(folder / "environment.yml", text.replace("./wheels, all", "'./wheels, all'"))
    environment = manager.create_from_config("env", path)

    assert {"greeter": "2.0", "polite": "1.0"} == installed(environment)
    code = "import os; print(os.environ['GREETING'], os.environ['FLAG'])"
    assert "bon jour yes" == output(environment, f'python -c "{code}"')
    with environment:
        environment.launch()
        assert "bon jour" == environment.execute(write(folder / "ask.py", ASK), "ask", ("GREETING",))


ASK = "import os\n\ndef ask(name):\n    return os.environ[name]\n"


def test_what_is_not_honoured_is_logged_with_its_place(manager: EnvironmentManager, folder: Path) -> None:
    records: list[logging.LogRecord] = []
    handler = attach_log_handler(records.append, logging.INFO)
    try:
        path = write(folder / "requirements.txt", f"{OFFLINE}--trusted-host pypi\ngreeter\n")
        manager.create_from_config("env", path)
    finally:
        logger.removeHandler(handler)

    (warning,) = [record for record in records if record.levelno == logging.WARNING]
    assert warning.getMessage().startswith("requirements.txt:3: --trusted-host: ")
    assert "env" == warning.__dict__["env_name"]


def test_a_script_brings_what_its_header_says(manager: EnvironmentManager, folder: Path) -> None:
    header = "\n".join(f"# {line}".rstrip() for line in UV_OFFLINE.splitlines())
    path = write(folder / "tool.py", f'# /// script\n# dependencies = ["greeter<2"]\n{header}\n# ///\nimport greeter\n')

    assert {"greeter": "1.0"} == installed(manager.create_from_config("env", path))


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"config_path": "nowhere.txt"}, "There is no file"),
        ({"config_path": "."}, "is a folder|no config file known"),
        ({"config_path": "a.lock"}, "no config file known"),
        ({"config_path": "r.txt", "optional_dependencies": "gui"}, "must be a list"),
        ({"config_path": "r.txt", "project_editable": True}, "means nothing without install_project"),
        ({"config_path": "r.txt", "project_path": "x"}, "means nothing without install_project"),
        ({"config_path": "r.txt", "install_project": True}, "project_path"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_touched(
    manager: EnvironmentManager, folder: Path, options: dict[str, object], reason: str
) -> None:
    write(folder / "r.txt", "greeter")
    options["config_path"] = folder / str(options["config_path"])

    with pytest.raises(InvalidDependencyError, match=reason):
        manager.create_from_config("env", **options)  # type: ignore[arg-type]  # some are wrong
    assert not manager.wetlands_instance_path.exists()


@network
def test_a_file_as_people_write_them_is_installed_from_the_registry(manager: EnvironmentManager, folder: Path) -> None:
    write(folder / "limits.txt", "six==1.16.0\n")
    text = "# what we need\niniconfig>=2,<3  # config\n-c limits.txt\nsix ; python_version >= '3.8'\n"

    environment = manager.create_from_config("env", write(folder / "requirements.txt", text))

    assert {"iniconfig", "six"} == installed(environment).keys()
    assert "1.16.0" == installed(environment)["six"]
