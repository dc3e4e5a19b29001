"""What was evaluated so far, on disk while a validation runs, so that the same command goes on where one stopped."""

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resbench.accuracy.dataset import DIGEST_BYTES, Sample
from resbench.errors import ResbenchError
from resbench.records.predictions import ROW, Rows

# A row, and the digest of the image that it belongs to: places and classes are those of another run's layout.
ENTRY = np.dtype([("digest", f"V{DIGEST_BYTES}"), *ROW.descr])
Entries = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A folder of rows, one file per process that adds to it: two runs at once do not get in each other's way."""

    folder: Path
    own: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}.rows")

    def read(self) -> Entries:
        """Return the entries of all processes; one that was cut off while it was written is left out."""
        parts = [np.empty(0, ENTRY)]
        for path in sorted(self.folder.glob("*.rows")):
            data = path.read_bytes()
            parts.append(np.frombuffer(data[: len(data) // ENTRY.itemsize * ENTRY.itemsize], ENTRY))
        return np.concatenate(parts)

    def add(self, rows: Rows, samples: Sequence[Sample]) -> None:
        """Append the rows of `samples`. Raises ResbenchError when that fails; what was written before stays."""
        entries = np.empty(len(rows), ENTRY)
        entries["digest"] = [sample.digest for sample in samples]
        for name in ROW.names or ():
            entries[name] = rows[name]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / self.own).open("ab") as stream:
                stream.write(entries.tobytes())
        except OSError as error:
            raise ResbenchError(
                f"{self.folder}: {error.strerror}; what was evaluated before is kept, make room and run again, "
                "or let XDG_CACHE_HOME name a folder that can be written to"
            ) from None

    def remove(self) -> None:
        """Forget everything, once the record is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def rows_of(entries: Entries, samples: Sequence[Sample]) -> Rows:
    """Return the rows of those `samples` that `entries` hold, by their content, at the places they have now."""
    kept = {digest: number for number, digest in enumerate(entries["digest"].tolist())}
    places = [place for place, sample in enumerate(samples) if sample.digest in kept]
    numbers = [kept[samples[place].digest] for place in places]
    rows = np.empty(len(places), ROW)
    for name in ROW.names or ():
        rows[name] = entries[name][numbers]
    rows["place"], rows["label"] = places, [samples[place].label for place in places]
    return rows


def root() -> Path:
    """Return the folder of all journals: resbench/unfinished in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "resbench" / "unfinished"
