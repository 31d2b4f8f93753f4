"""Renders exceptions as Python would print them, without our own frames, and whatever their own methods do."""

from collections import namedtuple
from traceback import extract_tb, format_exception_only, format_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import FrameSummary
    from types import TracebackType
    from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

    class TracebackFrame(NamedTuple):
        """One frame of a traceback, as plain values."""

        filename: str
        lineno: int
        name: str
        line: str

else:
    TracebackFrame = namedtuple("TracebackFrame", "filename lineno name line")  # noqa: PYI024 - typing is slow

__all__ = ["TracebackFrame", "frames", "linked", "message_of", "render"]

_OURS = __file__[: -len("tracebacks.py")]
_IMPORT_SYSTEM = "<frozen importlib"
_MAX_FRAMES = 200
_MAX_CHAIN = 20  # causes and contexts
_MAX_GROUP = 15  # as many as Python prints
_MAX_RENDERED = 100  # exceptions in groups within groups
_MAX_MESSAGE = 10_000
_MAX_TEXT = 200_000
# Those for which Python knows more to say than type and message.
_WITH_ADVICE = (SyntaxError, NameError, AttributeError, ImportError)
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def message_of(exception: BaseException) -> str:
    """What ``str()`` of an exception says, cut at ten thousand characters; never fails."""
    try:
        text = str(exception)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<{type(exception).__name__} whose __str__ raised {type(error).__name__}>"
    return _cut(text, _MAX_MESSAGE)


def frames(exception: BaseException) -> "Tuple[TracebackFrame, ...]":
    """The frames of the traceback of an exception, the outermost first, without those of this package."""
    return tuple(
        TracebackFrame(_clean(frame.filename), frame.lineno or 0, _clean(frame.name), _clean(frame.line or ""))
        for frame in _summaries(exception)
    )


def render(exception: BaseException) -> str:
    """The text that Python prints for an exception, with causes, contexts, groups and notes; never fails."""
    text = "".join(_chain(exception, set()))
    return _cut(text, _MAX_TEXT)


def _chain(exception: BaseException, seen: "Set[int]") -> "List[str]":
    """The text of an exception, after that of what led to it."""
    chain = [(exception, "")]
    while len(chain) < _MAX_CHAIN:
        seen.add(id(chain[-1][0]))
        earlier, words = _earlier(chain[-1][0])
        if earlier is None or id(earlier) in seen:
            break
        chain.append((earlier, words))
    text: "List[str]" = []
    for link, words in reversed(chain):
        text += _lines(link, seen)
        text.append(words)
    return text


def _earlier(exception: BaseException) -> "Tuple[Optional[BaseException], str]":
    cause = linked(exception, "__cause__")
    if cause is not None:
        return cause, _CAUSE
    context = None if linked(exception, "__suppress_context__") else linked(exception, "__context__")
    return context, _CONTEXT if context is not None else ""


def linked(exception: BaseException, name: str) -> "Any":
    """``__cause__``, ``__context__``... as Python itself reads them, not as a subclass may have redefined them."""
    return vars(BaseException)[name].__get__(exception)


def _lines(exception: BaseException, seen: "Set[int]") -> "List[str]":
    """One exception of a chain."""
    summaries = _summaries(exception)
    lines = ["Traceback (most recent call last):\n", *format_list(summaries)] if summaries else []
    lines += _last_lines(exception)
    members = _members(exception)
    for number, member in enumerate(members[:_MAX_GROUP], start=1):
        if id(member) not in seen and len(seen) < _MAX_RENDERED:
            text = "".join(_chain(member, seen))
            lines.append(f"  {number} of {len(members)}:\n")
            lines += [f"    {line}" for line in text.splitlines(keepends=True)]
    if len(members) > _MAX_GROUP:
        lines.append(f"  and {len(members) - _MAX_GROUP} more\n")
    return lines


def _last_lines(exception: BaseException) -> "List[str]":
    """The type and message, and what Python adds: the line of a SyntaxError, a suggestion, notes."""
    if isinstance(exception, _WITH_ADVICE) and not _has_long_history(exception):
        try:
            return [_cut(line, _MAX_MESSAGE) for line in format_exception_only(type(exception), exception)]
        except Exception:  # noqa: BLE001, S110 - it reads attributes that a user's class may have redefined
            pass
    kind = type(exception)
    name = (
        kind.__qualname__ if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}.{kind.__qualname__}"
    )
    message = message_of(exception)
    return [f"{name}: {message}\n" if message else f"{name}\n", *_notes(exception)]


def _notes(exception: BaseException) -> "List[str]":
    """What was added with ``add_note`` (Python >= 3.11)."""
    try:
        notes = exception.__dict__.get("__notes__", ())
        return [f"{_cut(note, _MAX_MESSAGE)}\n" for note in notes if isinstance(note, str)]
    except Exception:  # noqa: BLE001 - a user's class may have redefined anything
        return []


def _has_long_history(exception: BaseException) -> bool:
    """Whether formatting would take long: Python looks at all causes and contexts to print one exception."""
    pending, seen = [exception], {id(exception)}
    while pending and len(seen) <= _MAX_CHAIN:
        current = pending.pop()
        for earlier in (linked(current, "__cause__"), linked(current, "__context__")):
            if earlier is not None and id(earlier) not in seen:
                seen.add(id(earlier))
                pending.append(earlier)
    return len(seen) > _MAX_CHAIN


def _members(exception: BaseException) -> "Sequence[BaseException]":
    """The exceptions of a group (Python >= 3.11, or the backport)."""
    members = getattr(exception, "exceptions", None)
    if not isinstance(members, (tuple, list)) or not hasattr(exception, "derive"):
        return ()
    return [member for member in members if isinstance(member, BaseException)]


def _summaries(exception: BaseException) -> "List[FrameSummary]":
    """The frames to show: not ours, not those of the import system, and of very many the first and the last."""
    traceback = linked(exception, "__traceback__")
    entries = list(_walk(traceback))
    summaries = extract_tb(traceback, limit=len(entries)) if entries else []
    shown = [summary for entry, summary in zip(entries, summaries) if not _is_hidden(entry)]
    if len(shown) > _MAX_FRAMES:
        shown[_MAX_FRAMES // 2 : -_MAX_FRAMES // 2] = []
    return shown


def _walk(traceback: "Optional[TracebackType]") -> "Iterator[TracebackType]":
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_hidden(entry: "TracebackType") -> bool:
    filename = entry.tb_frame.f_code.co_filename
    return filename.startswith((_OURS, _IMPORT_SYSTEM))


def _cut(text: str, most: int) -> str:
    text = _clean(text)
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _clean(text: str) -> str:
    """A plain ``str`` (not a subclass) that every encoding of Unicode can write."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
