"""What a keeper writes into the log of all workers while no program is there to do it.

The lines look like those that a program writes into the same file (`wetlands.logger`), and the file is bounded in the
same way, so that nobody has to know who wrote what.
"""

import os
import re
from threading import Lock
from time import localtime, strftime, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Pattern, Sequence, Tuple

__all__ = ["KeeperLog", "Lines"]

_MOST_BYTES = 10 << 20
_BACKUPS = 3
_LONGEST_LINE = 1 << 16
_LONGEST_MARK = 300


class Lines:
    """Bytes of one stream, as they come, into lines, each with the task that wrote it.

    Args:
        mark: How a mark of the task begins, see `wetlands_worker.stdio.marker`.
    """

    def __init__(self, mark: bytes) -> None:
        self._mark = re.compile(re.escape(mark) + rb"([^\x1e]{0,256})\x1e")
        self._begins = mark
        self._rest = b""
        self._task = ""

    def feed(self, data: bytes) -> "List[Tuple[str, str]]":
        """The lines that these bytes complete, as (task id, text)."""
        return self._split(self._rest + data, final=not data)

    def skip(self, data: bytes) -> None:
        """These bytes are written down by somebody else: only which task wrote them is noted."""
        self._rest = b""
        for mark in self._mark.finditer(data):
            self._task = mark[1].decode("utf-8", "replace")

    def _split(self, data: bytes, *, final: bool) -> "List[Tuple[str, str]]":
        found: "List[Tuple[str, str]]" = []
        while True:
            mark = self._mark.search(data)
            if mark is None:
                break
            self._add(data[: mark.start()], found, whole=True)
            self._task = mark[1].decode("utf-8", "replace")
            data = data[mark.end() :]
        self._rest = self._add(data, found, whole=final)
        return found

    def _add(self, data: bytes, found: "List[Tuple[str, str]]", *, whole: bool) -> bytes:
        *lines, rest = re.split(rb"\r*\n|\r(?=[^\n])", data)
        begun = rest.rfind(self._begins[:1], max(0, len(rest) - _LONGEST_MARK))
        if whole or (len(rest) > _LONGEST_LINE and begun < 0):
            lines, rest = ([*lines, rest] if rest else lines), b""
        found.extend((self._task, line.decode("utf-8", "replace")) for line in lines)
        return rest


class KeeperLog:
    """Appends to the log of an instance; one write for each piece of text, so those of several processes do not mix.

    Args:
        path: The file; empty: nothing is written.
        environment: The name of the environment, which is in each line.
    """

    def __init__(self, path: str, environment: str) -> None:
        self._path = path
        self._environment = environment
        self._lock = Lock()
        self._secrets: "Optional[Pattern[str]]" = None

    def hide(self, secrets: "Sequence[str]") -> None:
        """Replace these texts by ``***``."""
        if secrets:
            self._secrets = re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))

    def say(self, message: str, level: str = "INFO") -> None:
        """Write a sentence of the keeper's own."""
        self._append(f"{_now()} {level:<7} {self._environment}: {self._hidden(message)}\n")

    def wrote(self, index: int, stream: str, lines: "Sequence[Tuple[str, str]]") -> None:
        """Write what a worker wrote."""
        now = _now()
        text = "".join(
            f"{now} INFO    {self._environment} worker {index}{f' task {task}' if task else ''} {stream}: "
            f"{self._hidden(line)}\n"
            for task, line in lines
        )
        if text:
            self._append(text)

    def _hidden(self, text: str) -> str:
        return text if self._secrets is None else self._secrets.sub("***", text)

    def _append(self, text: str) -> None:
        if not self._path:
            return
        data = text.encode("utf-8", "backslashreplace")
        try:
            with self._lock:
                self._make_room(len(data))
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
                try:
                    os.write(descriptor, data)
                finally:
                    os.close(descriptor)
        except OSError:  # the disk is full, or the folder is gone: the workers go on
            pass

    def _make_room(self, size: int) -> None:
        try:
            full = os.stat(self._path).st_size + size > _MOST_BYTES
        except FileNotFoundError:
            return
        if full:
            names = [self._path, *(f"{self._path}.{number + 1}" for number in range(_BACKUPS))]
            for newer, older in reversed(list(zip(names, names[1:]))):
                if os.path.exists(newer):
                    os.replace(newer, older)


def _now() -> str:
    now = time()
    return f"{strftime('%Y-%m-%d %H:%M:%S', localtime(now))},{int(now % 1 * 1000):03d}"
