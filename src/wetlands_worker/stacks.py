"""What every thread of this process is doing now, as plain data; imported when it is first asked for.

A stack is ``(name of the thread, whether it is the main one, frames)``, a frame ``(file, line number, function, text of
the line)``, the outermost first.
"""

import sys
from linecache import getline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Dict, List, Optional, Tuple

    PlainFrame = Tuple[str, int, str, str]
    PlainStack = Tuple[str, bool, Tuple[PlainFrame, ...]]

_OURS = __file__[: -len("stacks.py")]
_LOOPS = (f"{_OURS}serve.py", f"{_OURS}persistent.py")
_MOST_FRAMES = 200


def stacks(main_thread: int, asking: int) -> "Tuple[PlainStack, ...]":
    """The stacks of all threads that run code of the user, the main thread first.

    Frames of this package are left out, and so are threads that have no others.

    Args:
        main_thread: The identifier of the main thread.
        asking: That of the thread which asks; it is left out.
    """
    names = _names()
    found: "List[PlainStack]" = []
    current = sys._current_frames()  # noqa: SLF001 - the documented way
    for thread in sorted(current, key=lambda thread: (thread != main_thread, thread)):
        if thread == asking:
            continue
        is_main = thread == main_thread
        frames = _frames(current[thread], is_main=is_main)
        if frames or is_main:
            found.append((names.get(thread, "MainThread" if is_main else str(thread)), is_main, frames))
    return tuple(found)


def _names() -> "Dict[int, str]":
    """What threads are called; no lock is taken, which a stuck thread may hold."""
    active = getattr(sys.modules.get("threading"), "_active", {})
    return {number: str(getattr(thread, "name", number)) for number, thread in list(active.items())}


def _frames(innermost: "FrameType", *, is_main: bool) -> "Tuple[PlainFrame, ...]":
    frames: "List[PlainFrame]" = []
    inside = _MOST_FRAMES  # how many lie inside the loop of the worker, which runs on the main thread alone
    frame: "Optional[FrameType]" = innermost
    while frame is not None and len(frames) < _MOST_FRAMES:
        code = frame.f_code
        if is_main and code.co_filename in _LOOPS:  # a task that reports passes here too: the outermost is the loop
            inside = len(frames)
        elif not code.co_filename.startswith(_OURS):
            line = frame.f_lineno or 0
            text = getline(code.co_filename, line, frame.f_globals).strip()
            frames.append((_clean(code.co_filename), line, _clean(code.co_name), _clean(text)))
        frame = frame.f_back
    if frame is None:  # what lies outside of the loop is how this process was started
        del frames[inside:]
    return tuple(reversed(frames))


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
