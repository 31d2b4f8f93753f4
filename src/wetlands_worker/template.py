"""A template: a process that has imported modules once, of which workers are forked in milliseconds. POSIX only.

Who runs it: the host, as ``python <this folder> template SOCKET``, once for all workers of a launch. It runs no call. A
worker that is forked of it is the leader of a session of its own, has its own output and variables, and serves its
connections as any other worker does. It is a child of the template, which reaps it and tells the host how it ended.

| letter | from | content | enclosed |
|---|---|---|---|
| modules | host | the names of the modules to import | - |
| `("ready", reason)` | template | why it cannot be forked, or None | - |
| `("failed", module, failure)` | template | as the body of a FAILURE, see `wetlands_worker.answers` | - |
| request | host | `(variables, folder, segment, nonce, session)` | call, control, page, stdout, stderr, segment |
| `("forked", nonce, pid)` | template | the request, and the worker | - |
| `("refused", nonce, reason)` | template | the request, and why it cannot be forked any more | - |
| `("ended", pid, status, peak)` | template | as of ``wait4``: the status, and ``ru_maxrss`` | - |

When the host is gone it ends at once; its workers see the same on their own connections.
"""

import os
import select
import sys

from wetlands_worker import forkable, stdio
from wetlands_worker.letters import receive_letter, send_letter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Any, Dict, List, Optional

_FAILED = 70  # the exit code of a copy that could not become a worker (EX_SOFTWARE)


def main(descriptor: int) -> "List[str]":
    """Import, and fork workers until the host is gone; returns only in a worker, with what its main loop is given."""
    import _socket  # noqa: PLC0415 - the public module costs milliseconds
    import faulthandler  # noqa: PLC0415 - builtin

    os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional in the standard library
    host = _socket.socket(fileno=descriptor)
    host.settimeout(None)
    faulthandler.enable()
    letter = receive_letter(host)
    if letter is None or not _imported(host, letter[0]):
        os._exit(0)
    return _Template(host).serve()


def _imported(host: "_socket.socket", names: "Any") -> bool:  # Any: strings
    from importlib import import_module  # noqa: PLC0415 - loaded with almost any module

    from wetlands_worker import alias, answers  # noqa: PLC0415 - workers find it loaded

    import_module("wetlands_worker.begin")  # the same
    import_module("wetlands_worker.control")

    alias.install()
    for name in names:
        try:
            import_module(name)
        except BaseException as error:  # noqa: BLE001 - whatever a module raises is an answer
            send_letter(host, ("failed", name, answers.described(error)))
            return False
    forkable.settle()
    send_letter(host, ("ready", forkable.why_not()))
    return True


class _Template:
    def __init__(self, host: "_socket.socket") -> None:
        import gc  # noqa: PLC0415 - builtin
        from _signal import SIGCHLD, set_wakeup_fd, signal  # type: ignore[import-not-found]  # noqa: PLC0415 - cheap

        self._host = host
        self._children: "Dict[int, None]" = {}
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before = signal(SIGCHLD, lambda _signal, _frame: None)
        set_wakeup_fd(self._wakes)
        gc.collect()
        gc.freeze()  # what is never looked at by a collector stays shared by all copies

    def serve(self) -> "List[str]":
        """Fork when asked, tell of ends; returns in a copy, which is to become a worker."""
        poll = select.poll()
        for descriptor in (self._host.fileno(), self._woken):
            poll.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = [descriptor for descriptor, _ in poll.poll()]
                if self._woken in ready:
                    os.read(self._woken, 4096)
                self._reap()
                if self._host.fileno() in ready:
                    arguments = self._answer()
                    if arguments is not None:
                        return arguments
        except OSError:  # the host has gone
            os._exit(0)

    def _answer(self) -> "Optional[List[str]]":
        letter = receive_letter(self._host)
        if letter is None:
            os._exit(0)
        request: "Any" = letter[0]  # Any: see the table
        descriptors, nonce = letter[1], request[3]
        reason = forkable.why_not()
        if reason is None:
            stdio.flush()  # what waits there would be written by each copy
            pid = os.fork()
            if pid == 0:
                return self._become(request, descriptors)
            self._children[pid] = None
            send_letter(self._host, ("forked", nonce, pid))
        else:
            send_letter(self._host, ("refused", nonce, reason))
        for descriptor in descriptors:
            os.close(descriptor)
        return None

    def _reap(self) -> None:
        for pid in list(self._children):  # not all children: modules may have started some for themselves
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                del self._children[pid]
                send_letter(self._host, ("ended", pid, status, usage.ru_maxrss))

    def _become(self, request: "Any", descriptors: "List[int]") -> "List[str]":  # Any: see the table
        """This is the copy: leave all that is the template's, and take what is the worker's own."""
        try:
            os.setsid()
            self._leave()
            call, control, page, stdout, stderr, *shared = descriptors
            for descriptor, standard in ((stdout, 1), (stderr, 2)):
                os.dup2(descriptor, standard)
                os.close(descriptor)
            variables, folder, segment, nonce, session = request
            os.environ.update(variables)
            try:
                os.chdir(folder)
            except OSError:  # it is gone, and was the host's own
                pass
            _reseed()
            token = f"{shared[0]}:{segment}" if shared else segment
            return [str(call), str(control), str(page), token, nonce, session]
        except BaseException:  # noqa: BLE001 - a copy must never go on as a template
            sys.excepthook(*sys.exc_info())
            stdio.flush()
            os._exit(_FAILED)

    def _leave(self) -> None:
        from _signal import SIGCHLD, set_wakeup_fd, signal  # noqa: PLC0415 - see above

        set_wakeup_fd(-1)
        signal(SIGCHLD, self._before)
        for descriptor in (self._woken, self._wakes):
            os.close(descriptor)
        self._host.close()


def _reseed() -> None:
    """Copies would all draw the same random numbers; Python's own `random` sees to itself."""
    random = sys.modules.get("numpy.random")
    seed = getattr(random, "seed", None)
    if seed is not None:
        seed()
