"""Files of labels, as people have them."""

import csv
import re
from dataclasses import fields
from pathlib import Path

from resbench.accuracy.dataset import File, Sample
from resbench.accuracy.labels import class_of, validation
from resbench.errors import ResbenchError

_BLANKS = re.compile(r"(.+?)\s+(n\d{8}|\d+)(?:\s.*)?")  # a name, which may hold blanks too, and a class


def annotate(files: list[File], labels: Path) -> tuple[Sample, ...]:
    """Return `files` with the classes that the file `labels` gives them.

    Lines are "name class", separated by tabs, commas, semicolons (with quotes as in csv) or blanks; a header is
    skipped, what stands further right is not read. Or they are a class alone, for the files in the order of their
    names. A class is a number from 0 or a WordNet id. The ground truth of the development kit, with numbers of its
    own, is known by its agreement with the official labels.
    Raises ResbenchError for a class that does not exist, and for images without one or with two.
    """
    try:
        rows = [_fields(line) for line in labels.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ResbenchError(f"{labels}: {reason}; give a file of labels") from None
    if rows and all(len(row) == 1 for row in rows):
        return _in_order(files, [row[0] for row in rows], labels)
    return _by_name(files, rows, labels)


def _fields(line: str) -> list[str]:
    """Return the name and the first word after it; without separators the line itself."""
    mark = next((mark for mark in "\t,;" if mark in line), None)
    if mark is None:
        found = _BLANKS.fullmatch(line.strip())
        return [found[1], found[2]] if found else line.split()[:2]
    name, *others = next(csv.reader([line.strip()], delimiter=mark))
    return [name.strip(), *" ".join(others).split()[:1]]


def _in_order(files: list[File], words: list[str], labels: Path) -> tuple[Sample, ...]:
    if len(words) != len(files):
        raise ResbenchError(
            f"{labels}: {len(words)} classes for {len(files)} images; give one line per image, or name the images in it"
        )
    classes = list(validation()) if _is_ground_truth(words) else [_class(word, labels) for word in words]
    return tuple(sample(file, label) for file, label in zip(files, classes, strict=True))


def _is_ground_truth(words: list[str]) -> bool:
    """Tell whether the words are the official labels in another numbering, as in the development kit."""
    pairs = set(zip(words, validation(), strict=False))
    return len(words) == len(validation()) and len(pairs) == 1000 == len({word for word, _ in pairs})


def _by_name(files: list[File], rows: list[list[str]], labels: Path) -> tuple[Sample, ...]:
    if rows and not _is_class(rows[0][1] if len(rows[0]) > 1 else ""):
        rows = rows[1:]  # a header
    short = next((row for row in rows if len(row) < 2), None)
    if short:
        raise ResbenchError(f"{labels}: no class for {short[0]!r}; give lines of an image's name and its class")
    known: dict[str, int] = {}
    for name, word in rows:
        if known.setdefault(name, _class(word, labels)) != _class(word, labels):
            raise ResbenchError(f"{labels}: {name!r} has two classes; leave the wrong one out")
    found = {file: _first(known, (file.name, file.base, file.base.rpartition(".")[0])) for file in files}
    without = [file.name for file, label in found.items() if label is None]
    if without:
        raise ResbenchError(
            f"{labels}: no class for {len(without)} of {len(files)} images ({', '.join(without[:3])}); add them to it"
        )
    return tuple(sample(file, label) for file, label in found.items() if label is not None)


def _first(known: dict[str, int], names: tuple[str, ...]) -> int | None:
    return next((known[name] for name in names if name in known), None)


def _is_class(word: str) -> bool:
    return word in class_of() or (word.isascii() and word.isdigit())


def _class(word: str, labels: Path) -> int:
    label = class_of().get(word, int(word) if word.isascii() and word.isdigit() else -1)
    if not 0 <= label < 1000:
        raise ResbenchError(f"{labels}: {word!r} is no class; give numbers from 0 to 999 or WordNet ids")
    return label


def sample(file: File, label: int) -> Sample:
    """Return `file` as an image of class `label`."""
    own = {field.name: getattr(file, field.name) for field in fields(File)}
    return Sample(**own, label=label)
