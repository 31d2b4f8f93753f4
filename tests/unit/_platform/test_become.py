from __future__ import annotations

import pytest

from wetlands._platform.become import become


class _ExecutedError(Exception):
    """In place of not coming back."""


def test_on_posix_this_process_becomes_the_command() -> None:
    seen: list[object] = []

    def execute(*arguments: object) -> None:
        seen.extend(arguments)
        raise _ExecutedError

    with pytest.raises(_ExecutedError):
        become(["/bin/tool", "-x"], {"A": "1"}, system="posix", execute=execute)

    assert ["/bin/tool", ["/bin/tool", "-x"], {"A": "1"}] == seen


def test_on_windows_this_program_leaves_with_the_code_of_the_command() -> None:
    seen: list[object] = []

    def call(argv: list[str], *, env: dict[str, str]) -> int:
        seen.extend((argv, env))
        return 7

    with pytest.raises(SystemExit) as left:
        become(["tool.exe", "-x"], {"A": "1"}, system="windows", call=call)

    assert 7 == left.value.code
    assert [["tool.exe", "-x"], {"A": "1"}] == seen
