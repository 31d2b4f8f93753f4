"""Python requirements in every spelling."""

from __future__ import annotations

import pytest

from wetlands._spec import ANY_PYTHON, PythonRequirement, parse_python
from wetlands.exceptions import InvalidDependencyError, UnsupportedPythonError


@pytest.mark.parametrize(
    "text, asked",
    [
        ("3.11", "==3.11.*"),
        ("3.12.*", "==3.12.*"),
        ("3.12*", "==3.12.*"),
        ("3", "==3.*"),
        ("3.11.7", "==3.11.7"),
        ("3.14.0rc1", "==3.14.0rc1"),
        ("=3.11", "==3.11.*"),
        ("=3.11.*", "==3.11.*"),
        ("=3.11.7", "==3.11.7"),
        ("==3.11.*", "==3.11.*"),
        ("==3.11", "==3.11"),
        ("===3.11.2", "==3.11.2"),
        ("~=3.11", "~=3.11"),
        ("<3.13 , >= 3.10", ">=3.10,<3.13"),
        (">=3.10.*,<3.13.*", ">=3.10,<3.13"),
        (">=3.10,!=3.11.*,!=3.11.*", ">=3.10,!=3.11.*"),
        ("*", ""),
        (" >=3.11 ", ">=3.11"),
    ],
)
def test_each_spelling_becomes_one_specifier(text: str, asked: str) -> None:
    assert PythonRequirement(asked) == parse_python(text)


@pytest.mark.parametrize(
    "asked, specifier",
    [
        ("", ">=3.8"),
        (">=3.6", ">=3.8"),
        (">3.7", ">=3.8"),
        (">3.8", ">3.8"),
        (">=3.6,<3.12", ">=3.8,<3.12"),
        ("==3.*", "==3.*,>=3.8"),
        ("~=3.6", "~=3.6,>=3.8"),
        ("<3.9", ">=3.8,<3.9"),
        ("!=3.8.*", ">=3.8,!=3.8.*"),
        ("==3.8.*", "==3.8.*"),
        (">=3.11", ">=3.11"),
    ],
)
def test_an_open_range_begins_at_the_oldest_python_workers_run_on(asked: str, specifier: str) -> None:
    assert specifier == PythonRequirement(asked).specifier


@pytest.mark.parametrize(
    "text", ["3.7", "2.7", "2", "<3.8", "==3.7.*", "==3.7.9", "~=3.7.0", "=3.6", "<=3.7", ">=3.5,<3.8", "==3.8.0a1"]
)
def test_a_python_too_old_for_workers_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(UnsupportedPythonError, match=r"older than 3\.8, on which workers cannot run"):
        parse_python(text)


@pytest.mark.parametrize(
    "text", [">=3.6", "<=3.8", "<3.8.1", "!=3.9.*", ">=3.8,!=3.8.*,<3.10", ">3.8", ">3.8,<3.8.5", "==3.13.0rc2", "4"]
)
def test_a_range_that_some_supported_python_fits_is_accepted(text: str) -> None:
    assert parse_python(text).asked


@pytest.mark.parametrize("text", [">=3.11,<3.10", "==3.11.*,==3.12.*", ">=3.8,!=3.8.*,<3.9", ">3.11.2,<3.11.2"])
def test_clauses_that_contradict_each_other_are_told_so(text: str) -> None:
    with pytest.raises(InvalidDependencyError, match="contradict") as caught:
        parse_python(text)
    assert not isinstance(caught.value, UnsupportedPythonError)


@pytest.mark.parametrize(
    "text",
    [
        "^3.11",
        "=>3.11",
        ">=3.10 <3.13",
        "3.10|3.11",
        ">=3.11; rm -rf /",
        "$(reboot)",
        "`reboot`",
        "python=3.11",
        "3.11.* *_cpython",
        "pypy3.9",
        ">3.10.*",
        "~=3.11.*",
        "~=3",
        "===x",
        "3.x",
        ",",
        ">=3.8,",
        "3." + "9" * 4300,
    ],
)
def test_what_is_no_version_is_quoted_with_the_spellings_that_are(text: str) -> None:
    with pytest.raises(InvalidDependencyError, match=r"write|Write|too long"):
        parse_python(text)


@pytest.mark.parametrize("value", [3.10, 3, True])
def test_a_number_is_refused_because_3_10_would_be_3_1(value: object) -> None:
    with pytest.raises(InvalidDependencyError, match=r'Write it in quotes, as "3\.11"'):
        parse_python(value)


@pytest.mark.parametrize("value", [None, [], {}, "", "  ", "--python", "3.11\x00", "3\n.11"])
def test_what_is_no_line_of_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidDependencyError, match='"python"'):
        parse_python(value)


@pytest.mark.parametrize(
    "asked, version, expected",
    [
        ("", "3.8.0", True),
        ("", "3.7.17", False),
        (">=3.11", "3.11.0", True),
        (">=3.11", "3.10.14", False),
        ("==3.11.*", "3.11.7", True),
        ("==3.11.*", "3.12.0", False),
        ("==3.11.*", "3.11.7+", True),
        (">=3.11", "3.14.0rc1", False),
        (">=3.14.0a1", "3.14.0rc1", True),
        ("==3.14.0rc1", "3.14.0rc1", True),
        (">=3.11", "nonsense", False),
        ("~=3.6", "3.7.1", False),
    ],
)
def test_a_requirement_tells_which_interpreters_will_do(asked: str, version: str, expected: bool) -> None:
    assert expected == PythonRequirement(asked).allows(version)


@pytest.mark.parametrize(
    "asked, shown",
    [("", "of any version"), ("==3.12.*", "3.12.*"), (">=3.11", ">=3.11"), ("==3.*,<3.12", "==3.*,<3.12")],
)
def test_people_read_it_as_they_would_write_it(asked: str, shown: str) -> None:
    assert shown == str(PythonRequirement(asked))


def test_what_identifies_a_recipe_does_not_hold_the_oldest_python_of_this_version() -> None:
    assert "" == ANY_PYTHON.asked
    assert ">=3.6" == parse_python(">=3.6").asked
