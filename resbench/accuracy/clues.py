"""What the folders and the name of an image say about its class."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from resbench.accuracy import forms, naming, official, splits
from resbench.accuracy.dataset import File
from resbench.errors import ResbenchError

_WNID_FOLDER = re.compile(r"(n\d{8})(?:[ _.-].*)?", re.IGNORECASE)  # n01440764, n01440764_tench
_WNID_NAME = re.compile(r"(n\d{8})_.*", re.IGNORECASE)
Layout = Literal[
    "wnid folders",
    "official names",
    "wnids in file names",
    "numbered folders",
    "class names",
    "named folders",
    "ObjectNet's folders",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What the name of an image says about its class."""

    layout: Layout
    root: str  # the folders above that of the class; for images known by their own name those that they lie in
    word: str  # a WordNet id, a number, or the name of a class

    @classmethod
    def of_folder(cls, layout: Layout, folders: Sequence[str], place: int) -> "Clue":
        """Return what the folder at `place` among those of an image says."""
        return cls(layout=layout, root=splits.root_of(folders[:place], folders[place + 1 :]), word=folders[place])


def folders_of(file: File) -> list[str]:
    """Return the folders of an image, that of a container counting only where it holds one class."""
    if not file.container:
        return file.folder.split("/")
    inner = file.folder.removeprefix(file.container).lstrip("/")
    own = forms.one_class(file.container)
    return [*([own] if own else []), *inner.split("/")]


def clue(file: File) -> Clue | None:
    """Return what the folders of an image, or else its name, say about its class."""
    folders = folders_of(file)
    wnids = [match and match[1].lower() for match in map(_WNID_FOLDER.fullmatch, folders)]
    if any(wnids):
        place = max(place for place, wnid in enumerate(wnids) if wnid)
        while place and wnids[place - 1] == wnids[place]:
            place -= 1
        return replace(Clue.of_folder("wnid folders", folders, place), word=str(wnids[place]))
    if number := official.number(file.base):
        return Clue(layout="official names", root="/".join(folders), word=str(number))
    if match := _WNID_NAME.fullmatch(file.base):
        return Clue(layout="wnids in file names", root="/".join(folders), word=match[1].lower())
    places = [place for place, folder in enumerate(folders) if re.fullmatch(r"[0-9]{1,9}", folder)]
    if places:
        return Clue.of_folder("numbered folders", folders, places[-1])
    return None


def by_class_names(path: Path, images: Sequence[File]) -> dict[File, Clue]:
    """Return which classes the folders of the images are called by; none where hardly any is called by one.

    Raises ResbenchError where some folders are, and others are not.
    """
    clues = {}
    unknown: dict[str, None] = {}
    for file in images:
        folders = folders_of(file)
        place = next(
            (place for place in reversed(range(len(folders))) if naming.named(folders[place]) is not None), None
        )
        if place is None:
            unknown[folders[-1]] = None
        else:
            clues[file] = Clue.of_folder("class names", folders, place)
    if unknown and 2 * len(clues) > len(images):
        shown = ", ".join(list(unknown)[:3])
        raise ResbenchError(
            f"{path}: {len(unknown)} folders are not called by the name of one class of ImageNet-1k ({shown}), the "
            "others are; name them by WordNet id (n01440764), or give --labels FILE"
        )
    return {} if unknown else clues
