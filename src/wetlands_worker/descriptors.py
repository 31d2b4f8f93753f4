"""Open files that arrive beside the frames of a connection, where the system passes them (not on Windows)."""

import _socket
from _collections import deque  # type: ignore[import-not-found]  # `collections` itself is slower to import
from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Deque

    from wetlands_worker.frames import Connection

__all__ = ["DONTWAIT", "Descriptors", "rights"]

DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)
"""A flag for socket calls that are not to wait; 0 where there is none (Windows)."""

_SIZE = 4  # of an int in C
_MOST = 16  # in one message; the system keeps messages that carry some apart
_CLOSE_ON_EXEC = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


def rights(descriptor: int) -> "list[tuple[int, int, bytes]]":
    """What goes beside a message that passes a file."""
    return [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor.to_bytes(_SIZE, byteorder))]


class Descriptors:
    """Takes the files that come with the frames of a connection; a file comes with the first byte of its frame.

    Args:
        connection: It receives by this object from here on.
    """

    def __init__(self, connection: "Connection") -> None:
        self._came: "Deque[int]" = deque()
        self._receive: "Any" = getattr(connection.socket, "recvmsg_into", None)  # Any: Windows has none
        if self._receive is not None:
            self._space = _socket.CMSG_SPACE(_MOST * _SIZE)
            connection.receive_by(self._receive_into)

    def pop(self) -> int:
        """The file of the frame that has just come.

        Raises:
            OSError: It brought none.
        """
        if not self._came:
            message = "a file was announced, and none came"
            raise OSError(message)
        return self._came.popleft()

    def _receive_into(self, room: memoryview) -> int:
        got: int
        got, beside, _flags, _address = self._receive([room], self._space, _CLOSE_ON_EXEC)
        for level, kind, numbers in beside:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                for first in range(0, len(numbers) - _SIZE + 1, _SIZE):
                    self._came.append(int.from_bytes(numbers[first : first + _SIZE], byteorder))
        return got
