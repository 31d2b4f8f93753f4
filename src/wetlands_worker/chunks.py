"""A chunk of a ``map``: one function called with each of several items, answered by one frame.

The body of the answer is ``(results, failure)``: what the calls returned up to the first one that failed, and the body
of a FAILURE for that one, or None. No call follows one that failed.
"""

from wetlands_worker import messages
from wetlands_worker.answers import failure
from wetlands_worker.invoke import call
from wetlands_worker.values import EncodeError, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Sequence, Tuple

    from wetlands_worker.exchange import Part
    from wetlands_worker.handle import RemoteTaskHandle

    Outcome = Tuple[int, bytes, Sequence[Part]]
    Stage = Callable[[object], Tuple[bytes, Sequence[Part]]]


def answer(
    function: "Callable[..., object]", items: "Sequence[object]", handle: "RemoteTaskHandle", stage: "Stage"
) -> "Outcome":
    """Call a function with each of the items until one fails, or the chunk is canceled.

    Args:
        function: Whatever a call may name.
        items: Its arguments, one for each call.
        handle: The handle of the chunk; a function that asks for one gets it, and what it reports is the chunk's.
        stage: Makes a body and buffers of a value.

    Raises:
        KeyboardInterrupt: The chunk was interrupted: none of its results arrives.
    """
    results: "List[object]" = []
    failed: "Optional[bytes]" = None
    try:
        for item in items:
            if handle.cancel_requested:
                handle.cancel()
                break
            results.append(call(function, (item,), {}, handle))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is the answer to that call
        kind, failed, _ = failure(error, handle)
        if kind == messages.CANCELED:
            return kind, b"", ()
    try:
        return (messages.RESULT, *stage((results, failed)))
    except EncodeError:
        position, problem = _first_unsendable(results)
        return (messages.RESULT, *stage((results[:position], failure(problem, handle)[1])))


def _first_unsendable(results: "List[object]") -> "Tuple[int, EncodeError]":
    for position, result in enumerate(results):
        try:
            encode(result, name="result")
        except EncodeError as error:
            return position, error
    problem = "it can be sent by itself, and not beside the results of its chunk"
    return 0, EncodeError("result", problem, "list")
