"""YAML with its lines: a tree that remembers where each value was written and with which characters."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

# Line breaks for PyYAML, but not for editors, nor for YAML 1.2.
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]|\r(?!\n)")


class Tree:
    """A value of a YAML document. Looking up what is not there gives None."""

    __slots__ = ("_node", "_offset", "line")

    def __init__(self, node: yaml.Node, offset: int, line: int | None = None) -> None:
        self._node = node
        self._offset = offset
        self.line: int = (node.start_mark.line if line is None else line - offset - 1) + offset + 1

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self._node, yaml.SequenceNode)

    @property
    def is_text(self) -> bool:
        """Whether it is a string (`'224'` and `80.87%` are, `224` is not)."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == "tag:yaml.org,2002:str"

    @property
    def is_null(self) -> bool:
        """Whether it is `null`, `~` or nothing."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == "tag:yaml.org,2002:null"

    @property
    def text(self) -> str:
        """The characters of a plain value as they were written, without quotes; empty for a mapping or list."""
        return str(self._node.value) if isinstance(self._node, yaml.ScalarNode) and not self.is_null else ""

    def items(self) -> Iterator[tuple[str, "Tree"]]:
        """Yield the keys and values of a mapping, each value with the line of its key; nothing for anything else."""
        if isinstance(self._node, yaml.MappingNode):
            for key, value in self._node.value:
                line = key.start_mark.line + self._offset + 1
                yield str(key.value), Tree(value, self._offset, line)

    def entries(self) -> Iterator["Tree"]:
        """Yield the items of a list; nothing for anything else."""
        if isinstance(self._node, yaml.SequenceNode):
            for value in self._node.value:
                yield Tree(value, self._offset)

    def find(self, *keys: str) -> "Tree | None":
        """Return the value under `keys`, one inside the other, whatever their case; None when one is missing."""
        found: Tree | None = self
        for key in keys:
            matches = [value for name, value in found.items() if name.lower() == key.lower()] if found else []
            found = matches[-1] if matches else None
        return found

    def say(self, *keys: str) -> str:
        """Return the characters of the plain value under `keys`; empty when there is none."""
        found = self.find(*keys)
        return found.text if found else ""


def read(text: str, first_line: int = 1) -> Tree | None:
    """Return the tree of the YAML document `text`, whose first line is number `first_line` of its file.

    None for an empty document. Raises yaml.YAMLError for anything else that is not one YAML document.
    """
    node: Any = yaml.compose(_OTHER_BREAKS.sub(" ", text), Loader=yaml.SafeLoader)
    return None if node is None else Tree(node, first_line - 1)
