"""The names of its classes that a training program left in a checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resbench.errors import ResbenchError
from resbench.nets.reading import opened

_LISTS = ("classes", "class_names", "classnames", "labels", "CLASSES")
_INDICES = ("class_to_idx", "label2id", "idx_to_class", "id2label")
_INSIDE = ("meta", "dataset_meta", "config", "hyper_parameters", "args")  # where programs put them, one in another


def class_list(path: Path) -> tuple[str, ...]:
    """Return the names in the order of the network's outputs; none where the file has no such list."""
    try:
        return _names(opened(path).content, depth=2)
    except ResbenchError:
        return ()  # loading says what is wrong with the file


def _names(held: Any, depth: int) -> tuple[str, ...]:
    if not isinstance(held, Mapping):
        return ()
    for key in (*_LISTS, *_INDICES):
        if names := _in_order(held.get(key)):
            return names
    inner = (_names(held.get(key), depth - 1) for key in _INSIDE) if depth else iter(())
    return next((names for names in inner if names), ())


def _in_order(value: Any) -> tuple[str, ...]:
    """Read ["cat", "dog"], {"cat": 0, "dog": 1} and {0: "cat", 1: "dog"}."""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    if not isinstance(value, Mapping):
        return ()
    pairs = [(key, name) if isinstance(name, str) else (name, key) for key, name in value.items()]
    numbered = {int(number): name for number, name in pairs if isinstance(name, str) and str(number).isdigit()}
    if sorted(numbered) != list(range(len(value))):
        return ()
    return tuple(numbered[number] for number in range(len(numbered)))
