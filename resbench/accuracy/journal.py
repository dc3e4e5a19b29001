"""What was evaluated so far, on disk while a validation runs, so that the same command goes on where one stopped."""

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resbench.accuracy.dataset import DIGEST_BYTES, Sample
from resbench.records.predictions import ROW, Rows

# A row, and the digest of the image that it belongs to: places and classes are those of another run's layout.
ENTRY = np.dtype([("digest", f"V{DIGEST_BYTES}"), *ROW.descr])
Entries = NDArray[np.void]


EXPIRES_DAYS = 30  # after which an interrupted run is not expected to go on


class EvaluationInterrupted(KeyboardInterrupt):
    """Ctrl-C during an evaluation of which `kept` images are on disk; `failure` says why they are not."""

    def __init__(self, kept: int, failure: str) -> None:
        super().__init__()
        self.kept, self.failure = kept, failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A folder of rows, one file per process that adds to it: two runs at once do not get in each other's way.

    Rows are kept for convenience, so a folder that cannot be written to stops nothing: `failures` says why.
    """

    folder: Path
    own: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}.rows")
    failures: list[str] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """Why rows are not kept; empty when they are."""
        return "; ".join(self.failures)

    def read(self) -> Entries:
        """Return the entries of all processes; one that was cut off while it was written is left out."""
        parts = [np.empty(0, ENTRY)]
        for path in sorted(self.folder.glob("*.rows")):
            with suppress(OSError):
                data = path.read_bytes()
                parts.append(np.frombuffer(data[: len(data) // ENTRY.itemsize * ENTRY.itemsize], ENTRY))
        return np.concatenate(parts)

    def add(self, rows: Rows, samples: Sequence[Sample]) -> None:
        """Append the rows of `samples`; after a failure nothing more is tried."""
        if self.failures:
            return
        entries = np.empty(len(rows), ENTRY)
        entries["digest"] = [sample.digest for sample in samples]
        for name in ROW.names or ():
            entries[name] = rows[name]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / self.own).open("ab") as stream:
                stream.write(entries.tobytes())
        except OSError as error:
            self.failures.append(f"{self.folder}: {error.strerror}")

    def remove(self) -> None:
        """Forget everything, once the record is complete or refused."""
        shutil.rmtree(self.folder, ignore_errors=True)


def rows_of(entries: Entries, samples: Sequence[Sample]) -> Rows:
    """Return the rows of those `samples` that `entries` hold, by content and class, at the places they have now.

    By class too, since a row has the logit of the class that the image is of.
    """
    digests_labels = zip(entries["digest"].tolist(), entries["label"].tolist(), strict=True)
    kept = {key: number for number, key in enumerate(digests_labels)}
    keys = [(sample.digest, sample.label) for sample in samples]
    places = [place for place, key in enumerate(keys) if key in kept]
    numbers = [kept[keys[place]] for place in places]
    rows = np.empty(len(places), ROW)
    for name in ROW.names or ():
        rows[name] = entries[name][numbers]
    rows["place"] = places
    return rows


def expire(folder: Path) -> None:
    """Remove the journals in `folder` to which nothing was added for EXPIRES_DAYS."""
    with suppress(OSError):
        for journal in folder.iterdir():
            if journal.stat().st_mtime < time.time() - EXPIRES_DAYS * 24 * 3600:
                shutil.rmtree(journal, ignore_errors=True)


def root() -> Path:
    """Return the folder of all journals: resbench/unfinished in the user's cache."""
    chosen = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # never raises
    return Path(chosen) / "resbench" / "unfinished"
