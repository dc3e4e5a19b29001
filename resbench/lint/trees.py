"""YAML with its lines: a tree that remembers where each value was written and with which characters."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

# Line breaks for PyYAML, but not for editors, nor for YAML 1.2.
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]|\r(?!\n)")

_MOST_CHARACTERS = 1_000_000
_MOST_REPEATED = 5  # values with the aliases written out, for each value that is written
_DEEPEST = 100
_BRACKETS = re.compile(r"[\[\]{}]")


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

    def repeated(self) -> Iterator[tuple[str, int, int]]:
        """Yield each key that a mapping in this tree has twice: the key and the lines of both."""
        stack, seen = [self._node], set[int]()
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            stack += _children(node)
            lines: dict[str, int] = {}
            for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                line = key.start_mark.line + self._offset + 1
                if isinstance(key, yaml.ScalarNode) and key.value in lines and key.value != "<<":
                    yield key.value, lines[key.value], line
                if isinstance(key, yaml.ScalarNode):
                    lines[key.value] = line

    def entries(self) -> Iterator["Tree"]:
        """Yield the items of a list; nothing for anything else."""
        if isinstance(self._node, yaml.SequenceNode):
            for value in self._node.value:
                yield Tree(value, self._offset)

    def find(self, *keys: str) -> "Tree | None":
        """Return the value under `keys`, one inside the other, whatever their case; None when one is missing."""
        node: Tree | None = self
        for key in keys:
            matches = [value for name, value in node.items() if name.lower() == key.lower()] if node else []
            node = matches[-1] if matches else None
        return node

    def say(self, *keys: str) -> str:
        """Return the characters of the plain value under `keys`; empty when there is none."""
        node = self.find(*keys)
        return node.text if node else ""


def read_yaml(text: str, first_line: int = 1) -> Tree | None:
    """Return the tree of the YAML document `text`, whose first line is number `first_line` of its file.

    None for an empty document. Raises yaml.YAMLError for anything else that is not one YAML document, and for one
    that is longer, or longer with its aliases written out, than any card.
    """
    if len(text) > _MOST_CHARACTERS:
        raise yaml.YAMLError(f"longer than {_MOST_CHARACTERS:,} characters")
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _DEEPEST:
            raise yaml.YAMLError("nested too deeply")
    node: Any = yaml.compose(_OTHER_BREAKS.sub(" ", text), Loader=yaml.SafeLoader)
    if node is None:
        return None
    _check_aliases(node)
    return Tree(node, first_line - 1)


def _check_aliases(root: yaml.Node) -> None:
    """Raise yaml.YAMLError for a value that contains itself, and for aliases that stand for too many values."""
    sizes: dict[int, int] = {}  # of a node: how many values it is with its aliases written out; 0 while it is open
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        if is_done:
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
        elif id(node) not in sizes:
            sizes[id(node)] = 0
            stack.append((node, True))
            stack += [(child, False) for child in _children(node)]
        elif sizes[id(node)] == 0:
            raise yaml.YAMLError("a value that contains itself")
    if sizes[id(root)] > _MOST_REPEATED * len(sizes) + 1000:
        raise yaml.YAMLError(f"its aliases stand for {sizes[id(root)]:,} values")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
