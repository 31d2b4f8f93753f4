"""Letters to and from a template, or a persistent worker: plain values, with descriptors enclosed. POSIX only.

A letter is its length in four bytes, then the value as `wetlands_worker.values` encodes it. The descriptors travel with
its first byte.
"""

import _socket
from _socket import CMSG_SPACE, SCM_RIGHTS, SOL_SOCKET
from _struct import Struct, calcsize

from wetlands_worker.values import DecodeError, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Sequence, Tuple

    from wetlands_worker.frames import Bytes

_LENGTH = Struct("<I")
_NUMBER = calcsize("i")
_MOST_DESCRIPTORS = 8
_LONGEST = 1 << 26
_CHUNK = 1 << 16
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


def receive_letter(
    sock: "_socket.socket",
    read: "Callable[[Bytes, Sequence[object]], object]" = decode,
    *,
    enclosed: bool = True,
) -> "Optional[Tuple[object, List[int]]]":
    """Wait for the next letter: its value, and the files enclosed, which are the caller's to close; None at the end.

    Args:
        sock: Where it comes.
        read: Rebuilds its value.
        enclosed: Whether files are taken; otherwise the system closes what comes.

    Raises:
        DecodeError: It is no letter, or cannot be read.
        OSError: The connection is broken.
    """
    descriptors: "List[int]" = []
    head = b""
    while len(head) < _LENGTH.size:
        room = CMSG_SPACE(_MOST_DESCRIPTORS * _NUMBER) if enclosed else 0
        came, files, _, _ = sock.recvmsg(_LENGTH.size - len(head), room, _CLOSE_ON_EXEC)
        for _, _, packed in files:
            count = len(packed) // _NUMBER
            descriptors.extend(Struct(f"{count}i").unpack(packed[: count * _NUMBER]))
        if not came:
            return None
        head += came
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        problem = f"a letter of {length} bytes was announced"
        raise DecodeError(problem)
    body = bytearray()
    while len(body) < length:
        came = sock.recv(min(length - len(body), _CHUNK))
        if not came:
            return None
        body += came
    return read(body, ()), descriptors
