"""Every Python block of the README and of the documentation runs, and prints what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import sources
from docs.pages import program

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [path for path in sources.files() if path.suffix == ".md" and "changes" not in path.parts]
PROGRAMS = {sources.name(page): runs for page in PAGES if (runs := program(page.read_text("utf-8"))) is not None}
SECONDS = 110


@pytest.mark.integration
@pytest.mark.network
@pytest.mark.parametrize("page", PROGRAMS)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page: str, tmp_path: Path) -> None:
    runs = PROGRAMS[page]
    for name, text in {**runs.files, "page.py": runs.script}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-X", "utf8", "page.py"]
    environment = {**os.environ, "PYTHONPATH": ""}

    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert 0 == run.returncode, run.stderr
    assert runs.output.splitlines() == run.stdout.splitlines()


def test_the_readme_is_among_the_pages_that_run() -> None:
    assert "README.md" in PROGRAMS
