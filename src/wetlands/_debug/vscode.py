"""VS Code is told where workers listen, by entries in ``.vscode/launch.json``."""

from __future__ import annotations

import json
import textwrap
from secrets import token_hex
from typing import TYPE_CHECKING

from wetlands._debug.jsonc import JsoncError, elements, members, value, whole
from wetlands._store.files import write_atomically
from wetlands.exceptions import DebuggerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wetlands._debug.jsonc import Span
    from wetlands._store.debuggers import DebugEndpoint

__all__ = ["configuration", "with_configurations", "write_launch_file"]

_EMPTY = '{\n  "version": "0.2.0",\n  "configurations": []\n}\n'
_OURS = "wetlands: "


def configuration(endpoint: DebugEndpoint, sources: Path, *, just_my_code: bool) -> dict[str, object]:
    """Return the entry that attaches to a worker.

    Args:
        endpoint: Where it listens.
        sources: The folder that is open in the editor; workers run the files in it where they are.
        just_my_code: Whether only the user's own files are stepped into.
    """
    return {
        "name": f"{_OURS}{endpoint.environment}, worker {endpoint.worker}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": endpoint.host, "port": endpoint.port},
        "pathMappings": [{"localRoot": "${workspaceFolder}", "remoteRoot": str(sources)}],
        "justMyCode": just_my_code,
    }


def write_launch_file(sources: Path, endpoints: Sequence[DebugEndpoint], *, just_my_code: bool) -> Path:
    """Write the entries for workers into the launch file of a folder; what else is in it stays as it is.

    Returns:
        The file.

    Raises:
        DebuggerError: The file that is there cannot be understood; it is left alone.
        OSError: It cannot be written.
    """
    path = sources / ".vscode" / "launch.json"
    wanted = [configuration(endpoint, sources, just_my_code=just_my_code) for endpoint in endpoints]
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else _EMPTY
        after = with_configurations(before if before.strip() else _EMPTY, wanted)
    except (JsoncError, UnicodeDecodeError, RecursionError) as error:
        raise DebuggerError(f"{path} cannot be understood ({error}). Correct it, or move it away.") from error
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, after, staged=path.with_name(f"launch.json.{token_hex(4)}.tmp"))
    return path


def with_configurations(text: str, wanted: Sequence[dict[str, object]]) -> str:
    """Return the text of a launch file with these entries; those of the same names are replaced where they stand.

    Raises:
        JsoncError: It is not what VS Code writes.
    """
    value(text)  # all of it is checked before a part is replaced
    for entry in wanted:
        text = _with_one(text, entry)
    value(text)
    return text


def _with_one(text: str, entry: dict[str, object]) -> str:
    top = members(text, whole(text))
    if "configurations" not in top:
        return _inserted(text, whole(text), f'"configurations": [\n    {_rendered(entry, 2)}\n  ]', depth=1)
    array = top["configurations"]
    for span in elements(text, array):
        found = value(text[span.start : span.end])
        if isinstance(found, dict) and found.get("name") == entry["name"]:
            return text[: span.start] + _rendered(entry, 2) + text[span.end :]
    return _inserted(text, array, _rendered(entry, 2), depth=2)


def _inserted(text: str, container: Span, piece: str, *, depth: int) -> str:
    """Put a piece first into an object or array: there, no comment and no trailing comma stands in the way."""
    items = members(text, container) if text[container.start] == "{" else elements(text, container)
    rest = text[container.start + 1 : container.end - 1]
    if items:
        rest = f",{rest}"
    elif not rest.strip():
        rest = "\n" + "  " * (depth - 1)
    return f"{text[: container.start + 1]}\n{'  ' * depth}{piece}{rest}{text[container.end - 1 :]}"


def _rendered(entry: dict[str, object], depth: int) -> str:
    text = json.dumps(entry, indent=2, ensure_ascii=False)
    return textwrap.indent(text, "  " * depth).lstrip()
