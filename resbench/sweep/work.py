"""What a worker does: the jobs that it was given, one process, wherever it runs."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from resbench.accuracy.distributed import Portion
from resbench.bench.entrance import entered
from resbench.bench.entries import select
from resbench.bench.profiling import profiled
from resbench.bench.recorded import recorded_evaluation, recorded_profile
from resbench.bench.validation import Keeping
from resbench.errors import ResbenchError
from resbench.records import store
from resbench.records.record import Record
from resbench.running.allocator import keep_memory
from resbench.running.fresh import DiedError
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import Ending, Ledger, code_sha256, hostname, open_jobs
from resbench.sweep.options import profiling_of, validating_of
from resbench.sweep.ranked import Validation, validated, validated_in_ranks


def work(root: Path, keys: Sequence[str], code: str, attempt: int = 1) -> None:
    """Do the jobs `keys` of the sweep into `root` that are still open, and write down how each ended.

    Raises ResbenchError when the sweep was started by another version of resbench (`code`), or cannot be seen here.
    """
    ledger = Ledger(root)
    if code_sha256() != code:
        raise ResbenchError(
            f"resbench on {hostname()} is not the version that started the sweep into {root}; install the same one on "
            "both, and `resbench sweep resume`"
        )
    stored = ledger.stored()
    sys.argv = list(stored.command)  # which the records name
    by_key = {job.key: job for job in stored.jobs}
    jobs = open_jobs(ledger, [by_key[key] for key in keys])
    if jobs and jobs[0].kind == "validate":
        keep_memory()
        _validate(ledger, jobs, attempt, stored.engine.ranks)
    else:
        for job in jobs:
            _profile(ledger, job, attempt)


def record_there(job: Job, root: Path) -> Record | None:
    """Return the record of `job` below `root`, where this machine has measured it already.

    Raises ResbenchError for what this machine cannot measure.
    """
    if job.kind == "profile":
        how = profiling_of(job)
        return recorded_profile(entered(job.name, how.running.input_px), how, root)
    return _evaluations_there([job], root)[0]


def known_ending(job: Job, root: Path) -> Ending | None:
    """Return how `job` ends without being measured: its record is there, or this machine refuses it; else None."""
    try:
        record = record_there(job, root)
    except ResbenchError as error:
        return _refused(error, 1)
    return _there(record, 1) if record else None


def _profile(ledger: Ledger, job: Job, attempt: int) -> None:
    started = time.monotonic()
    try:
        if record := record_there(job, ledger.root):
            ledger.end(job, _there(record, attempt))
            return
        how = profiling_of(job)
        record = profiled(entered(job.name, how.running.input_px), how)
        store.save(record, ledger.root)
    except DiedError:
        raise  # to be tried again
    except ResbenchError as error:
        ledger.end(job, _refused(error, attempt))
    else:
        ledger.end(job, _done(store.path_of(record), time.monotonic() - started, attempt))


def _validate(ledger: Ledger, jobs: Sequence[Job], attempt: int, ranks: int) -> None:
    """Validate checkpoints in one pass; where one of several cannot be, each alone."""
    started = time.monotonic()
    try:
        there = list(zip(jobs, _evaluations_there(jobs, ledger.root), strict=True))
        left = [job for job, record in there if record is None]
        paths = _evaluated(left, ledger, ranks) if left else []
    except DiedError:
        raise  # to be tried again
    except ResbenchError as error:
        if len(jobs) == 1:
            ledger.end(jobs[0], _refused(error, attempt))
        else:
            for job in jobs:
                _validate(ledger, [job], attempt, ranks)
        return
    seconds = (time.monotonic() - started) / max(1, len(left))
    for job, record in there:
        if record:
            ledger.end(job, _there(record, attempt))
    for job, path in zip(left, paths, strict=True):
        ledger.end(job, _done(path, seconds, attempt))


def _evaluations_there(jobs: Sequence[Job], root: Path) -> list[Record | None]:
    """Return the record of each validation that is below `root` already; that of the whole for a part."""
    how = validating_of(jobs[0])
    (images,), entries = select(*_named(jobs), [jobs[0].data], how)
    return [recorded_evaluation(entry, images, how, root) for entry in entries]


def _evaluated(jobs: Sequence[Job], ledger: Ledger, ranks: int) -> Sequence[Path | None]:
    """Validate checkpoints in one pass, and return where the record of each lies; None for parts, which have none."""
    number, of = jobs[0].part or (1, 1)
    networks, weights = _named(jobs)
    validation = Validation(
        networks=networks,
        weights=weights,
        data=jobs[0].data,
        how=validating_of(jobs[0]),
        output=ledger.root,
        keeping=Keeping(folder=ledger.unfinished, portion=Portion(number=number - 1, of=of)),
    )
    paths = validated(validation) if ranks == 1 else validated_in_ranks(validation, ranks)
    return paths or [None] * len(jobs)


def _named(jobs: Sequence[Job]) -> tuple[list[str], list[str]]:
    return [job.name for job in jobs], [job.weights for job in jobs if job.weights]


def _there(record: Record, attempt: int) -> Ending:
    return Ending(state="there", record=store.path_of(record).as_posix(), host=hostname(), attempts=attempt)


def _done(path: Path | None, seconds: float, attempt: int) -> Ending:
    return Ending(
        state="done",
        record=path.as_posix() if path else None,
        seconds=round(seconds, 3),
        host=hostname(),
        attempts=attempt,
    )


def _refused(error: ResbenchError, attempt: int) -> Ending:
    return Ending(state="failed", reason=str(error), exit_code=error.exit_code, host=hostname(), attempts=attempt)
