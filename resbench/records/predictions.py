"""What a network saw in each image, as rows that files and processes exchange, and the counts over them."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resbench.errors import ResbenchError
from resbench.records.files import write_bytes

# One image: its place in the set, its class, and the classes with the five largest logits, largest first. A class is -1
# where a network has fewer (its logit is -inf then), and where its logit is that of the sixth too: which of those are
# among five would be a matter of order. The logsumexp is over all classes that an answer may be chosen from, so that
# exp(logit - logsumexp) is a probability.
_ANSWER = [("place", "<i4"), ("label", "<i2"), ("top5", "<i2", 5), ("logits", "<f4", 5), ("logsumexp", "<f4")]
# What scores of probabilities need, NaN in files that were written before version 0.2: the logit of the image's class,
# the sum of the squares of all probabilities, and the logsumexp of the logits times each of SCALES, which are 1 over a
# temperature.
SCALES = tuple(2 ** (step / 2) for step in (-4, -3, -2, -1, 1, 2, 3, 4))
_SCORED = [("own", "<f4"), ("squares", "<f4"), ("scaled", "<f4", len(SCALES))]
ROW = np.dtype([*_ANSWER, *_SCORED])
Rows = NDArray[np.void]
# What numpy and zipfile raise for files that are damaged, or something else.
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """The rows of a whole set, and the names of its images."""

    names: tuple[str, ...]
    rows: Rows

    @property
    def images(self) -> list[tuple[str, int]]:
        """The images by file name, without folders, and class: what must agree for a comparison."""
        labels: list[int] = self.rows["label"].tolist()
        return list(zip((name.rpartition("/")[2] for name in self.names), labels, strict=True))

    @property
    def sha256(self) -> str:
        """A hash over names and rows."""
        rows = self.rows
        if not is_scored(rows):  # of version 0.1, whose records have the hash of these columns alone
            rows = np.empty(len(rows), _ANSWER)
            for name, *_ in _ANSWER:
                rows[name] = self.rows[name]
        return hashlib.sha256("\n".join(self.names).encode() + b"\0" + rows.tobytes()).hexdigest()


def merge_rows(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts in the order of their places, each place once."""
    rows = np.concatenate([np.empty(0, ROW), *parts])
    return rows[np.unique(rows["place"], return_index=True)[1]]


def is_scored(rows: Rows) -> bool:
    """Tell whether rows have what scores of probabilities need."""
    return not np.isnan(rows["own"]).any()


def first(rows: Rows) -> NDArray[np.int_]:
    """Return the class with the largest logit of each row; -1 where several classes share that logit."""
    tied = rows["logits"][:, 0] == rows["logits"][:, 1]
    return np.where(tied, -1, rows["top5"][:, 0])


def top1(rows: Rows) -> NDArray[np.bool_]:
    """Tell of each row whether the class with the largest logit is right; a tie never is."""
    return first(rows) == rows["label"]


def top5(rows: Rows) -> NDArray[np.bool_]:
    """Tell of each row whether one of the five classes is right; a class that ties with the sixth never is."""
    return (rows["top5"] == rows["label"][:, None]).any(1)


def path_beside(record: Path) -> Path:
    """Return where the predictions lie that belong to the record at `record`."""
    return record.with_suffix(".npz")


def save_predictions(predictions: Predictions, path: Path) -> None:
    """Write `predictions` to `path`, whole or not at all. Raises ResbenchError when it cannot be written."""
    write_bytes(path, encoded(predictions))


def encoded(predictions: Predictions) -> bytes:
    """Return the content of a file of `predictions` (.npz)."""
    names = np.frombuffer("\n".join(predictions.names).encode(), dtype=np.uint8)
    columns = {name: predictions.rows[name] for name in ROW.names or () if name != "place"}
    content = io.BytesIO()
    np.savez_compressed(content, names=names, **columns)  # type: ignore[arg-type]
    return content.getvalue()


def load_predictions(path: Path) -> Predictions:
    """Read what `save` wrote. Raises ResbenchError for anything else."""
    try:
        return parse_predictions(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ResbenchError(f"{path}: no predictions beside the record; validate again with --save") from None
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; validate again with --save") from None


def parse_predictions(content: bytes, where: str) -> Predictions:
    """Read the bytes that `save` wrote. Raises ResbenchError, naming `where`, for anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as columns:
            names = tuple(columns["names"].tobytes().decode().split("\n"))
            rows = np.empty(len(names), ROW)
            rows["place"] = np.arange(len(rows))
            for name, *_ in _SCORED:
                rows[name] = np.nan
            stored = [name for name, *_ in _SCORED if name in columns.files]
            if stored and len(stored) < len(_SCORED):
                raise ValueError(f"{stored[0]} is there, but not all that belongs to it")
            for name in ("label", "top5", "logits", "logsumexp", *stored):
                if (column := columns[name]).shape != rows[name].shape:
                    raise ValueError(f"{name} has the shape {column.shape} for {len(names)} images")
                np.copyto(rows[name], column, casting="same_kind")
    except _UNREADABLE as error:
        reason = str(error)[:200]
        raise ResbenchError(f"{where}: not readable predictions ({reason}); validate again with --save") from None
    return Predictions(names=names, rows=rows)
