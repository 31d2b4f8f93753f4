"""An editor's side of the Debug Adapter Protocol, as far as a debugging session of the tests needs it.

The protocol: https://microsoft.github.io/debug-adapter-protocol/specification
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    Message = dict[str, Any]  # Any: what the protocol says

SECONDS = 20.0


class Editor:
    """Attached to the debugger of a worker; leaving the block detaches."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=SECONDS)
        self._file = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _tb: TracebackType | None) -> None:
        try:
            self.ask("disconnect", terminateDebuggee=False)
        finally:
            self.close()

    def close(self) -> None:
        """Hang up without a word."""
        self._file.close()
        self._socket.close()

    def attach(self, breakpoints: dict[Path, list[int]], *, just_my_code: bool = False) -> list[Message]:
        """Attach with breakpoints in these lines of files, and return what the debugger says of them."""
        self.ask("initialize", adapterID="tests", pathFormat="path")
        self._send("attach", justMyCode=just_my_code)
        self.event("initialized")
        set_here: list[Message] = []
        for path, lines in breakpoints.items():
            where = {"source": {"path": str(path)}, "breakpoints": [{"line": line} for line in lines]}
            set_here += self.ask("setBreakpoints", **where)["breakpoints"]
        self.ask("configurationDone")
        return set_here

    def stopped(self) -> tuple[int, Message]:
        """Wait until a thread stops, and return it and its innermost frame."""
        thread = self.event("stopped")["threadId"]
        return thread, self.ask("stackTrace", threadId=thread)["stackFrames"][0]

    def locals(self, frame: Message) -> dict[str, str]:
        """Return the local variables of a frame, as the editor would show them."""
        scope = self.ask("scopes", frameId=frame["id"])["scopes"][0]
        variables = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        return {variable["name"]: variable["value"] for variable in variables}

    def go_on(self, thread: int) -> None:
        """Let a thread continue."""
        self.ask("continue", threadId=thread)

    def ask(self, command: str, **arguments: object) -> Message:
        """Send a request, and return the body of its answer."""
        number = self._send(command, **arguments)
        answer = self._read_until(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        body: Message = answer.get("body") or {}
        return body

    def event(self, name: str) -> Message:
        """Return the body of the next event of that name, which may have come already."""
        for event in self._events:
            if event["event"] == name:
                self._events.remove(event)
                break
        else:
            event = self._read_until(lambda message: message.get("event") == name)
            self._events.remove(event)
        body: Message = event.get("body") or {}
        return body

    def _send(self, command: str, **arguments: object) -> int:
        self._sent += 1
        request = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self._sent

    def _read_until(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)
            if wanted(message):
                return message

    def _read(self) -> Message:
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the debugger has closed the connection"
        message: Message = json.loads(self._file.read(length))
        return message
