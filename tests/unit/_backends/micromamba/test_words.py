from __future__ import annotations

import json
from pathlib import Path

import pytest

from wetlands._backends.conda.condarc import Condarc
from wetlands._backends.conda_words import Channels
from wetlands._backends.micromamba.answers import Package, Plan, read_plan
from wetlands._backends.micromamba.commands import Call, configuration, explicit_file, spec_file, tool_variables
from wetlands._backends.micromamba.errors import translated
from wetlands._spec import parse
from wetlands._spec.conda import parse_conda
from wetlands.exceptions import CommandFailedError, DownloadError, ProvisioningError, UnsatisfiableError

CHANNELS = Channels("https://conda.anaconda.org/", Condarc(), Path("/base"))
URL = "https://host/c/noarch/a-1.0-h_0.conda"
PACKAGE = {
    "name": "a",
    "version": "1.0",
    "build_string": "h_0",
    "url": URL,
    "size": 7,
}
DONE = {"success": True, "dry_run": True, "actions": {"FETCH": [PACKAGE], "LINK": [PACKAGE], "PREFIX": "/p"}}


def test_a_plan_is_one_command_and_never_asks() -> None:
    call = Call(Path("/bin/micromamba"), Path("/t/rc.yml"), Path("/my envs/1"))

    assert [
        *("/bin/micromamba", "create", "--rc-file", "/t/rc.yml", "-p", "/my envs/1", "-y", "--no-pyc"),
        *("-f", "/t/specs.txt", "--dry-run", "--json"),
    ] == call.plan("create", Path("/t/specs.txt"))


def test_channels_are_in_the_configuration_where_nobody_sees_their_credentials() -> None:
    spec = parse({"channels": ["https://u:p@host/private", "./mine"]}, platform="linux-64", base=Path("/base"))

    said = json.loads(configuration(spec, CHANNELS, offline=True))

    expected = ["https://u:p@host/private", "file:///base/mine", "https://conda.anaconda.org/conda-forge"]
    assert expected == said["channels"]
    assert ("strict", True, False) == (said["channel_priority"], said["offline"], said["add_pip_as_python_dependency"])


def test_requirements_are_in_the_safe_form() -> None:
    entries = [parse_conda(text) for text in ("numpy=1.26", "bioconda::samtools>=1,<2", "torch 2.* cuda*")]

    expected = "numpy 1.26.*\nhttps://conda.anaconda.org/bioconda::samtools >=1,<2\ntorch 2.* cuda*\n"
    assert expected == spec_file(entries, CHANNELS)


def test_an_explicit_list_has_the_best_hash_of_each_package() -> None:
    packages = [Package("a", "1", "0", "u/a", md5="m"), Package("b", "1", "0", "u/b", md5="m", sha256="s")]

    assert "@EXPLICIT\nu/a#m\nu/b#sha256:s\n" == explicit_file(packages)


def test_variables_of_the_environment_we_were_started_in_are_left_out() -> None:
    env = {
        "CONDA_PREFIX": "/p",
        "CONDARC": "/rc",
        "MAMBA_ROOT_PREFIX": "/root",
        "MAMBA_DRY_RUN": "1",
        "MAMBARC": "/rc",
        "CONDA_OVERRIDE_CUDA": "12",
        "PATH": "/bin",
    }

    found = tool_variables(env)

    assert {"MAMBA_ROOT_PREFIX": "/root", "CONDA_OVERRIDE_CUDA": "12", "PATH": "/bin", "NO_COLOR": "1"} == {
        name: value for name, value in found.items() if name != "CONDARC"
    }


@pytest.mark.parametrize(
    "lines",
    [
        json.dumps(DONE).splitlines(),
        json.dumps({**DONE, "log_history": ["info"]}, indent=4).splitlines(),
        ["warning  libmamba 'repo' is slow", *json.dumps(DONE, indent=4).splitlines(), "warning  libmamba x"],
    ],
)
def test_a_plan_is_read_from_the_answers_of_all_versions(lines: list[str]) -> None:
    package = Package("a", "1.0", "h_0", URL, size=7)

    assert Plan(link=(package,), fetch=(package,)) == read_plan(lines)


@pytest.mark.parametrize(
    "lines", [[], ["no json"], ['{"success": false, "solver_problems": []}'], ['{"log_history": ["x"]}'], ["{broken"]]
)
def test_an_answer_without_success_is_no_plan(lines: list[str]) -> None:
    assert read_plan(lines) is None


def test_an_answer_of_another_shape_is_an_error() -> None:
    with pytest.raises(ProvisioningError, match="has not the shape that is known here"):
        read_plan([json.dumps({"success": True, "actions": {"LINK": [{"name": "a"}]}})])


def failed(*lines: str) -> CommandFailedError:
    return CommandFailedError("micromamba create", 1, lines)


def test_the_tree_of_the_solver_is_the_reason() -> None:
    error = translated(
        failed(
            "info     libmamba Parsing",
            "error    libmamba Could not solve for environment specs",
            "    The following packages are incompatible",
            "    └─ a =* * is not installable because it requires __cuda >=12 *",
            "critical libmamba Could not solve for environment specs",
        ),
        ["a"],
    )

    assert isinstance(error, UnsatisfiableError)
    assert (
        "The following packages are incompatible\n└─ a =* * is not installable because it requires __cuda >=12 *"
        == (error.reason)
    )
    assert ("__cuda >=12",) == error.virtual_packages


def test_a_network_that_fails_is_an_error_of_downloading() -> None:
    error = translated(
        failed(
            "warning  libmamba Retrying in 2 seconds",
            "critical libmamba Download error (7) Couldn't connect to server [http://me:s3cret@host/c/noarch]",
        ),
        ["a"],
    )

    assert isinstance(error, DownloadError)
    assert "http://***@host/c/noarch" == error.url
    assert "s3cret" not in str(error)


def test_what_nobody_knows_is_shown_without_the_noise() -> None:
    error = translated(failed("trace    libmamba x", "critical libmamba Bad conversion", "    at line 1"), ["a"])

    assert isinstance(error, CommandFailedError)
    assert ("Bad conversion", "    at line 1") == error.output
