"""Containers of images that are read in place: which there are, and what lies in them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from resbench.accuracy import archives, containers
from resbench.accuracy.dataset import Contents, File, Symptom
from resbench.accuracy.sequential import COMPRESSED
from resbench.accuracy.tables import arrow_members, parquet_members
from resbench.accuracy.zips import zip_members
from resbench.errors import ResbenchError

_SUFFIX = re.compile(r"\.(tar(\.\w+)?|tgz|tbz2?|txz|zip|parquet|arrow)$", re.IGNORECASE)
_NUMBER = re.compile(r"[-_.]?\d+(-of-\d+(-[0-9a-f]{8,})?)?$")  # of a shard, at the end of its name
_SHARD = re.compile(r"(.*[-_.])(\d{1,5})-of-(\d{1,5})(\.\w+)")  # a name that tells how many shards there are
_ONE_CLASS = re.compile(r"n\d{8}")  # n01440764.tar, as the training images come


class Form(NamedTuple):
    """A kind of container that is read."""

    what: str
    several: str
    name: str  # a pattern for the names of such files, in small letters
    beginnings: tuple[bytes, ...]
    members: Callable[[Path], Contents]


_TAR = Form("a tar archive", "tar archives", r".*\.tar", (), archives.members)
_FORMS = (
    Form(
        "a compressed tar archive",
        "compressed tar archives",
        r".*\.(tar\.(gz|bz2|xz)|tgz|tbz2?|txz)",
        COMPRESSED,
        archives.compressed_members,
    ),
    Form("a zip archive", "zip archives", r".*\.zip", (b"PK\x03\x04", b"PK\x05\x06"), zip_members),
    _TAR,
    Form("a Parquet file", "Parquet files", r".*\.parquet", (b"PAR1",), parquet_members),
    Form(
        "an Arrow file", "Arrow files", r"(?!cache-|indices).*\.arrow", (b"ARROW1", b"\xff\xff\xff\xff"), arrow_members
    ),
)
_ANY_FORM = re.compile("|".join(form.name for form in _FORMS))


def form_named(name: str) -> Form | None:
    """Return the form that files of this name have."""
    base = name.rpartition("/")[2].lower()
    if not _ANY_FORM.fullmatch(base):  # mostly the name of an image
        return None
    return next(form for form in _FORMS if re.fullmatch(form.name, base))


def form_at(path: Path) -> Form:
    """Return the form of the file at `path`: by its first bytes, else by its name, else a tar archive.

    Raises ResbenchError when it cannot be read, and for a container of another kind.
    """
    try:
        with path.open("rb") as stream:
            beginning = stream.read(16)
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; make it readable") from None
    known = next((form for form in _FORMS if beginning.startswith(form.beginnings)), None) or form_named(path.name)
    if known is None and containers.is_known(path, beginning):
        raise ResbenchError(f"{path}: {containers.refusal(path)}")
    if known and known.members is zip_members and containers.is_known(path, beginning):  # .npz is a zip archive too
        raise ResbenchError(f"{path}: {containers.refusal(path)}")
    return known or _TAR


def set_of(container: str) -> str:
    """Return the name of the set that a container is a part of: without the number of a shard, and the suffix.

    A container of one class, by its name, is a part of what lies in its folder.
    """
    if one_class(container):
        return container.rpartition("/")[0]
    return _NUMBER.sub("", without_suffix(container))


def without_suffix(name: str) -> str:
    """Return the name of a container without .zip, .tar.gz and the like."""
    return _SUFFIX.sub("", name)


def one_class(container: str) -> str:
    """Return the WordNet id that a container is named by; empty where it is named otherwise."""
    stem = container.rpartition("/")[2].partition(".")[0]
    return stem if _ONE_CLASS.fullmatch(stem) else ""


def open_containers(places: Sequence[File]) -> Contents:
    """Return the files of several containers together, each named with its container in front.

    Raises ResbenchError as the readers of the forms do, and when the containers name their classes differently.
    """
    files: list[File] = []
    left_out: dict[tuple[str, str], list[str]] = {}
    classes: tuple[str, ...] = ()
    for place in places:
        form = form_named(place.base) or _TAR
        part = form.members(place.path)
        files += [_within(place.name, file) for file in part.files]
        for symptom in part.left_out:
            names = left_out.setdefault((symptom.what, symptom.remedy), [])
            names += [f"{place.name}/{name}" for name in symptom.files]
        if part.classes != classes and place is not places[0]:
            raise ResbenchError(f"{place.path}: names its classes otherwise than {places[0].path}; give one of them")
        classes = part.classes
    symptoms = [Symptom(what=what, files=tuple(names), remedy=remedy) for (what, remedy), names in left_out.items()]
    return Contents(files, symptoms, classes)


def missing_shards(names: Sequence[str]) -> tuple[str, ...]:
    """Return which shards are not there, by names that tell how many there are: a-00003-of-00014.parquet."""
    wanted: dict[str, None] = {}
    for match in filter(None, map(_SHARD.fullmatch, names)):
        start, number, total, end = match.groups()
        wanted |= dict.fromkeys(f"{start}{k:0{len(number)}d}-of-{total}{end}" for k in range(int(total)))
    return tuple(sorted(set(wanted) - set(names)))


def _within(container: str, file: File) -> File:
    block = f"{container}/{file.block}" if file.block else ""
    return replace(file, name=f"{container}/{file.name}", block=block, container=container)
