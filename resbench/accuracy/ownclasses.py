"""Classes of a user's own: their names, and images in folders that are called so."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resbench.accuracy import splits
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.dataset import File, Sample
from resbench.bounded import content
from resbench.errors import ResbenchError

_LARGEST_BYTES = 2**20
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnClasses:
    """How many classes a head has, and their names in the order of its outputs, where somebody gives them."""

    number: int
    names: tuple[str, ...] = ()  # empty: the sorted folders are the classes
    source: str = ""  # of the names, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The images of a set with their classes, and what was assumed of them."""

    chosen: splits.Chosen
    samples: tuple[Sample, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_class_names(path: Path, number: int | None = None) -> tuple[str, ...]:
    """Return the names in a file of one class per line, in the order of the outputs; `number` is how many it must have.

    Raises ResbenchError for another number, and for a name that occurs twice.
    """
    remedy = "give a file with the name of one class per line, in the order of the network's outputs"
    try:
        lines = content(path, _LARGEST_BYTES, remedy).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ResbenchError(f"{path}: not UTF-8 text; {remedy}") from None
    names = tuple(line.strip() for line in lines if line.strip())
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ResbenchError(f"{path}: {twice[0][:80]!r} is listed twice; {remedy}")
    if number is not None and len(names) != number:
        raise ResbenchError(f"{path}: has {len(names)} classes, but the network's head has {number}; {remedy}")
    return names


def in_named_folders(path: Path, images: Sequence[File], classes: OwnClasses) -> Labelled:
    """Give each image the class of the folder that it lies in.

    Folders are called as `classes` says; without names, the sorted folders are the classes, where they are as many.
    Raises ResbenchError for a folder that is no class, and where nothing says which class is which.
    """
    folders = classes.names or _sorted_folders(path, images, classes.number)
    index = {name: label for label, name in enumerate(folders)}
    places = {file: _place(file, index) for file in images}
    if strangers := sorted({file.folder for file, place in places.items() if place is None}):
        shown = ", ".join(repr(name) for name in strangers[:_SHOWN])
        raise ResbenchError(
            f"{path}: {len(strangers)} folders with images are not classes of {classes.source} ({shown}); rename them, "
            "or give their names with --classes-file"
        )
    roots = {file: _root(file, place) for file, place in places.items() if place is not None}
    chosen = splits.choose_split(path, roots, all_belong=True)
    splits.one_root(path, {file: roots[file] for file in chosen.files})
    samples = tuple(annotated_sample(file, _label(file, places, index)) for file in chosen.files)
    return Labelled(chosen=chosen, samples=samples, names=folders, notes=(_note(classes, folders),))


def _note(classes: OwnClasses, folders: Sequence[str]) -> str:
    if classes.names:
        return f"classes are those of {classes.source}"
    return (
        f"the {len(folders)} folders in sorted order are taken as the classes, {folders[0]!r} to {folders[-1]!r}, as "
        "torchvision's ImageFolder has them; --classes-file gives another order"
    )


def _sorted_folders(path: Path, images: Sequence[File], number: int) -> tuple[str, ...]:
    names = sorted({file.folder.rpartition("/")[2] for file in images})
    if len(names) != number:
        raise ResbenchError(
            f"{path}: {len(names)} folders with images, but the head has {number} classes; give the names of the "
            "classes in the order of its outputs with --classes-file"
        )
    if len(names) > 10 and all(re.fullmatch(r"[0-9]+", name) for name in names) and len({*map(len, names)}) > 1:
        raise ResbenchError(
            f"{path}: folders are numbers, whose order as text is different (1, 10, 2); give the order of the classes "
            "with --classes-file"
        )
    return tuple(names)


def _place(file: File, index: Mapping[str, int]) -> int | None:
    """Return which of an image's folders is that of its class, the innermost; None: it lies in none."""
    folders = file.folder.split("/")
    return max((place for place, name in enumerate(folders) if name in index), default=None)


def _root(file: File, place: int) -> str:
    folders = file.folder.split("/")
    return splits.root_of(folders[:place], folders[place + 1 :])


def _label(file: File, places: Mapping[File, int | None], index: Mapping[str, int]) -> int:
    place = places[file]
    assert place is not None
    return index[file.folder.split("/")[place]]
