"""However the bytes are cut into reads, the same lines come out, each with its task."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wetlands._launch.lines import LineSplitter, TaskLines

MARKER = b"\x1ea1b2c3:"


def mark(task: str) -> bytes:
    return MARKER + task.encode() + b"\x1e"


def split(*reads: bytes, longest: int = 1000, encoding: str = "utf-8") -> list[tuple[str | None, str]]:
    splitter = LineSplitter(marker=MARKER, encoding=encoding, longest=longest)
    groups = [group for read in reads for group in splitter.feed(read)] + splitter.end()
    return [(task, line) for task, lines in groups for line in lines]


def lines(*reads: bytes, longest: int = 1000) -> list[str]:
    return [line for _, line in split(*reads, longest=longest)]


@pytest.mark.parametrize(
    "data,expected",
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\r\nb\r\n\r\n", ["a", "b", ""]),
        (b"a\r\r\nb\n", ["a", "b"]),
        (b"no newline", ["no newline"]),
        (b"\r 10%\r 20%\r100%\ndone\n", [" 10%", " 20%", "100%", "done"]),
        (b"10%\r\r\r20%\r", ["10%", "20%"]),
        (b"form\x0cfeed\x0band\x1cothers\xe2\x80\xa8stay\n", ["form\x0cfeed\x0band\x1cothers\u2028stay"]),
        (b"caf\xc3\xa9 \xf0\x9f\x90\x9f\n", ["café \U0001f41f"]),
        (b"bad \xff\xc3(\n", ["bad \ufffd\ufffd("]),
        (b"cut \xf0\x9f\x90", ["cut \ufffd"]),
    ],
)
def test_lines_end_where_a_terminal_would_begin_a_new_one(data: bytes, expected: list[str]) -> None:
    assert expected == lines(data)


def test_a_line_is_there_as_soon_as_its_newline_is() -> None:
    splitter = LineSplitter()

    assert [TaskLines(None, ["first"])] == splitter.feed(b"first\nsec")
    assert [] == splitter.feed(b"on")
    assert [TaskLines(None, ["second"])] == splitter.feed(b"d\r")
    assert [] == splitter.feed(b"\n")


def test_a_long_line_is_cut_into_pieces() -> None:
    assert ["aaaa", "aaaa", "aa", "b"] == lines(b"aaaaaaaaaa\nb", longest=4)


def test_a_line_of_just_the_longest_length_is_one_line() -> None:
    assert ["aaaa", "bbbb"] == lines(b"aaaa\nbbbb\n", longest=4)


def test_a_gigabyte_without_a_newline_is_not_gathered() -> None:
    splitter = LineSplitter(longest=1024)
    read = b"x" * 4096

    for _ in range(100):
        for _, pieces in splitter.feed(read):
            assert all(len(piece) <= 1024 for piece in pieces)

    assert splitter._begun_length <= 1024


def test_marks_tell_which_task_wrote_a_line_and_are_not_shown() -> None:
    data = b"starting\n" + mark("t1") + b"one\n" + mark("t2") + b"two\n" + mark("") + b"idle\n"

    assert [(None, "starting"), ("t1", "one"), ("t2", "two"), (None, "idle")] == split(data)


def test_an_unfinished_line_before_a_mark_belongs_to_the_earlier_task() -> None:
    assert [("t1", "no newline"), ("t2", "next")] == split(mark("t1") + b"no newline" + mark("t2") + b"next\n")


def test_a_mark_after_half_a_letter_is_still_a_mark() -> None:
    assert [("t1", "\ufffd"), ("t2", "two")] == split(mark("t1") + b"\xc3" + mark("t2") + b"two\n")


def test_the_letter_that_begins_a_mark_is_text_when_no_mark_follows() -> None:
    assert ["a\x1eb", "\x1ea1b2", "c\x1e"] == lines(b"a\x1eb\n\x1ea1b2\nc\x1e")


def test_a_mark_that_never_ends_does_not_hold_text_back() -> None:
    text = b"x" * 300

    assert [(None, MARKER.decode() + text.decode())] == split(MARKER + text + b"\n")


def test_a_mark_that_was_cut_by_the_death_of_its_writer_is_not_shown() -> None:
    assert ["last"] == lines(b"last\n" + mark("t1")[:-1])


def test_without_a_marker_nothing_is_a_mark() -> None:
    splitter = LineSplitter()

    assert [TaskLines(None, ["\x1ea1b2c3:t1\x1etext"])] == splitter.feed(mark("t1") + b"text\n")


def test_another_encoding_is_decoded_before_lines_are_looked_for() -> None:
    # the letter U+0A0D has the bytes of both newlines in UTF-16
    assert [(None, "\u0a0d"), (None, "é")] == split("\u0a0d\né\n".encode("utf-16-le"), encoding="utf-16-le")


pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\n", b"\r", b"\r\n", b"\x1e", mark("1"), mark(""), mark("task 2"), MARKER, MARKER[:3], b"\xc3"]
        ),
        st.text("aé\U0001f41f", max_size=6).map(str.encode),
    ),
    max_size=20,
)


@given(pieces, st.data())
def test_the_lines_do_not_depend_on_how_the_bytes_are_cut(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reads = [whole[i:j] for i, j in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    assert split(whole, longest=5) == split(*reads, longest=5)
    assert split(whole, longest=5) == split(*(whole[i : i + 1] for i in range(len(whole))), longest=5)


@given(pieces)
def test_no_letter_but_those_of_line_ends_and_marks_is_lost(parts: list[bytes]) -> None:
    text = [part.decode("ascii", "ignore") for part in parts if part.isalpha()]
    found = "".join(line for _, line in split(b"\n".join(part for part in parts if part.isalpha())))

    assert "".join(text) == found
