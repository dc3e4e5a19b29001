"""Classes of a user's own: their names, and images in folders that are called so."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resbench.accuracy import splits
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.clues import Clue, folders_of
from resbench.accuracy.dataset import File
from resbench.accuracy.splits import Labelled
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
    """Give each image the class of the innermost of its folders that is called as one.

    Folders are called as `classes` says; without names, the sorted folders are the classes, where they are as many.
    Raises ResbenchError for a folder that is no class, and where nothing says which class is which.
    """
    names = classes.names or _sorted_folders(path, images, classes.number)
    index = {name: label for label, name in enumerate(names)}
    clues = {file: _clue(folders_of(file), index) for file in images}
    if strangers := sorted({file.folder for file, clue in clues.items() if clue is None}):
        shown = ", ".join(repr(name) for name in strangers[:_SHOWN])
        raise ResbenchError(
            f"{path}: {len(strangers)} folders with images are not classes of {classes.source} ({shown}); rename them, "
            "or give their names with --classes-file"
        )
    known = {file: clue for file, clue in clues.items() if clue}
    chosen = splits.choose_split(path, {file: clue.root for file, clue in known.items()}, all_belong=True)
    splits.one_root(path, {file: known[file].root for file in chosen.files})
    return Labelled(
        layout="named folders",
        chosen=chosen,
        samples=tuple(annotated_sample(file, index[known[file].word]) for file in chosen.files),
        notes=(_note(classes, names),),
        classes=classes.number,
        class_names=names,
    )


def for_head(known: Labelled, classes: OwnClasses, source: Path) -> Labelled:
    """Return images that a file or a container (`source`) labels, for a head of a user's own `classes`.

    Raises ResbenchError for a class that the head does not have.
    """
    if beyond := [sample for sample in known.samples if sample.label >= classes.number]:
        raise ResbenchError(
            f"{source}: {beyond[0].name} is of class {beyond[0].label}, but the head has {classes.number}; correct it"
        )
    numbered = () if known.name else tuple(f"class {number}" for number in range(classes.number))
    return replace(known, classes=classes.number, class_names=classes.names or known.class_names or numbered)


def _note(classes: OwnClasses, folders: Sequence[str]) -> str:
    if classes.names:
        return f"classes are those of {classes.source}"
    return (
        f"the {len(folders)} folders in sorted order are taken as the classes, {folders[0]!r} to {folders[-1]!r}, as "
        "torchvision's ImageFolder has them; --classes-file gives another order"
    )


def _sorted_folders(path: Path, images: Sequence[File], number: int) -> tuple[str, ...]:
    names = sorted({folders_of(file)[-1] for file in images})
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


def _clue(folders: Sequence[str], index: Mapping[str, int]) -> Clue | None:
    place = max((place for place, name in enumerate(folders) if name in index), default=None)
    return None if place is None else Clue.of_folder("named folders", folders, place)
