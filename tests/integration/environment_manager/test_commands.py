"""Commands and install commands in real shells, in environments of the fake backend."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fake_backend import contents
from wetlands.exceptions import (
    ProvisioningError,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from wetlands._spec import Dependencies
    from wetlands.environment_manager import EnvironmentManager

NUMPY: Dependencies = {"pip": ["numpy==2.2.4"]}
SCIPY: Dependencies = {"pip": ["scipy"]}


def test_commands_run_in_the_activated_environment(
    manager: EnvironmentManager, records: list[logging.LogRecord]
) -> None:
    environment = manager.create("tools", NUMPY)

    process = manager.execute_commands(
        environment, ["echo $VIRTUAL_ENV $GREETING"], ["GREETING=hello"], wait=True, log_context={"call_target": "mine"}
    )

    assert process.returncode == 0
    assert [f"{environment.path} hello"] == manager.get_process_logger(process).get_output()
    (said,) = [record for record in records if "hello" in record.getMessage()]
    expected = {"env_name": "tools", "call_target": "mine", "instance": str(manager.wetlands_instance_path)}
    assert expected.items() <= vars(said).items()


@pytest.mark.parametrize("wait", [False, True])
def test_without_a_log_the_caller_reads_the_output(
    manager: EnvironmentManager, records: list[logging.LogRecord], wait: bool
) -> None:
    environment = manager.create("tools", NUMPY)
    lines = 20_000  # more than a pipe holds

    process = manager.execute_commands(environment, [f"seq {lines}; echo err >&2"], wait=wait, log=False)

    assert process.stdout is not None
    with process.stdout as stdout:
        read = stdout.read().splitlines()
    assert process.wait(30) == 0
    assert [*map(str, range(1, lines + 1)), "err"] == read
    assert "err" not in [record.getMessage() for record in records]


def test_the_output_of_a_foreign_process_is_not_known(manager: EnvironmentManager) -> None:
    with subprocess.Popen(["true"]) as process, pytest.raises(ValueError, match="not started by execute_commands"):
        manager.get_process_logger(process)


def test_commands_end_with_the_manager(manager: EnvironmentManager) -> None:
    process = manager.execute_commands(manager.create("tools", NUMPY), ["sleep 100 & sleep 100"])

    manager.exit()

    assert process.poll() is not None


def test_a_manager_can_be_used_again_after_its_exit(manager: EnvironmentManager) -> None:
    first = manager.create("tools", NUMPY)

    manager.exit()
    manager.exit()

    assert manager.create("tools", NUMPY) is first
    assert (
        "again" in manager.get_process_logger(manager.execute_commands(first, ["echo again"], wait=True)).get_output()
    )
    manager.exit()
    assert 1 == (manager.wetlands_instance_path / "environments.log").read_text(encoding="utf-8").count("again")


def test_leaving_the_block_exits(new_manager: Callable[[], EnvironmentManager]) -> None:
    with new_manager() as manager:
        process = manager.execute_commands(manager.create("tools", NUMPY), ["sleep 100"])

    assert process.poll() is not None


def test_reusing_imports_neither_psutil_nor_filelock(manager: EnvironmentManager) -> None:
    manager.create("tools", NUMPY)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from wetlands._spec import parse\n"
        "from wetlands._store.provision import reusable\n"
        "from wetlands._store.store import Store\n"
        f"spec = parse({NUMPY!r}, platform='linux-64', base=Path.cwd())\n"
        f"assert reusable(Store(Path({str(manager.wetlands_instance_path)!r})), 'tools', spec, Path.cwd())\n"
        "print(sorted({'psutil', 'filelock', 'uv', 'asyncio'} & set(sys.modules)))\n"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert ran.stdout == "[]\n"


def test_install_commands_run_in_the_new_environment_and_their_output_is_logged(
    manager: EnvironmentManager, records: list[logging.LogRecord]
) -> None:
    environment = manager.create("tools", NUMPY, {"all": ["echo in $VIRTUAL_ENV"], "windows": ["not here"]})

    (said,) = [record for record in records if record.getMessage().startswith("in ")]
    assert f"in {environment.path}" == said.getMessage()
    expected = {"env_name": "tools", "stage": "install", "instance": str(manager.wetlands_instance_path)}
    assert expected.items() <= vars(said).items()


def test_install_commands_that_fail_leave_nothing_and_the_error_tells_what_they_wrote(
    manager: EnvironmentManager,
) -> None:
    with pytest.raises(ProvisioningError) as caught:
        manager.create("tools", NUMPY, ["echo before", "echo token=secret > /dev/null; exit 3", "echo after"])

    assert "exit code 3" in str(caught.value)
    assert "before" in str(caught.value)
    assert "after" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert manager.environments == {}
    assert contents(manager._store) == []
