"""The key of an instance, by which its processes know each other, in a folder that is this user's alone.

```
<instance>/state/auth.key                    32 random bytes, for this user alone
```

A folder of ours that others may enter is put right: what it holds protects itself. A key of ours that others may read
is refused instead. Somebody may have read it, which no change of its mode undoes, and a new one would lock out workers
that still run with it; so whoever owns it is asked.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wetlands._platform.owner import open_to_others, somebody_elses
from wetlands._platform.publish import publish
from wetlands.exceptions import StateError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["auth_key", "private_folder", "state_folder"]

KEY_SIZE = 32
_NAME = "auth.key"
# Only where the file system has no hard links, a key is seen while it is written.
_LOOKS = 50
_PAUSE_SECONDS = 0.02


def state_folder(root: Path) -> Path:
    """Return the folder for what the processes of an instance tell each other; made if need be.

    Args:
        root: The instance folder.

    Raises:
        StateError: It is not this user's.
        OSError: It cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    return private_folder(root / "state")


def private_folder(path: Path) -> Path:
    """Make a folder that nobody but this user may enter, if need be, and return it; the folder above it exists.

    Raises:
        StateError: It belongs to another user, or is none.
        OSError: It cannot be made.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise StateError(f"{path} should be a folder and is none. Remove it.")
    if somebody_elses(found):
        raise StateError(
            f"The folder {path} belongs to another user, who could read and replace what is in it. "
            "Remove it, or use an instance folder of your own."
        )
    if open_to_others(found):
        path.chmod(0o700)
    return path


def auth_key(root: Path) -> tuple[Path, bytes]:
    """Return the key of an instance, and where it lies; the first who asks makes it, also of several at once.

    Args:
        root: The instance folder.

    Raises:
        StateError: The key or its folder is not this user's alone, or it is no key.
        OSError: It cannot be read or made.
    """
    path = state_folder(root) / _NAME
    with suppress(FileNotFoundError):
        return path, _read(path)
    with suppress(FileExistsError):  # another process was faster
        _make(path)
    return path, _read(path)


def _make(path: Path) -> None:
    staged = path.with_name(f"{_NAME}.{secrets.token_hex(4)}.tmp")
    try:
        _write(staged)
        try:
            publish(staged, path)
        except FileExistsError:
            raise
        except OSError:  # no hard links here: whoever reads it meanwhile looks again
            _write(path)
    finally:
        with suppress(OSError):
            staged.unlink()


def _write(path: Path) -> None:
    """Write a new key to a new file that nobody else may read from its first moment."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_SIZE))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    key = _read_once(path)
    for _ in range(_LOOKS):
        if len(key) >= KEY_SIZE:
            break
        time.sleep(_PAUSE_SECONDS)
        key = _read_once(path)
    if len(key) != KEY_SIZE:
        raise StateError(f"The key {path} is damaged: it has not {KEY_SIZE} bytes. {_ADVICE}")
    return key


def _read_once(path: Path) -> bytes:
    """Read the file after it was looked at: it cannot be exchanged in between."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateError(f"The key {path} cannot be read: {error.strerror}. {_ADVICE}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StateError(f"The key {path} is no file. {_ADVICE}")
        if somebody_elses(found):
            raise StateError(
                f"The key {path} belongs to another user. Remove it, or use an instance folder of your own."
            )
        if open_to_others(found):
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise StateError(f"Other users may read the key {path} (mode {mode}), and may have done so. {_ADVICE}")
        return file.read(KEY_SIZE + 1)


_ADVICE = (
    "Remove it, and the next program makes a new one; workers that still run have the old one and must be "
    "exited first, or killed (`wetlands kill`)."
)
