"""Which image a line of a file of labels means, when its name is not quite the image's own."""

import difflib
import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resbench import units

_COMPARED, _LETTERS = 200, 100  # of names and of each the last, to find the nearest
_DEEPEST = 16  # folders at the end of a path that are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What the names of a file of labels stand for."""

    labels: dict[str, int]  # of the images, by their names
    without: list[str]
    why_without: str
    notes: tuple[str, ...]


def normalised(name: str) -> str:
    """Return a path with forward slashes, without ./ and composed: "./a/b.jpg", "a//b.jpg" and "a\\\\b.jpg" are one."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/")  # the images' names go the same way
    return posixpath.normpath(text) if text else ""


def match_labels(images: Sequence[str], known: Mapping[str, int]) -> Matched:
    """Return the class of each of these names of images by the `known` {normalised name: class}.

    A known name stands for the image with the longest common end of the path, where that is one image alone; if there
    is none, for the image that differs in case alone, or in the suffix.
    """
    labels: dict[str, int] = {}
    used: set[str] = set()
    notes = []
    for alike, what in (
        (str, ""),
        (str.casefold, ", in another case"),
        (_stem, ", without the suffix"),
    ):
        rest = [image for image in images if image not in labels]
        if not rest:
            break
        matched = _by_ends(images, rest, known, alike)
        labels |= {image: label for image, (label, _) in matched.items()}
        used |= {name for _, names in matched.values() for name in names}
        roundabout = [normalised(image) not in names for image, (_, names) in matched.items()]
        if any(roundabout):
            notes.append(f"{units.count_of(sum(roundabout), 'image')} matched by the end of the path{what}")
    unused = [name for name in known if name not in used]
    if unused:
        notes.append(f"{units.count_of(len(unused), 'line')} of images that are not there (as {unused[0]})")
    without = [image for image in images if image not in labels]
    return Matched(
        labels=labels,
        without=without,
        why_without=_why(without[0], unused or list(known)) if without else "",
        notes=tuple(notes),
    )


def _by_ends(
    images: Sequence[str], rest: Sequence[str], known: Mapping[str, int], alike: Callable[[str], str]
) -> dict[str, tuple[int, list[str]]]:
    """Return {image: (class, the names that stand for it)} for those of `rest` that names mean for certain."""
    own = {image: list(_ends(alike(normalised(image)))) for image in images}
    images_with = Counter(end for ends in own.values() for end in ends)
    names_with = defaultdict(list)
    for name in known:
        for end in _ends(alike(name)):
            names_with[end].append(name)
    matched = {}
    for image in rest:
        end = next((end for end in own[image] if end in names_with), "")
        if not end:
            continue
        whole = end == own[image][0]
        if not whole and images_with[end] > 1:
            continue
        names = names_with[end]
        exact = [name for name in names if alike(name) == end] if whole else []
        if (exact or images_with[end] == 1) and len({known[name] for name in exact or names}) == 1:
            matched[image] = known[(exact or names)[0]], exact or names
    return matched


def _ends(path: str) -> Iterator[str]:
    """Yield a path and its ends, the longest first."""
    parts = path.split("/")
    return ("/".join(parts[place:]) for place in (0, *range(max(1, len(parts) - _DEEPEST), len(parts))))


def _stem(path: str) -> str:
    folder, base = posixpath.split(path.casefold())
    return posixpath.join(folder, posixpath.splitext(base)[0])


def _why(image: str, names: Sequence[str]) -> str:
    """Say what the names are like that do not fit."""
    own = difflib.SequenceMatcher(b=image[-_LETTERS:])

    def likeness(name: str) -> float:
        own.set_seq1(name[-_LETTERS:])
        return own.ratio()

    nearest = max(names[:_COMPARED], key=likeness)
    if posixpath.basename(nearest).casefold() == posixpath.basename(image).casefold():
        return f"it has {nearest!r}, which may mean several images; write names as {image!r}"
    return f"its names are like {nearest!r}; write them as {image!r}, and add those that are missing"
