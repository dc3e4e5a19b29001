"""What was evaluated so far, on disk while a validation runs, so that the same command goes on where one stopped."""

import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from resbench.errors import ResbenchError
from resbench.records.predictions import ROW, Rows, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A folder of rows, one file per process that adds to it: two runs at once do not get in each other's way."""

    folder: Path
    own: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}.rows")

    def read(self) -> Rows:
        """Return the rows of all processes; a row that was cut off while it was written is left out."""
        parts = []
        for path in sorted(self.folder.glob("*.rows")):
            data = path.read_bytes()
            parts.append(np.frombuffer(data[: len(data) // ROW.itemsize * ROW.itemsize], ROW))
        return merge(parts)

    def add(self, rows: Rows) -> None:
        """Append `rows`. Raises ResbenchError when they cannot be written; what was written before stays."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / self.own).open("ab") as stream:
                stream.write(rows.tobytes())
        except OSError as error:
            raise ResbenchError(
                f"{self.folder}: {error.strerror}; what was evaluated before is kept, make room and run again, "
                "or let XDG_CACHE_HOME name a folder that can be written to"
            ) from None

    def remove(self) -> None:
        """Forget everything, once the record is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def root() -> Path:
    """Return the folder of all journals: resbench/unfinished in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "resbench" / "unfinished"
