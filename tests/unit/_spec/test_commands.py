"""Commands of one platform."""

from __future__ import annotations

import pytest

from wetlands._spec import parse_commands
from wetlands.exceptions import InvalidDependencyError


@pytest.mark.parametrize(
    "platform, expected",
    [
        ("linux-64", ("a", "l")),
        ("linux-ppc64le", ("a", "l")),
        ("osx-arm64", ("a", "m")),
        ("win-64", ("a", "w")),
        ("freebsd14-amd64", ("a",)),
    ],
)
def test_the_lines_for_all_come_before_those_of_the_platform(platform: str, expected: tuple[str, ...]) -> None:
    commands = {"windows": ["w"], "mac": ["m"], "linux": ["l"], "all": ["a"]}
    assert expected == parse_commands(commands, platform)


@pytest.mark.parametrize("commands", [None, [], {}, {"all": []}, {"mac": ["m"]}])
def test_there_may_be_none(commands: object) -> None:
    assert () == parse_commands(commands, "linux-64")


def test_a_list_is_kept_as_it_is() -> None:
    assert ("echo b", "  echo a", "") == parse_commands(["echo b", "  echo a", ""], "win-64")


@pytest.mark.parametrize(
    "commands, reason",
    [
        ("echo a", r"must be a list, not a text\. Write \['echo a'\]"),
        (1, "must be a list"),
        ([1], "must be text"),
        (["a\0b"], "NUL"),
        (["a\ud800b"], "half of a character"),
        ({"all": "echo a"}, r"commands\['all'\] must be a list"),
        ({"mac": [None]}, "must be text, not None"),
        ({"macos": ["a"]}, "Did you mean 'mac'"),
        ({"beos": ["a"]}, "Known: 'all', 'linux', 'mac', 'windows'"),
        ({1: ["a"]}, "a key must be text"),
    ],
)
def test_what_is_no_command_is_refused_on_every_platform(commands: object, reason: str) -> None:
    with pytest.raises(InvalidDependencyError, match=reason):
        parse_commands(commands, "linux-64")
