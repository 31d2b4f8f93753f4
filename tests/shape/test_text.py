"""What no file of the project says, and what several of them say alike."""

from __future__ import annotations

import re

import pytest

import sources

BINARY = {".png", ".ico", ".gif", ".jpg", ".woff2"}
# In pieces, so that this file does not hold them itself.
REGISTRIES = "pypi" + r"\.org|python" + r"hosted|registry\." + r"npmjs|deb\." + "debian"
MACHINE_PATHS = "/(" + "root|work|farm|home/[a-z]+|Users/[A-Za-z]+" + ")/"
SLEEPS = r"time\." + r"sleep\("


def lines_with(pattern: str, *, inside: tuple[str, ...] = ("",)) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{name}:{number}: {line.strip()}"
        for path in sources.files()
        if path.suffix not in BINARY and (name := sources.name(path)).startswith(inside)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [] == lines_with(REGISTRIES)


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert [] == lines_with(MACHINE_PATHS)


def test_no_unit_or_property_test_sleeps() -> None:
    assert [] == lines_with(SLEEPS, inside=("tests/unit/", "tests/property/"))


def test_lines_with_a_pattern_are_found() -> None:
    assert any(line.startswith("LICENSE:") for line in lines_with("MIT"))


def test_no_lock_file_is_committed() -> None:
    assert "uv.lock" not in {sources.name(path) for path in sources.files()}


def readme_commands() -> list[str]:
    block = re.search(r"```bash\n(.*?)```", (sources.ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None, "the README starts with its two commands"
    return block.group(1).splitlines()


def test_the_readme_starts_with_the_two_commands_of_a_fresh_machine() -> None:
    expected = ["pip install uv && uv run examples/minimal_example.py", "pip install uv && uv run pytest"]

    assert expected == readme_commands()


def test_the_readme_shows_commands_before_any_other_code() -> None:
    text = (sources.ROOT / "README.md").read_text(encoding="utf-8")

    assert text.index("```bash") == text.index("```")


@pytest.mark.parametrize("number", [0, 1])
def test_ci_runs_the_readmes_commands_word_for_word(number: int) -> None:
    lines = (sources.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert readme_commands()[number] in lines


def test_the_last_thing_ci_does_is_the_readmes_second_command() -> None:
    lines = (sources.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert readme_commands()[1] == lines[-1]
