"""Files of labels, as people have them."""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from resbench.accuracy import matching
from resbench.accuracy.dataset import File, Sample
from resbench.accuracy.labels import class_of, validation
from resbench.errors import ResbenchError

_CLASS_WORD = re.compile(r"[nN]\d{8}|\d+")  # behind a name, which may hold blanks
_OF_A_FILE = tuple(field.name for field in fields(File))
_LARGEST_BYTES, _LONGEST_LINE = 1 << 26, 4096
# Titles of columns, without all but letters.
_NAME_COLUMNS = (
    "image imageid imagename imagepath imagefile imagefilename images img imgid imgname imgpath "
    "filename filenames fname filepath file path name id key"
)
_CLASS_COLUMNS = (
    "wnid wordnetid synset synsetid truelabel label labels labelid class classid classindex classidx "
    "target targets groundtruth gt category categoryid y predictionstring"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file of labels."""

    line: int
    name: str  # empty where the line is a class alone
    word: str  # for the class


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a file of labels."""

    path: Path
    rows: Sequence[Row]
    column: str = ""  # the header of the classes

    def fault(self, row: Row, what: str) -> ResbenchError:
        """Return the refusal of a line."""
        return ResbenchError(f"{self.path}: line {row.line}: {what}")


def annotate(files: Sequence[File], labels: Path) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Return `files` with the classes that the file `labels` gives them, and what was assumed.

    Lines are "name class", separated by tabs, commas, semicolons (with quotes as in csv) or blanks; further columns are
    not read. With a header the columns are found by their names. Or lines are a class alone, for the
    files in the order of their names. A class is a number from 0 or a WordNet id. The ground truth of the development
    kit, with numbers of its own, is known by its agreement with the official labels.
    Raises ResbenchError for a class that does not exist, and for images without one or with two.
    """
    table = _table(labels, files)
    if not table.rows:
        raise ResbenchError(f"{labels}: no labels in it; give lines of an image's name and its class")
    if all(not row.name for row in table.rows):
        return _in_order(files, table)
    return _by_name(files, table)


def annotated_sample(file: File, label: int) -> Sample:
    """Return `file` as an image of class `label`."""
    return Sample(**{name: getattr(file, name) for name in _OF_A_FILE}, label=label)


def _text(labels: Path) -> str:
    """Return the text of the file; bytes that are not UTF-8 as `printable_name` writes them."""
    try:
        with labels.open("rb") as stream:
            data = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ResbenchError(f"{labels}: {error.strerror}; give a file of labels") from None
    if len(data) > _LARGEST_BYTES:
        raise ResbenchError(f"{labels}: larger than {_LARGEST_BYTES >> 20} MiB; give a file of labels")
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        text = data.decode("utf-8-sig", "backslashreplace")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ResbenchError(f"{labels}: not a text file; give a file of labels")
    return text


def _table(labels: Path, files: Sequence[File]) -> Table:
    lines = [
        (number, line) for number, line in enumerate(re.split(r"\r\n|[\r\n]", _text(labels)), start=1) if line.strip()
    ]
    for number, line in lines:
        if len(line) > _LONGEST_LINE:
            raise ResbenchError(
                f"{labels}: line {number} is longer than {_LONGEST_LINE:,} characters; give lines of an image's name "
                "and its class"
            )
    if not lines:
        return Table(labels, ())
    number, first = lines[0]
    mark = _mark(first)
    columns = _columns(_cells(first, mark), files)
    if columns is None:
        return Table(labels, [_row(number, line) for number, line in lines])
    name, word, title = columns
    rows = [_columns_of(number, _cells(line, mark), name, word) for number, line in lines[1:]]
    return Table(labels, rows, title)


def _mark(line: str) -> str | None:
    return next((mark for mark in "\t,;" if mark in line), None)


def _cells(line: str, mark: str | None) -> list[str]:
    if mark is None:
        _, *later = re.finditer(r"\S+", line)
        word = next((word for word in later if _CLASS_WORD.fullmatch(word[0])), None)
        return [line[: word.start()].strip(), word[0]] if word else line.split()
    return [cell.strip() for cell in next(csv.reader([line.strip()], delimiter=mark))]


def _row(number: int, line: str) -> Row:
    """Read a line of a file without a header: a name and the first word behind it, or a class alone."""
    mark = _mark(line)
    name, *others = _cells(line, mark)
    word = next(iter(" ".join(others).split()), "")
    return Row(number, name, word) if others or not _is_class(name) else Row(number, "", name)


def _columns_of(number: int, cells: Sequence[str], name: int | None, word: int) -> Row:
    cells_read = ["" if place is None or place >= len(cells) else cells[place] for place in (name, word)]
    return Row(number, cells_read[0], next(iter(cells_read[1].split()), ""))


def _columns(cells: Sequence[str], files: Sequence[File]) -> tuple[int | None, int, str] | None:
    """Return the places of the name and of the class by a header, and the title of the latter; None for other lines.

    Without known titles a first line is a header where it names no image and no class.
    """
    titles = [re.sub(r"[^a-z]", "", cell.lower()) for cell in cells]
    names = [place for title in _NAME_COLUMNS.split() for place, column in enumerate(titles) if column == title]
    classes = [place for title in _CLASS_COLUMNS.split() for place, column in enumerate(titles) if column == title]
    if any(map(_is_class, cells)):
        return None
    if not names and not classes:
        known = {part for file in files for part in (file.base, file.base.rpartition(".")[0])}
        base = cells[0].replace("\\", "/").rpartition("/")[2]
        if len(cells) < 2 or base in known or "." in base or len(cells[0].split()) > 1:
            return None
        return 0, 1, cells[1]
    if len(cells) == 1:
        return (None, 0, cells[0]) if classes else None
    name = names[0] if names else int(classes[0] == 0)
    word = next((place for place in classes if place != name), int(name == 0))
    return name, word, cells[word]


def _in_order(files: Sequence[File], table: Table) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    words = [row.word for row in table.rows]
    if len(words) != len(files):
        raise ResbenchError(
            f"{table.path}: {len(words):,} classes for {len(files):,} images; give one line per image, or name the "
            "images in it"
        )
    classes, notes = (list(validation()), ()) if _is_ground_truth(words) else _classes(table)
    if [file.name for file in files] != sorted((file.name for file in files), key=_as_counted):
        notes = (*notes, f"{table.path} has no names: its lines are taken in the order of names as text (10 before 2)")
    return tuple(annotated_sample(file, label) for file, label in zip(files, classes, strict=True)), notes


def _as_counted(name: str) -> list[tuple[int, str]]:
    """Sort 2 before 10."""
    return [
        (int(part[:18]), part) if part.isascii() and part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _is_ground_truth(words: Sequence[str]) -> bool:
    """Tell whether the words are the official labels in another numbering, as in the development kit."""
    pairs = set(zip(words, validation(), strict=False))
    return len(words) == len(validation()) and len(pairs) == 1000 == len({word for word, _ in pairs})


def _by_name(files: Sequence[File], table: Table) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    short = next((row for row in table.rows if not row.word or not row.name), None)
    if short:
        what = f"no class for {short.name!r}" if short.name else f"no name beside {short.word!r}"
        raise table.fault(short, f"{what}; give lines of an image's name and its class")
    classes, notes = _classes(table)
    known: dict[str, int] = {}
    for row, label in zip(table.rows, classes, strict=True):
        if known.setdefault(matching.normalised(row.name), label) != label:
            raise table.fault(row, f"{row.name!r} has two classes; leave the wrong one out")
    labels_by_file = matching.match_labels([file.name for file in files], known)
    if labels_by_file.without:
        raise ResbenchError(
            f"{table.path}: no class for {len(labels_by_file.without):,} of {len(files):,} images "
            f"({', '.join(labels_by_file.without[:3])}); {labels_by_file.why_without}"
        )
    samples = tuple(annotated_sample(file, labels_by_file.labels[file.name]) for file in files)
    return samples, (*notes, *(f"{table.path}: {note}" for note in labels_by_file.notes))


def _classes(table: Table) -> tuple[list[int], tuple[str, ...]]:
    """Return the class of every line, from 0, and what the numbering was taken to be."""
    numbers = {int(row.word) for row in table.rows if _is_number(row.word)}
    if re.sub(r"[^a-z]", "", table.column.lower()) == "truelabel" and numbers and min(numbers) > 0:
        note = (
            f"{table.path}: column {table.column} is taken as numbered from 1, as in the NIPS 2017 data set: 1 is "
            "subtracted; call the column label if it counts from 0"
        )
        return [_class(row, table, first=1) for row in table.rows], (note,)
    return [_class(row, table) for row in table.rows], ()


def _class(row: Row, table: Table, first: int = 0) -> int:
    word = row.word
    label = class_of().get(word.lower(), int(word) - first if _is_number(word) else -1)
    if 0 <= label < 1000:
        return label
    if label == 1000 and all(label_row.word != "0" for label_row in table.rows):
        raise table.fault(
            row,
            f"'1000' is not a class: the numbers seem to count from 1, not from 0; subtract 1 from {table.path} if "
            "they are in the order of the WordNet ids",
        )
    raise table.fault(row, f"{word[:40]!r} is not a class; give numbers from 0 to 999 or WordNet ids")


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _is_class(word: str) -> bool:
    return word.lower() in class_of() or (word.isascii() and word.isdigit())
