"""Which class a number, a WordNet id or a name of a class means."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from resbench.accuracy.labels import CIFAR10, CIFAR100, class_of, imagenet
from resbench.errors import ResbenchError

_ALIKE = 0.99  # of the names in ImageNet's order, to take a list of 1000 for ImageNet's


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the words for classes stand for."""

    labels: Mapping[str, int]  # word -> class
    classes: int = 1000  # in all
    name: str | None = None  # of the set that has these classes
    note: str = ""
    class_names: tuple[str, ...] = ()  # of classes that are no published set's


def named(name: str) -> int | None:
    """Return the class of ImageNet-1k that is called so, in whatever spelling; None for none and for several."""
    return _by_name().get(_plain(name))


def meaning(path: Path, words: Mapping[str, str], names: Sequence[str], head: Sequence[str] = ()) -> Meaning:
    """Return which classes `words` ({word: a file that has it}) stand for; `names` are those of the classes if stated.

    `head` has the names of the network's classes, where they are a user's own.
    Raises ResbenchError for a word that is no class.
    """
    space = _space(names, head) if names else Meaning(labels={})
    numbers = range(space.classes if not names else len(names))
    labels = {}
    for word, file in words.items():
        number = int(word) if re.fullmatch(r"[0-9]{1,9}", word) else None
        label = space.labels.get(word, number) if number in numbers else class_of().get(word.lower())
        if label is None:
            raise ResbenchError(f"{path}: {word[:40]!r} is not a class ({file}); {_remedy(word, len(numbers))}")
        labels[word] = label
    return replace(space, labels=labels)


def _remedy(word: str, classes: int) -> str:
    if word == "-1":
        return "-1 stands for a class that was not published, as in test splits: give the validation split"
    return f"give numbers from 0 to {classes - 1} or WordNet ids, or --labels FILE"


def _space(names: Sequence[str], head: Sequence[str]) -> Meaning:
    """Return what the numbers of classes with these names mean: by the names, not by their order."""
    numbers = [str(number) for number in range(len(names))]
    if set(names) <= set(head):
        labels = dict(zip(numbers, map(list(head).index, names), strict=True))
        return Meaning(labels=labels, classes=len(head), class_names=tuple(head))
    for own, name in ((CIFAR10, "CIFAR-10"), (CIFAR100, "CIFAR-100")):
        if tuple(map(_plain, names)) == tuple(map(_plain, own)):
            return Meaning(labels=dict(zip(numbers, range(len(own)), strict=True)), classes=len(own), name=name)
    if len(names) == 1000 and sum(map(_alike, names, imagenet(), imagenet().values())) >= 1000 * _ALIKE:
        return Meaning(labels={})
    imagenets = [label for name in names if (label := class_of().get(name.lower(), named(name))) is not None]
    if len(set(imagenets)) == len(names):
        return Meaning(labels=dict(zip(numbers, imagenets, strict=True)))
    note = f"the set has {len(names)} classes of its own, in the order in which it names them: 0 is {names[0]}"
    labels = dict(zip(numbers, range(len(names)), strict=True))
    return Meaning(labels=labels, classes=len(names), note=note, class_names=tuple(names))


def _alike(name: str, wnid: str, words: str) -> bool:
    return name == wnid or bool(_spellings(name) & _spellings(words))


def _spellings(names: str) -> set[str]:
    return {_plain(names), *map(_plain, names.split(","))}


@cache
def _by_name() -> dict[str, int]:
    classes: dict[str, set[int]] = defaultdict(set)
    for label, names in enumerate(imagenet().values()):
        for spelling in _spellings(names):
            classes[spelling].add(label)
    return {spelling: min(labels) for spelling, labels in classes.items() if len(labels) == 1}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.lower().replace("'", "")).strip()
