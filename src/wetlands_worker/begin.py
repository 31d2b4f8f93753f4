"""How a process becomes a worker: what is set up once, and what the host is told first."""

import os
import sys

from wetlands_worker import messages, stdio
from wetlands_worker.exchange import join
from wetlands_worker.frames import Connection
from wetlands_worker.handle import provide
from wetlands_worker.page import open_page, stack_signal
from wetlands_worker.room import ask_for_room
from wetlands_worker.serve import Worker
from wetlands_worker.values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from wetlands_worker.exchange import Exchange
    from wetlands_worker.page import Page

__all__ = ["become_worker", "connected", "greet", "joined", "main", "write_stacks_into"]


def main(arguments: "List[str]") -> None:
    """Connect, say hello, and serve until the host is gone."""
    from wetlands_worker.control import serve_control  # noqa: PLC0415 - a name of this function only

    call_descriptor, control_descriptor, page, segment, nonce, session = arguments
    call = connected(int(call_descriptor))
    control = connected(int(control_descriptor))
    call.exchange = joined(segment, control)
    shared = open_page(page)
    worker = Worker(call, shared, session)
    main_module = become_worker(worker, nonce)
    write_stacks_into(shared)
    if hasattr(os, "register_at_fork"):  # POSIX
        os.register_at_fork(after_in_child=control.close)
    serve_control(worker, control)
    listen_if_wanted()
    try:
        greet(call)
        worker.serve()
    except OSError:  # the host has gone
        pass
    del main_module
    stdio.flush()


def connected(descriptor: int) -> Connection:
    """The connection over a socket that was inherited, or passed."""
    import _socket  # noqa: PLC0415 - the public module costs milliseconds

    os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional in the standard library
    sock = _socket.socket(fileno=descriptor)
    sock.settimeout(None)  # a sitecustomize may have set a default timeout
    return Connection(sock)


def joined(token: str, control: Connection) -> "Optional[Exchange]":
    """This side of the memory that the host shares with us, which asks it for more room over the control connection."""
    exchange = join(token)
    if exchange is not None:
        ask_for_room(exchange, control)
    return exchange


def become_worker(worker: Worker, nonce: str) -> object:
    """Set this process up for user code; what comes back is to be kept until the process ends.

    Args:
        worker: What runs here from now on.
        nonce: What marks its output.
    """
    import faulthandler  # noqa: PLC0415 - builtin

    # the module `signal` would import enum, which costs milliseconds
    from _signal import SIGINT  # type: ignore[import-not-found]  # noqa: PLC0415 - see above
    from _signal import signal as set_handler  # noqa: PLC0415 - see above

    from wetlands_worker import alias  # noqa: PLC0415 - a name of this function only

    faulthandler.enable(os.dup(2))  # of its own, so that it works when user code closes stderr
    provide(worker.current)
    stdio.redirect(nonce, worker.task_id)
    alias.install()
    sys.argv = [""]
    main_module = sys.modules["__main__"]  # kept alive: its end would clear the globals this code runs on
    sys.modules["__main__"] = main_of_user = type(sys)("__main__")
    main_of_user.__file__ = f"{os.path.dirname(__file__)}/children.py"  # what children of multiprocessing run
    if hasattr(os, "register_at_fork"):  # POSIX
        os.register_at_fork(after_in_child=worker.close_in_child)
    set_handler(SIGINT, worker.interrupted)
    return main_module


def write_stacks_into(page: "Page") -> None:
    """Have stacks written into a page when the host asks for them by a signal."""
    number = stack_signal()
    if number is not None:
        import faulthandler  # noqa: PLC0415 - builtin

        faulthandler.register(number, file=page.descriptor)


def listen_if_wanted() -> None:
    """Listen for a debugger before the first call, so that breakpoints are met in that one too."""
    if "WETLANDS_DEBUG" in os.environ:
        from wetlands_worker import debugger  # noqa: PLC0415 - only who debugs needs it

        debugger.listen_at_start()


def greet(call: Connection, **more: object) -> None:
    """Say hello.

    Args:
        call: The call connection.
        more: What else is to be said.

    Raises:
        OSError: The host has gone.
    """
    hello = {
        "protocol": messages.PROTOCOL_VERSION,
        "python": ".".join(map(str, sys.version_info[:3])),
        "pid": os.getpid(),
        "segment": call.exchange is not None,
        **more,
    }
    call.send(messages.HELLO, 0, encode(hello)[0])
