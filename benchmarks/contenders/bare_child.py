"""The far end of the bare floor: read a framed pickle, call a function, send the result back."""

import pickle
import socket
import struct
import sys

LENGTH = struct.Struct("<Q")


def nothing(value: object = None) -> object:
    """Return what was given."""
    return value


def main() -> None:
    """Serve until the other end is closed."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    while True:
        head = connection.recv(LENGTH.size)
        if not head:
            return
        body = bytearray(LENGTH.unpack(head)[0])
        left = memoryview(body)
        while left:
            left = left[connection.recv_into(left) :]
        args, kwargs = pickle.loads(body)
        answer = pickle.dumps(nothing(*args, **kwargs), 5)
        connection.sendall(LENGTH.pack(len(answer)) + answer)


if __name__ == "__main__":
    main()
