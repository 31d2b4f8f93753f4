"""Letters between a host and a template: plain values, with descriptors enclosed. POSIX only.

A letter is its length in four bytes, then the value as `wetlands_worker.values` encodes it. The descriptors travel with
its first byte.
"""

import _socket
from _socket import CMSG_SPACE, SCM_RIGHTS, SOL_SOCKET
from _struct import Struct, calcsize

from wetlands_worker.values import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Tuple

_LENGTH = Struct("<I")
_NUMBER = calcsize("i")
_MOST_DESCRIPTORS = 8
_CLOSE_ON_EXEC = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


def send_letter(sock: "_socket.socket", value: object, descriptors: "Sequence[int]" = ()) -> None:
    """Send a value made of plain things, and open files, which stay ours too.

    Raises:
        OSError: The other side is gone.
    """
    body = encode(value)[0]
    letter = _LENGTH.pack(len(body)) + body
    enclosed = []
    if descriptors:
        enclosed.append((SOL_SOCKET, SCM_RIGHTS, Struct(f"{len(descriptors)}i").pack(*descriptors)))
    sent = sock.sendmsg([letter], enclosed)
    sock.sendall(letter[sent:])


def receive_letter(sock: "_socket.socket") -> "Optional[Tuple[object, List[int]]]":
    """Wait for the next letter: its value, and the files enclosed, which are the caller's to close; None at the end."""
    descriptors: "List[int]" = []
    head = b""
    while len(head) < _LENGTH.size:
        read, enclosed, _, _ = sock.recvmsg(
            _LENGTH.size - len(head), CMSG_SPACE(_MOST_DESCRIPTORS * _NUMBER), _CLOSE_ON_EXEC
        )
        for _, _, packed in enclosed:
            count = len(packed) // _NUMBER
            descriptors.extend(Struct(f"{count}i").unpack(packed[: count * _NUMBER]))
        if not read:
            return None
        head += read
    (length,) = _LENGTH.unpack(head)
    body = b""
    while len(body) < length:
        read = sock.recv(length - len(body))
        if not read:
            return None
        body += read
    return decode(body, ()), descriptors
