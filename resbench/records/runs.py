"""Baselines: for the path of a record, the runs that were measured before, oldest first.

They come from a folder of records (one run per path), from a pool (a folder per path, a file per run: `records.pool`),
or from git (the committed versions of the record).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from resbench.bounded import content
from resbench.errors import ResbenchError
from resbench.records.files import json_names
from resbench.records.git import Objects, commit_of, is_shallow, tree, versions
from resbench.records.jsonio import loads, read_record
from resbench.records.lazily import Lazily
from resbench.records.record import Record
from resbench.records.store import path_of, read_folder

Predictions = Callable[[str], tuple[bytes | None, bytes | None]]
LARGEST_BYTES = 2**28  # 256 MiB, of predictions; those of 50,000 images have 1.5
WINDOW = 30  # runs per path that are read
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}\.json")


def read_new(path: Path) -> Mapping[str, Record]:
    """Return the records to be judged by their paths: one of a file; of a folder all, and the newest of each pool."""
    if path.is_file():
        record = read_record(path)
        return {path_of(record).as_posix(): record}
    runs = read_pool(path, 1)
    return Lazily(runs, lambda name: runs[name][-1])


def read_baseline(against: str, new: Path) -> Mapping[str, list[Record]]:
    """Return the runs of `against`: a record, a folder of records, a pool, or `git:REV` (`new` as committed up to REV).

    Where `new` is one file, only its own runs are returned. Raises ResbenchError when there are none or the newest of
    a path cannot be read.
    """
    if not new.exists():
        raise ResbenchError(f"{new}: no such file or folder; give records, as `resbench profile NAME --save` writes")
    own = path_of(read_record(new)).as_posix() if new.is_file() else None
    if against.startswith("git:"):
        runs = _history(against.removeprefix("git:"), new)
        return {own: runs[new.name]} if own else runs
    folder = Path(against)
    if folder.is_file():
        record = read_record(folder)
        return {own or path_of(record).as_posix(): [record]}
    runs = read_pool(folder)
    return Lazily((path for path in runs if own in (None, path)), runs.__getitem__)


def is_cut_off(against: str, new: Path) -> bool:
    """Tell whether `read_baseline` lacks runs because the clone that `new` lies in is shallow."""
    return against.startswith("git:") and is_shallow(new.parent if new.is_file() else new)


def read_pool(root: Path, window: int = WINDOW) -> Mapping[str, list[Record]]:
    """Return the newest `window` runs of every path below `root`, oldest first; a plain record is its only run.

    Raises ResbenchError when there is none, or, as they are read, for one that cannot be.
    """
    if not root.is_dir():
        return {name: [record] for name, record in read_folder(root).items()}
    files = run_files(root)
    if not files:
        raise ResbenchError(f"{root}: holds no records; write some with `resbench profile NAME --save`")

    def runs(name: str) -> list[Record]:
        records = [record for path in files[name][-window:] if (record := read_unless_pruned(path))]
        if not records:
            raise ResbenchError(f"{root / name}: was pruned while it was read; run this again")
        return records

    return Lazily(files, runs)


def run_files(root: Path) -> dict[str, list[Path]]:
    """Return the files below `root` by the path of their record, oldest first."""
    files: dict[str, list[Path]] = defaultdict(list)
    for name in json_names(root):
        path = root / name
        own = f"{name.rpartition('/')[0] or '.'}.json" if is_run(path) else name
        files[own].append(path)
    return files


def read_history(source: Path, revision: str, window: int) -> Mapping[str, list[Record]]:
    """Return the newest `window` runs of a pool, or the last committed versions of a folder of records."""
    if not source.exists():
        raise ResbenchError(f"{source}: no such file or folder; give a folder of records or a pool")
    if any(is_run(file) for files in run_files(source).values() for file in files):
        return read_pool(source, window)
    return _history(revision, source, window)


def read_predictions(against: str, new: Path) -> Predictions:
    """Return what reads, for a path, the predictions beside the newest record of `against` and beside that of `new`.

    They are bytes of an .npz file; None where there are none.
    """

    def beside(root: Path) -> Callable[[str], bytes | None]:
        files = {} if root.is_file() else run_files(root)
        return lambda path: read_if_there((files[path][-1] if path in files else root).with_suffix(".npz"))

    folder = new.parent if new.is_file() else new

    @cache
    def listed() -> tuple[Mapping[str, str], Objects]:
        return tree(folder, commit_of(folder, against.removeprefix("git:"))), Objects(folder)

    def committed(path: str) -> bytes | None:
        names, objects = listed()
        own = names.get(f"{(new.name if new.is_file() else path).removesuffix('.json')}.npz")
        return objects.read(own)[0] if own else None

    old = committed if against.startswith("git:") else beside(Path(against))
    fresh = beside(new)
    return lambda path: (old(path), fresh(path))


def read_unless_pruned(path: Path) -> Record | None:
    """Read the record in `path`; None for a run that is no longer there.

    Raises ResbenchError for any other that cannot be read.
    """
    try:
        return read_record(path)
    except ResbenchError:
        if is_run(path) and not path.exists():  # another job has just thinned the pool
            return None
        raise


def read_if_there(path: Path) -> bytes | None:
    """Return the content of `path`, None when there is no such file."""
    return content(path, LARGEST_BYTES, "validate again with --save") if path.exists() else None


def is_run(path: Path) -> bool:
    """Tell whether `path` names a run in a pool."""
    return _RUN.fullmatch(path.name) is not None


def _history(revision: str, new: Path, window: int = WINDOW) -> Mapping[str, list[Record]]:
    """Return the versions of the records in `new` up to git `revision`, whose own tree decides which there are."""
    folder = new.parent if new.is_file() else new
    commit = commit_of(folder, revision)
    what = new.name if new.is_file() else "."
    newest = {name: own for name, own in tree(folder, commit, what).items() if name.endswith(".json")}
    if not newest:
        raise ResbenchError(f"{new}: no records at git revision {revision}; commit some or give --against a folder")
    earlier, objects = versions(folder, commit, what), Objects(folder)

    def runs(name: str) -> list[Record]:
        own = list(dict.fromkeys([newest[name], *earlier.get(name, ())]))[:window]
        return _records(objects.read(*own), f"{revision}:{name}")

    return Lazily(newest, runs)


def _records(newest_first: list[bytes], where: str) -> list[Record]:
    """Return the records oldest first; of the earlier ones only those that this resbench can still read."""
    earlier = [record for text in reversed(newest_first[1:]) if (record := _readable(text))]
    return [*earlier, loads(newest_first[0], where)]


def _readable(text: bytes) -> Record | None:
    """Return the record in an earlier version of a file, or None when this resbench cannot read it any more."""
    try:
        return loads(text)
    except ResbenchError:
        return None
