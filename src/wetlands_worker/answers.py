"""What is sent of a call that failed, and of the globals of a script; most calls need neither.

The body of a FAILURE is the plain tuple ``(category, message, traceback, frames, remote exception, serialization
context)``, made of strings, numbers and tuples only, so that every Python can read what another one wrote.
"""

from wetlands_worker import failures, messages
from wetlands_worker.pieces import nested
from wetlands_worker.values import DecodeError, EncodeError, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence, Tuple

    from wetlands_worker.exchange import Part
    from wetlands_worker.handle import RemoteTaskHandle

    Outcome = Tuple[int, bytes, Sequence[Part]]


def crossing(namespace: "Dict[str, object]") -> "Dict[str, Tuple[bytes, List[object]]]":
    """Each global encoded for itself, without those that cannot cross."""
    crossing: "Dict[str, Tuple[bytes, List[object]]]" = {}
    for name, value in namespace.items():
        try:
            body, buffers = encode(value)
        except EncodeError:
            continue
        crossing[name] = (body, nested(buffers))
    return crossing


def failure(error: BaseException, handle: "RemoteTaskHandle") -> "Outcome":
    """The answer to a call that raised."""
    if isinstance(error, KeyboardInterrupt) and handle.cancel_requested:
        return messages.CANCELED, b"", ()
    if handle.cancel_requested and failures.is_cancellation(error):
        return messages.CANCELED, b"", ()
    if isinstance(error, (EncodeError, DecodeError)):
        where = error.path if isinstance(error, EncodeError) else "arguments"
        plain: "Tuple[object, ...]" = ("serialization", str(error), None, (), None, where)
    else:
        plain = described(error)
    return messages.FAILURE, encode(plain)[0], ()


def described(error: BaseException) -> "Tuple[object, ...]":
    """The body of a FAILURE for an exception, not encoded."""
    try:
        info = failures.describe(error)
        frames = tuple(tuple(frame) for frame in failures.plain_frames(error))
        return "remote_exception", info.message, info.traceback, frames, failures.to_plain(info), None
    except ImportError:
        raise
    except BaseException as problem:  # noqa: BLE001 - neither its __str__ nor what it replaced may end the worker
        message = f"{type(error).__name__}, which could not be described ({type(problem).__name__})"
        return "internal_exception", message, None, (), None, None
