from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from wetlands._debug.endpoint import ask_to_listen
from wetlands._store.debuggers import DebugEndpoint
from wetlands.exceptions import DebuggerError
from wetlands_worker.failures import WorkerInfo
from wetlands_worker.values import encode

if TYPE_CHECKING:
    from wetlands._pool.worker import Worker


def _worker(answer: bytes | None) -> Worker:
    """A worker that answers whatever it is asked so; None: it has died meanwhile."""
    return cast(
        "Worker",
        SimpleNamespace(
            index=1,
            process=SimpleNamespace(pid=47),
            info=WorkerInfo(environment="cellpose", index=1, pid=47, port=None, persistent=False),
            inquiries=SimpleNamespace(ask=lambda kind, patience, body: answer),
        ),
    )


def test_where_a_worker_listens_is_its_answer() -> None:
    endpoint = ask_to_listen(_worker(encode(("127.0.0.1", 5678, None))[0]))

    assert DebugEndpoint("cellpose", 1, 47, "127.0.0.1", 5678) == endpoint
    assert "Worker 1 of cellpose (pid 47) listens for a debugger on 127.0.0.1:5678" == str(endpoint)


@pytest.mark.parametrize(
    "answer, said",
    [
        (None, "worker 1 of cellpose .pid 47.: it has ended, or does not answer"),
        (encode(("", 0, "no adapter"))[0], "pid 47.: no adapter"),
        (encode(("127.0.0.1",))[0], "cannot be read"),
        (b"junk", "cannot be read"),
    ],
)
def test_no_answer_and_a_bad_one_are_errors_that_name_the_worker(answer: bytes | None, said: str) -> None:
    with pytest.raises(DebuggerError, match=said):
        ask_to_listen(_worker(answer))
