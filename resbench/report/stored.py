"""Stored records, shown as when they were made, or looked into."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.judging.history import has_samples
from resbench.records.jsonio import read_record
from resbench.records.record import Evaluation, Profile, Record
from resbench.records.store import read_folder
from resbench.report import terminal


def show_stored(what: str, results: Path, *, limit: int, as_json: bool) -> None:
    """Print the record, the records of the folder, or those below `results` of the network or checkpoint `what`.

    A profile is shown as `resbench profile` does. Raises ResbenchError when there are none.
    """
    path = Path(what)
    if path.is_dir():
        _show_several(list(read_folder(path).values()), as_json=as_json)
    elif path.exists() or path.suffix == ".json":
        _show_one(path, limit=limit, as_json=as_json)
    else:
        paths = paths_of(what, read_folder(results))
        if len(paths) == 1:
            _show_one(results / paths[0] if results.is_dir() else results, limit=limit, as_json=as_json)
        else:
            _show_several([read_record(results / name) for name in paths], as_json=as_json)


def paths_of(name: str, records: Mapping[str, Record]) -> list[str]:
    """Return the paths of the records of a network or checkpoint. Raises ResbenchError when there are none."""
    names: set[str] = set()
    paths = []
    for path, record in records.items():
        own = {record.network, record.weights or record.network}
        names |= own
        if name in own:
            paths.append(path)
    if not paths:
        there = (
            f"there are some of {', '.join(sorted(names)[:_MOST_NAMES])}{', ...' if len(names) > _MOST_NAMES else ''}"
        )
        raise ResbenchError(f"{name}: no such file, and no record of such a network; {there}")
    return paths


_MOST_NAMES = 10


def _show_one(path: Path, *, limit: int, as_json: bool) -> None:
    record = read_record(path)
    if not isinstance(record, Profile):
        from resbench.report import answers  # reads predictions, which needs numpy

        answers.show_answers(answers.stored(path), limit=limit, as_json=as_json)
    elif as_json:
        terminal.print_records([record])
    else:
        _show_profile(record)


def _show_several(records: Sequence[Record], *, as_json: bool) -> None:
    from resbench.report.evaluation import evaluation_sheet

    if as_json:
        terminal.print_records(records)
        return
    for index, record in enumerate(records):
        print("\n" if index else "", end="")
        if isinstance(record, Evaluation):
            evaluation_sheet(record)
        else:
            _show_profile(record)


def _show_profile(record: Profile) -> None:
    from resbench.report.profile import profile_sheet

    profile_sheet(replace(record, series=tuple(filter(has_samples, record.series))))
