from __future__ import annotations

import click
import pytest

from wetlands._cli.running import arguments_of, split_target


@pytest.mark.parametrize(
    "target, expected",
    [
        ("module:function", ("module", "function")),
        ("./folder/file.py:Model.predict", ("./folder/file.py", "Model.predict")),
        ("script.py", ("script.py", "")),
        (r"C:\folder\script.py", (r"C:\folder\script.py", "")),
        (r"C:\folder\file.py:main", (r"C:\folder\file.py", "main")),
    ],
)
def test_a_target_is_a_script_or_a_function(target: str, expected: tuple[str, str]) -> None:
    assert expected == split_target(target)


@pytest.mark.parametrize("target", ["module", "module:", "module:a-b", ""])
def test_what_is_neither_is_refused(target: str) -> None:
    with pytest.raises(click.UsageError, match="neither a script"):
        split_target(target)


def test_words_are_python_values_or_text_and_go_by_name_when_named() -> None:
    args, options = arguments_of(["3", "[1, 'a']", "plain text", "scale=2.5", "path=/a=b", "a b=1", "-x", "'3'"])

    assert (3, [1, "a"], "plain text", "a b=1", "-x", "3") == args
    assert {"scale": 2.5, "path": "/a=b"} == options


def test_words_are_never_run() -> None:
    assert (("__import__('os').getpid()",), {}) == arguments_of(["__import__('os').getpid()"])
