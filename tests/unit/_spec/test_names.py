"""Names of environments."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wetlands._spec import check_name
from wetlands.exceptions import InvalidNameError


@pytest.mark.parametrize(
    "name",
    ["numpy", "Cellpose 3 (GPU)", "équipe", "顕微鏡", ".hidden", "a.b", "con2", "COM10", "console.x", "-x", "x" * 128],
)
def test_a_portable_path_component_is_a_name(name: str) -> None:
    assert name == check_name(name)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("", "empty"),
        (".", "a place"),
        ("..", "a place"),
        ("../x", "a path"),
        ("a/b", "a path"),
        ("a\\b", "a path"),
        ("/abs", "a path"),
        ("C:x", "some file systems refuse"),
        ("a\nb", "control character"),
        ("a\0b", "control character"),
        ("a\x7fb", "control character"),
        ("a\u2028b", "control character"),
        ("a\ud800b", "control character"),
        *((f"a{sign}b", "some file systems refuse") for sign in '<>:"|?*'),
        ("a.", "ends with a dot or a blank"),
        ("a ", "ends with a dot or a blank"),
        (" ", "ends with a dot or a blank"),
        *((device, "device") for device in ("CON", "nul", "Aux", "PRN", "COM1", "lpt9", "COM¹", "CONIN$")),
        ("con.txt", "device"),
        ("CON .tar.gz", "device"),
        ("x" * 129, "longer than 128 bytes"),
        ("é" * 65, "longer than 128 bytes"),
    ],
)
def test_what_some_file_system_cannot_hold_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidNameError, match=reason):
        check_name(name)


def test_a_path_is_told_to_use_load() -> None:
    with pytest.raises(InvalidNameError, match=re.escape("load(name, environment_path)")):
        check_name(Path("numpy"))


@pytest.mark.parametrize("name", [None, 1, b"numpy", ["numpy"]])
def test_what_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(InvalidNameError, match="must be text"):
        check_name(name)


def test_an_existing_name_is_accepted_for_reuse() -> None:
    assert "numpy" == check_name("numpy", ["Scipy", "numpy"])


@pytest.mark.parametrize(
    "name, other", [("NumPy", "numpy"), ("STRASSE", "straße"), ("e\N{COMBINING ACUTE ACCENT}", "é"), ("É", "é")]
)
def test_a_name_that_some_file_systems_confuse_with_another_is_refused(name: str, other: str) -> None:
    with pytest.raises(InvalidNameError, match=f"{other!r} exists"):
        check_name(name, ["unrelated", other])
