"""Log files and the logger, as other programs and processes meet them."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wetlands._logs.instance import InstanceLogs
from wetlands.logger import enable_file_logging, log_environment, logger

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 60.0


def test_a_logger_configured_before_we_were_imported_keeps_its_level_and_handlers() -> None:
    # in another process, where wetlands is not yet imported
    program = """
import io, logging
text = io.StringIO()
early = logging.getLogger("wetlands")
early.setLevel(logging.ERROR)
early.addHandler(logging.StreamHandler(text))
from wetlands.logger import logger
assert logger is early, (logger, early)
logger.log_global(logging.WARNING, "too low")
logger.log_global(logging.ERROR, "seen")
assert text.getvalue() == "seen\\n", text.getvalue()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_importing_installs_no_handler_that_does_anything() -> None:
    program = """
import logging
before = list(logging.root.handlers)
from wetlands.logger import logger
assert [type(h) for h in logger.handlers] == [logging.NullHandler], logger.handlers
assert logging.root.handlers == before
assert logger.level == logging.NOTSET and logger.propagate
logger.error("nobody asked to see this")
"""
    run = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)

    assert (b"", b"") == (run.stdout, run.stderr)


def test_two_processes_write_one_bounded_file_without_mixing_lines(tmp_path: Path) -> None:
    path = tmp_path / "shared.log"
    program = """
import logging, sys
from wetlands.logger import enable_file_logging, logger
enable_file_logging(sys.argv[1], "INFO", "%(message)s", max_bytes=20_000, backup_count=30)
for number in range(2000):
    logger.info("%s %04d %s", sys.argv[2], number, "x" * 50)
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("one", "two")]
    assert [0, 0] == [process.wait(DEADLINE) for process in running]

    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert {len("one 0000 ") + 50} == {len(line) for line in lines}
    assert len(lines) > 3000  # a rename by both at one moment may lose a file
    assert all(file.stat().st_size <= 20_000 + 2 * 60 for file in tmp_path.iterdir())  # a record of each may cross


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")
def test_a_full_disk_does_not_disturb_who_logs(capsys: pytest.CaptureFixture[str]) -> None:
    handler = enable_file_logging("/dev/full")

    logger.info("lost")
    logger.log_lines(logging.INFO, ["lost", "too"], {})

    logger.removeHandler(handler)
    handler.close()
    assert ("", "") == capsys.readouterr()


def test_a_program_that_configures_logging_afterwards_keeps_the_files(tmp_path: Path) -> None:
    program = """
import logging.config, pathlib, sys
from wetlands.logger import logger
from wetlands._logs.instance import InstanceLogs
logs = InstanceLogs(pathlib.Path(sys.argv[1]))
logs.open()
logger.info("one")
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
logger.info("two")
logs.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program, str(tmp_path)], check=True, timeout=DEADLINE)

    lines = (tmp_path / "wetlands.log").read_text().splitlines()
    assert ["one", "two"] == [line.split()[-1] for line in lines]


def test_two_managers_with_environments_of_one_name_write_their_own_files(tmp_path: Path) -> None:
    first, second = InstanceLogs(tmp_path / "a"), InstanceLogs(tmp_path / "b")
    first.open()
    second.open()

    with first.attributed():
        log_environment(logging.INFO, "of the first", env_name="cellpose")
    log_environment(logging.INFO, "of the second", env_name="cellpose", instance=second.instance)
    logger.log_lines(
        logging.INFO, ["a line"], {"log_source": "execution", "env_name": "cellpose", "instance": first.instance}
    )
    first.close()
    second.close()

    written = {str(file.relative_to(tmp_path)): file.read_text() for file in tmp_path.rglob("*.log")}
    assert {"a/wetlands.log", "a/environments.log", "b/wetlands.log"} == set(written)
    assert written["a/wetlands.log"].endswith("cellpose: of the first\n")
    assert written["a/environments.log"].endswith("cellpose: a line\n")
    assert written["b/wetlands.log"].endswith("cellpose: of the second\n")
    assert {1} == {text.count("\n") for text in written.values()}
