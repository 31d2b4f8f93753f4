"""YAML text turned into plain values, in which every scalar is text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from wetlands.exceptions import InvalidDependencyError

if TYPE_CHECKING:
    from yaml import BaseLoader

__all__ = ["yaml_document"]


def yaml_document(text: str, file: str) -> object:
    """Read a YAML document; an empty one is None.

    Scalars stay as they are written: ``yes``, ``3.10`` and ``1e3`` mean text to conda too, and no object is ever made.

    Args:
        text: The text.
        file: The name of its file, to begin errors with.

    Raises:
        InvalidDependencyError: It is not YAML, or a key stands in it twice.
    """
    import yaml  # noqa: PLC0415 - few programs need it

    try:
        document: object = yaml.load(text, Loader=_loader())  # noqa: S506 - makes lists, dicts and text only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) or "it is nested beyond reason"
        raise InvalidDependencyError(f"{file} cannot be read as YAML: {reason}.") from None
    return document


@cache
def _loader() -> type[BaseLoader]:
    """Return a loader that does not let the second of two equal keys win in silence."""
    import yaml  # noqa: PLC0415 - see above
    from yaml.constructor import ConstructorError  # noqa: PLC0415 - see above

    class Loader(yaml.BaseLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
            keys = [str(key.value) for key, _ in node.value]
            twice = next((key for key in keys if keys.count(key) > 1), None)
            if twice is not None:
                raise ConstructorError(None, None, f"the key {twice!r} stands there twice", node.start_mark)
            return super().construct_mapping(node, deep=deep)

    return Loader
