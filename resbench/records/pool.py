"""The pool of a baseline: every run is a file of its own, added and never changed.

It lies at POOL/<machine>/<network>/<kind>-<settings>/<when>-<hash>.json, its predictions beside it. No two runs share
a name, so any number of jobs may add at once, and two pools merge by copying.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.records.files import write_bytes, write_text
from resbench.records.jsonio import dumps
from resbench.records.record import Record
from resbench.records.runs import read_if_there, read_unless_pruned, run_files
from resbench.records.store import path_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The runs of one path in a pool."""

    path: str
    network: str
    runs: int
    oldest: str  # when it started, ISO 8601
    newest: str


def add(record: Record, pool: Path, predictions: Path | None = None) -> bool:
    """Add `record` to `pool`, with the file of its predictions; tell whether it was not there already."""
    text = dumps(record)
    stamp = datetime.fromisoformat(record.run.started).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = pool / path_of(record).with_suffix("") / f"{stamp}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    if path.exists():
        return False
    content = read_if_there(predictions) if predictions else None
    if content is not None:  # first, so that a run never appears without them
        write_bytes(path.with_suffix(".npz"), content)
    write_text(path, text)
    return True


def add_all(source: Path, pool: Path) -> int:
    """Add every record in `source` (a file, a folder of records, another pool) to `pool`; return how many were new."""
    files = [source] if source.is_file() else [file for own in run_files(source).values() for file in own]
    if not files:
        raise ResbenchError(f"{source}: holds no records; write some with `resbench profile NAME --save`")
    records = [
        (read_unless_pruned(file), file) for file in files
    ]  # all of them first: an unreadable one leaves the pool as it was
    return sum(add(record, pool, file.with_suffix(".npz")) for record, file in records if record)


def shelves(pool: Path) -> Iterator[Shelf]:
    """Yield what `pool` holds, path by path. Raises ResbenchError when there is no such folder."""
    for path, files in _own(pool).items():
        records = [record for file in files if (record := read_unless_pruned(file))]
        if records:
            yield Shelf(
                path=path,
                network=records[-1].network,
                runs=len(records),
                oldest=records[0].run.started,
                newest=records[-1].run.started,
            )


def prune(pool: Path, keep: int) -> int:
    """Delete all but the newest `keep` runs of every path; return how many. Another job may do the same."""
    outdated = [file for files in _own(pool).values() for file in files[:-keep]]
    for file in outdated:
        file.unlink(missing_ok=True)
        file.with_suffix(".npz").unlink(missing_ok=True)
    return len(outdated)


def _own(pool: Path) -> dict[str, list[Path]]:
    if not pool.is_dir():
        raise ResbenchError(f"{pool}: no such folder; begin a pool with `resbench baseline save --pool {pool}`")
    return run_files(pool)
