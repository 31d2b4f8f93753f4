"""PyCharm is told where workers listen, by run configurations that are stored as files of the project.

Which options a configuration of the kind "Attach to DAP" has is PyCharm's own affair, and may change. So none is made
up here: one that the user has made is the pattern. Its host, port and mappings are set, and all else stays as it is.
"""

from __future__ import annotations

import copy
import re
from secrets import token_hex
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wetlands._store.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wetlands._store.debuggers import DebugEndpoint

__all__ = ["EDITORS", "name_of", "pointed", "write_run_files"]

EDITORS = ("pycharm", "charm", "pycharm-professional", "pycharm-community", "pycharm64", "pycharm.sh")
"""What the program may be called that opens a folder."""

_OURS = "wetlands: "
_MANAGER = "ProjectRunConfigurationManager"
_LARGEST_FILE = 1 << 20
_ADDRESS = re.compile(r"[^\s:/]*:[0-9]{1,5}")


def name_of(endpoint: DebugEndpoint) -> str:
    """How the configuration of a worker is called."""
    return f"{_OURS}{endpoint.environment}, worker {endpoint.worker}"


def write_run_files(sources: Path, endpoints: Sequence[DebugEndpoint]) -> tuple[list[Path], list[DebugEndpoint]]:
    """Have a configuration for each worker, as far as there is one to begin with; no other one is touched.

    Args:
        sources: The folder that is open in PyCharm.
        endpoints: Where the workers listen.

    Returns:
        The files that were written, and the workers for which there was neither a configuration nor a pattern.

    Raises:
        OSError: A file cannot be written.
    """
    written: list[Path] = []
    missing: list[DebugEndpoint] = []
    for endpoint in endpoints:
        known = list(_attaching(sources))  # again: the first one that is written is a pattern for the next
        own = next(
            ((path, root) for path, root in known if _configuration(root).get("name") == name_of(endpoint)), None
        )
        if own is None and not known:
            missing.append(endpoint)
            continue
        path, root = own or (_new_path(sources, endpoint), copy.deepcopy(known[0][1]))
        pointed(_configuration(root), endpoint, sources)
        path.parent.mkdir(exist_ok=True)
        text = ET.tostring(root, encoding="unicode") + "\n"
        write_atomically(path, text, staged=path.with_name(f"{path.name}.{token_hex(4)}.tmp"))
        written.append(path)
    return written, missing


def pointed(configuration: ET.Element, endpoint: DebugEndpoint, sources: Path) -> None:
    """Let a configuration attach to a worker; what it says beside the place stays as it is."""
    configuration.set("name", name_of(endpoint))
    for option in configuration.iter():
        name, stored = option.get("name", option.tag).lower(), option.get("value")
        if option is configuration or stored is None:
            continue
        if _ADDRESS.fullmatch(stored):
            option.set("value", f"{endpoint.host}:{endpoint.port}")
        elif "port" in name and stored.isdigit():
            option.set("value", str(endpoint.port))
        elif "host" in name:
            option.set("value", endpoint.host)
    for mapping in configuration.iter("mapping"):
        mapping.set("local-root", "$PROJECT_DIR$")
        mapping.set("remote-root", str(sources))


def _attaching(sources: Path) -> Iterator[tuple[Path, ET.Element]]:
    """The configurations that attach to something, ours first, and their files."""
    found: list[tuple[Path, ET.Element]] = []
    for path in sorted((*sources.glob(".run/*.run.xml"), *sources.glob(".idea/runConfigurations/*.xml"))):
        try:
            if path.stat().st_size > _LARGEST_FILE:
                continue
            parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))  # noqa: S314 - the user's own project
            root = ET.fromstring(path.read_bytes(), parser)  # noqa: S314 - as above
        except (OSError, ET.ParseError):  # not for us to judge
            continue
        if _attaches(root):
            found.append((path, root))
    yield from sorted(found, key=lambda one: not _configuration(one[1]).get("name", "").startswith(_OURS))


def _attaches(root: ET.Element) -> bool:
    """Whether a file holds one configuration, of the kind that attaches to a debug adapter."""
    if root.tag != "component" or root.get("name") != _MANAGER or len(root.findall("configuration")) != 1:
        return False
    configuration = _configuration(root)
    kind = f"{configuration.get('type', '')} {configuration.get('factoryName', '')}"
    return "dap" in kind.lower()


def _configuration(root: ET.Element) -> ET.Element:
    found = root.find("configuration")
    return ET.Element("configuration") if found is None else found


def _new_path(sources: Path, endpoint: DebugEndpoint) -> Path:
    """Where PyCharm looks for a configuration that is stored as a file of the project."""
    name = re.sub(r"\W+", "_", f"wetlands {endpoint.environment} worker {endpoint.worker}")
    return sources / ".run" / f"{name}.run.xml"
