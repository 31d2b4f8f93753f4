"""What a process writes is logged, remembered within bounds, and handed to who asks; no receiver harms another."""

from __future__ import annotations

import io
import logging
import os
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest

from wetlands._launch import output
from wetlands._launch.feed import Feed
from wetlands._launch.output import ProcessLogger
from wetlands._logs.attributes import records_of
from wetlands.logger import attach_log_handler, logger

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping

DEADLINE = 10.0
MARKER = b"\x1en0nce:"


class FakeProcess:
    """A process that has two pipes, into which the test writes."""

    def __init__(self, *, merged: bool = False, text: bool = False) -> None:
        self.pid = 4321
        out, self.out = _pipe(text=text)
        self.stdout: io.IOBase | None = out
        self.stderr: io.BufferedReader | io.TextIOWrapper | None = None
        if not merged:
            self.stderr, self.err = _pipe(text=text)

    def logger(
        self,
        context: Mapping[str, object] | None = None,
        *,
        log: bool = False,
        marker: bytes | None = None,
        max_lines: int = 1000,
    ) -> ProcessLogger:
        process = cast("subprocess.Popen[bytes]", self)
        return ProcessLogger(process, context, log=log, marker=marker, max_lines=max_lines)

    def end(self) -> None:
        self.out.close()
        if self.stderr is not None:
            self.err.close()


def _pipe(*, text: bool) -> tuple[io.BufferedReader | io.TextIOWrapper, BinaryIO]:
    reading, writing = os.pipe()
    reader: io.BufferedReader | io.TextIOWrapper = open(reading, "rb")  # noqa: PTH123, SIM115 - a descriptor, closed by the reader
    if text:
        reader = io.TextIOWrapper(cast("io.BufferedReader", reader), "latin-1")
    return reader, open(writing, "wb", buffering=0)  # noqa: PTH123 - a descriptor, closed by `end`


@pytest.fixture
def process() -> Iterator[FakeProcess]:
    made = FakeProcess()
    yield made
    made.end()


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []
    handler = attach_log_handler(found.append, logging.DEBUG)
    yield found
    logger.removeHandler(handler)


def wait_until(condition: Callable[[], object], changed: threading.Condition) -> None:
    with changed:
        assert changed.wait_for(condition, DEADLINE)


def ended(process: FakeProcess, lines: ProcessLogger) -> None:
    process.end()
    assert lines.join(DEADLINE)


def test_the_lines_of_both_streams_can_be_read_back(process: FakeProcess) -> None:
    lines = process.logger()
    process.out.write(b"one\ntwo\nlast without newline")
    process.err.write(b"trouble\n")
    ended(process, lines)

    assert ["one", "two", "last without newline"] == lines.get_stdout_output()
    assert ["trouble"] == lines.get_stderr_output()
    assert ["last without newline", "one", "trouble", "two"] == sorted(lines.get_output())


def test_the_output_of_both_streams_is_in_the_order_in_which_it_was_read(process: FakeProcess) -> None:
    lines = process.logger()
    for number in range(20):
        stream = process.err if number % 2 else process.out
        stream.write(f"{number}\n".encode())
        assert str(number) == lines.wait_for_line(str(number).__eq__, DEADLINE)
    ended(process, lines)

    assert [str(number) for number in range(20)] == lines.get_output()


def test_the_history_is_bounded_for_each_stream(process: FakeProcess) -> None:
    lines = process.logger(max_lines=3)
    process.err.write(b"why it failed\n")
    assert lines.wait_for_line("why it failed".__eq__, DEADLINE)
    process.out.write(b"".join(b"%d\n" % number for number in range(5000)))
    ended(process, lines)

    assert ["4997", "4998", "4999"] == lines.get_stdout_output()
    assert ["why it failed"] == lines.stderr_tail(10)
    assert 3 == len(lines.get_output())


def test_the_tail_of_merged_streams_is_that_of_stdout() -> None:
    process = FakeProcess(merged=True)
    lines = process.logger()
    process.out.write(b"a\nb\nc\n")
    ended(process, lines)

    assert ["b", "c"] == lines.stderr_tail(2)
    assert [] == lines.stderr_tail(0)


def test_a_text_pipe_is_read_with_its_own_encoding() -> None:
    process = FakeProcess(merged=True, text=True)
    lines = process.logger()
    process.out.write("é\r\n".encode("latin-1"))
    assert "é" == lines.wait_for_line(bool, DEADLINE)
    ended(process, lines)


@pytest.mark.parametrize("content", [io.StringIO("é\nlast"), io.BytesIO("é\nlast".encode())])
def test_output_that_was_read_before_can_stand_in_for_a_pipe(content: io.StringIO | io.BytesIO) -> None:
    process = FakeProcess(merged=True)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = content
    process.end()

    lines = process.logger()

    assert lines.join(DEADLINE)
    assert ["é", "last"] == lines.get_output()


def test_a_process_without_pipes_has_no_output() -> None:
    process = FakeProcess()
    process.end()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    process.stdout = process.stderr = None
    lines = process.logger(log=True)

    assert lines.join(0)
    assert lines.wait_for_line(bool) is None


def test_a_subscriber_gets_each_line_once_with_its_context(process: FakeProcess) -> None:
    lines = process.logger({"env_name": "cellpose"}, marker=MARKER)
    process.out.write(b"early\n" + MARKER + b"7\x1ehello")
    assert lines.wait_for_line("early".__eq__, DEADLINE)
    found: list[tuple[str, dict[str, object]]] = []
    lines.subscribe(lambda line, context: found.append((line, dict(context))))
    assert ["early"] == [line for line, _ in found]

    process.out.write(b" again\n" + MARKER + b"\x1e")
    process.err.write(b"late\n")
    ended(process, lines)

    common = {"env_name": "cellpose"}
    assert [
        ("early", {**common, "stream": "stdout", "task_id": None}),
        ("hello again", {**common, "stream": "stdout", "task_id": "7"}),
        ("late", {**common, "stream": "stderr", "task_id": None}),
    ] == sorted(found, key=lambda each: each[0])


def test_a_subscriber_may_leave_out_what_was_before(process: FakeProcess) -> None:
    lines = process.logger()
    process.out.write(b"before\n")
    assert lines.wait_for_line("before".__eq__, DEADLINE)
    found: list[str] = []
    lines.subscribe(lambda line, _: found.append(line), include_history=False)
    process.out.write(b"after\n")
    ended(process, lines)

    assert ["after"] == found


def test_who_subscribes_after_the_end_gets_the_history_at_once(process: FakeProcess) -> None:
    lines = process.logger()
    process.out.write(b"a\nb\n")
    ended(process, lines)
    found: list[str] = []

    lines.subscribe(lambda line, _: found.append(line))

    assert ["a", "b"] == found


def test_an_ended_subscription_gets_no_more_lines(process: FakeProcess) -> None:
    lines = process.logger()
    first, all_lines = [], []
    stop = lines.subscribe(lambda line, _: first.append(line))
    lines.subscribe(lambda line, _: all_lines.append(line))
    process.out.write(b"one\n")
    assert lines.wait_for_line("one".__eq__, DEADLINE)
    stop()
    stop()
    process.out.write(b"two\n")
    ended(process, lines)

    assert ["one", "two"] == all_lines
    assert "two" not in first


def test_a_failing_subscriber_is_told_once_and_harms_nobody(
    process: FakeProcess, records: list[logging.LogRecord]
) -> None:
    lines = process.logger({"env_name": "cellpose"})
    calls: list[str] = []
    others: list[str] = []

    def fail(line: str, _: object) -> None:
        calls.append(line)
        raise ValueError(line)

    lines.subscribe(fail)
    lines.subscribe(lambda line, _: others.append(line))
    process.out.write(b"a\nb\nc\n")
    ended(process, lines)

    assert ["a", "b", "c"] == calls == others
    assert [("ERROR", "cellpose")] == [(record.levelname, vars(record)["env_name"]) for record in records]


def test_a_subscriber_may_call_everything(process: FakeProcess) -> None:
    lines = process.logger()
    results: list[object] = []

    def call_all(line: str, _: object) -> None:
        if line == "go":
            stop = lines.subscribe(lambda *_: None)
            lines.update_log_context({"seen": line})
            results.append(lines.get_output())
            process.out.write(b"answer\n")
            results.append(lines.wait_for_line("answer".__eq__, DEADLINE))
            process.end()
            results.append(lines.join(DEADLINE))
            stop()

    lines.subscribe(call_all)
    process.out.write(b"go\n")
    assert lines.join(DEADLINE)

    assert [["go"], "answer", True] == results


def test_a_subscriber_that_stands_still_does_not_keep_the_process_from_writing(
    process: FakeProcess, records: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "Feed", lambda: Feed(most_letters=1, patience=0))
    lines = process.logger()
    arrived, release = threading.Event(), threading.Event()

    def stand_still(_line: str, _context: object) -> None:
        arrived.set()
        assert release.wait(DEADLINE)

    lines.subscribe(stand_still)
    process.out.write(b"first\n")
    assert arrived.wait(DEADLINE)
    for _ in range(100):  # much more than a pipe holds
        process.out.write(b"x" * 65535 + b"\n")
    process.end()
    assert not lines.join(0)
    assert lines._ended.wait(DEADLINE)
    release.set()
    assert lines.join(DEADLINE)

    told = [record for record in records if record.levelname == "WARNING"]
    assert "were not handed to it" in told[0].getMessage()


def test_waiting_finds_a_line_that_is_still_to_come(process: FakeProcess) -> None:
    lines = process.logger()
    found: list[str | None] = []
    waiting = threading.Thread(target=lambda: found.append(lines.wait_for_line(lambda line: "ready" in line, DEADLINE)))
    waiting.start()
    process.err.write(b"loading\nready on 1234\n")
    waiting.join(DEADLINE)
    ended(process, lines)

    assert ["ready on 1234"] == found


def test_waiting_for_what_was_before_needs_the_history(process: FakeProcess) -> None:
    lines = process.logger()
    process.out.write(b"ready\n")
    assert "ready" == lines.wait_for_line("ready".__eq__, DEADLINE)

    assert "ready" == lines.wait_for_line("ready".__eq__, timeout=0)
    assert lines.wait_for_line("ready".__eq__, timeout=0, include_history=False) is None


def test_waiting_ends_with_the_output(process: FakeProcess) -> None:
    lines = process.logger()
    found: list[str | None] = ["not yet"]
    waiting = threading.Thread(target=lambda: found.append(lines.wait_for_line("never".__eq__)))
    waiting.start()
    process.out.write(b"something else\n")
    process.end()
    waiting.join(DEADLINE)

    assert ["not yet", None] == found
    assert lines.wait_for_line("never".__eq__) is None
    assert lines.join(DEADLINE)


def test_what_a_predicate_raises_is_raised_to_who_waits(process: FakeProcess) -> None:
    lines = process.logger()
    process.out.write(b"zero\n")

    with pytest.raises(ValueError, match="zero"):
        lines.wait_for_line(float, DEADLINE)  # raises for a text that is no number

    ended(process, lines)


def test_joining_is_over_with_its_time(process: FakeProcess) -> None:
    lines = process.logger()

    assert not lines.join(0)

    ended(process, lines)


def test_a_new_context_is_for_the_lines_that_follow(process: FakeProcess) -> None:
    lines = process.logger({"env_name": "a", "call_target": None})
    found: dict[str, object] = {}
    process.out.write(b"one\n")
    assert lines.wait_for_line("one".__eq__, DEADLINE)
    lines.update_log_context({"call_target": "module:function"})
    process.out.write(b"two\n")
    lines.subscribe(lambda line, context: found.update({line: context["call_target"]}))
    ended(process, lines)

    assert {"one": None, "two": "module:function"} == found


def test_lines_are_logged_with_their_attributes(process: FakeProcess, records: list[logging.LogRecord]) -> None:
    with records_of("/instance"):
        lines = process.logger({"env_name": "cellpose", "worker_index": 1, "message": "x"}, log=True, marker=MARKER)
    process.err.write(MARKER + b"7\x1e100 %s of it\n")
    ended(process, lines)

    (record,) = records
    expected = {
        "log_source": "execution",
        "env_name": "cellpose",
        "stage": None,
        "call_target": None,
        "stream": "stderr",
        "worker_index": 1,
        "task_id": "7",
        "instance": "/instance",
    }
    assert expected == {name: vars(record)[name] for name in expected}
    assert ("INFO", "100 %s of it") == (record.levelname, record.getMessage())


def test_lines_are_not_logged_when_the_caller_reads_them(
    process: FakeProcess, records: list[logging.LogRecord]
) -> None:
    lines = process.logger(log=False)
    process.out.write(b"mine\n")
    ended(process, lines)

    assert [] == records
    assert ["mine"] == lines.get_output()


def test_a_pipe_that_somebody_else_closed_has_ended() -> None:
    process = FakeProcess(merged=True)
    assert process.stdout is not None
    process.stdout.close()
    lines = process.logger()

    assert lines.join(DEADLINE)
    assert [] == lines.get_output()
    process.end()
