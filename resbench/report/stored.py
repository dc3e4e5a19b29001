"""A stored record, shown as when it was made, or looked into."""

from dataclasses import replace
from pathlib import Path

from resbench.judging.history import has_samples
from resbench.records.jsonio import dumps, read_record
from resbench.records.record import Profile
from resbench.report import terminal


def show_stored(path: Path, *, limit: int, as_json: bool) -> None:
    """Print the profile at `path` as `resbench profile` does, or a validation by classes."""
    record = read_record(path)
    if not isinstance(record, Profile):
        from resbench.report import answers  # reads predictions, which needs numpy

        answers.show_answers(answers.stored(path), limit=limit, as_json=as_json)
    elif as_json:
        terminal.print_json_text(dumps(record))
    else:
        from resbench.report import profile

        profile.profile_sheet(replace(record, series=tuple(filter(has_samples, record.series))))
