"""What the page shows when a record is opened: where it comes from, its figures, its raw samples."""

from collections.abc import Iterator
from typing import Any

from resbench import units
from resbench.judging import stats
from resbench.judging.claims import reproduction
from resbench.judging.history import has_samples
from resbench.records.record import TOP_K, Evaluation, Profile, Record, Series, TopK
from resbench.words import measured, observed
from resbench.words.quantities import WORDS, accuracy_words, reproduction_words
from resbench.words.settings import chosen_words

Facts = list[tuple[str, str]]


def details(path: str, record: Record) -> dict[str, Any]:
    """Return the facts about `record` in words, and its series with their samples in nanoseconds."""
    series = [_series(series) for series in filter(has_samples, record.series)] if isinstance(record, Profile) else []
    return {
        "title": f"{record.network}: {record.kind}",
        "facts": [("record", path), *_result(record), *_origin(record)],
        "series": series,
    }


def _result(record: Record) -> Iterator[tuple[str, str]]:
    weights = record.weights or "fresh weights"
    yield "weights", f"{weights}, sha256 {record.weights_sha256}" if record.weights_sha256 else weights
    if isinstance(record, Profile):
        yield "parameters", units.integer(record.counts.params)
        yield "MACs", f"{units.integer(record.counts.terms.macs)} at {units.pixels(record.counts.input_px)} px"
        for memory in record.memory:
            yield f"peak memory, batch {memory.batch_size}", ", ".join(observed.peak_words(memory)) or "not measured"
        return
    yield from ((WORDS[metric], _accuracy(record, metric)) for metric in TOP_K if record.images)
    data = record.dataset
    yield "images", f"{units.integer(record.images)} of {data.name} ({data.layout}), fingerprint {data.fingerprint}"
    yield "pixels", observed.cut(record.pixels, f"{record.pixels.interpolation}, {record.pixels.decoder}")
    if record.skipped:
        yield "skipped", f"{len(record.skipped)} images that cannot be read"


def _accuracy(record: Evaluation, metric: TopK) -> str:
    right, published = record.right(metric), reproduction(record, metric)
    words = f"{accuracy_words(right, record.images)}, {units.integer(right)} right"
    if published is None:
        return words
    return f"{words}; published {units.percent(published.published)}: {reproduction_words(published)}"


def _origin(record: Record) -> Iterator[tuple[str, str]]:
    conditions, run = record.environment.conditions, record.run
    yield "run", observed.settings(record.settings)
    if isinstance(record, Evaluation) and record.chosen:
        yield "chosen by the run", chosen_words(record.chosen)
    if runtime := observed.run_by(record.engine, record.exported):
        yield "runtime", runtime
    yield "machine", observed.device(record.environment)
    yield "noise", observed.noise(record.environment)
    yield "system", f"{conditions.os}; Python {conditions.python}; host {conditions.host}"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in conditions.libraries.items())
    yield "started", f"{run.started}, took {run.duration_s:.1f} s"
    yield "command", run.command
    yield "made by", f"resbench {run.resbench}" + (f", revision {run.git_revision}" if run.git_revision else "")


def _series(series: Series) -> dict[str, Any]:
    return {
        "title": f"{observed.speed(series.speed)}, batch {series.batch_size}",
        "axis": "ms per call",
        "calls": series.calls,
        "facts": _figures(series),
        "launches": [[cluster.wall_ns for cluster in launch.clusters] for launch in series.launches],
    }


def _figures(series: Series) -> Facts:
    summary = stats.summarise(series)
    discarded = sum(len(launch.discarded) for launch in series.launches)
    figures = [
        ("median of a call", measured.time(summary.median)),
        *([] if (rate := measured.rate(series)) == "-" else [("images per second", rate)]),
        ("CPU time", measured.time(summary.cpu) if summary.cpu else "-"),
        ("90th percentile", measured.percentile_words(summary, 0.90)),
        ("first call", ", ".join(units.seconds(launch.cold_start_ns / 1e9) for launch in series.launches)),
        ("samples", f"{summary.samples} in {summary.clusters} clusters of {summary.launches} processes"),
        ("outliers", str(summary.outliers)),
        ("stopped by", series.stop_reason.replace("_", " ")),
        ("drift", "still changing" if series.drifting else "none"),
    ]
    steady = all(launch.steady for launch in series.launches)
    figures += [] if steady else [("warm-up", "not steady when sampling began")]
    return figures + ([("discarded", f"{discarded} clusters, device throttled")] if discarded else [])
