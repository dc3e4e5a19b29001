"""Which image a line of a file of labels means, when its name is not quite the image's own."""

import difflib
import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resbench.accuracy.dataset import File

_COMPARED = 2000  # names, to find the nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What the names of a file of labels stand for."""

    labels: dict[File, int]
    without: list[File]
    why_without: str
    notes: tuple[str, ...]


def normalised(name: str) -> str:
    """Return a path with forward slashes, without ./ and composed: "./a/b.jpg", "a//b.jpg" and "a\\\\b.jpg" are one."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/")  # the images' names go the same way
    return posixpath.normpath(text) if text else ""


def match(files: Sequence[File], known: Mapping[str, int]) -> Matched:
    """Return the class of each file by the `known` {normalised name: class}.

    A name stands for the file with the longest common end of the path, where that is one file alone; if there is none
    for the file that differs in case alone, or in the suffix.
    """
    labels: dict[File, int] = {}
    used: set[str] = set()
    notes = []
    for alike, what in (
        (str, ""),
        (str.casefold, ", in another case"),
        (_stem, ", without the suffix"),
    ):
        rest = [file for file in files if file not in labels]
        if not rest:
            break
        found = _by_ends(files, rest, known, alike)
        labels |= {file: label for file, (label, _) in found.items()}
        used |= {name for _, names in found.values() for name in names}
        roundabout = [normalised(file.name) not in names for file, (_, names) in found.items()]
        if any(roundabout):
            notes.append(f"{sum(roundabout):,} images are matched by the end of their path{what}")
    unused = [name for name in known if name not in used]
    if unused:
        notes.append(f"{len(unused):,} lines are of images that are not there (as {unused[0]})")
    without = [file for file in files if file not in labels]
    return Matched(
        labels={file: labels[file] for file in files if file in labels},
        without=without,
        why_without=_why(without[0], unused or list(known)) if without else "",
        notes=tuple(notes),
    )


def _by_ends(
    files: Sequence[File], rest: Sequence[File], known: Mapping[str, int], alike: Callable[[str], str]
) -> dict[File, tuple[int, list[str]]]:
    """Return {file: (class, the names that stand for it)} for those of `rest` that names mean for certain."""
    own = {file: list(_ends(alike(normalised(file.name)))) for file in files}
    files_with = Counter(end for ends in own.values() for end in ends)
    names_with = defaultdict(list)
    for name in known:
        for end in _ends(alike(name)):
            names_with[end].append(name)
    found = {}
    for file in rest:
        end = next((end for end in own[file] if end in names_with), "")
        if not end:
            continue
        exact = [name for name in names_with[end] if alike(name) == own[file][0]]
        names = exact or names_with[end]
        if (exact or files_with[end] == 1) and len({known[name] for name in names}) == 1:
            found[file] = known[names[0]], names
    return found


def _ends(path: str) -> Iterator[str]:
    """Yield a path and all its ends, the longest first."""
    parts = path.split("/")
    return ("/".join(parts[place:]) for place in range(len(parts)))


def _stem(path: str) -> str:
    folder, base = posixpath.split(path.casefold())
    return posixpath.join(folder, posixpath.splitext(base)[0])


def _why(file: File, names: Sequence[str]) -> str:
    """Say what the names are like that do not fit."""
    nearest = next(iter(difflib.get_close_matches(file.name, names[:_COMPARED], n=1, cutoff=0)), names[0])
    if posixpath.basename(nearest).casefold() == file.base.casefold():
        return f"it has {nearest!r}, which may mean several images; write names as {file.name!r}"
    return f"its names are like {nearest!r}; write them as {file.name!r}, and add those that are missing"
