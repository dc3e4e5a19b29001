"""Histories in the formats of other tools, each from the same measures."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from resbench.counting.counted import counted_or_none
from resbench.judging.history import has_samples, timings_of
from resbench.judging.metric import timed
from resbench.judging.timings import clocks_of, unit_times_s
from resbench.records.record import TOP_K, Evaluation, Profile, Record, Series
from resbench.words.escaped import visible_csv, visible_json
from resbench.zoo.find import find_weights

Runs = Mapping[str, Sequence[Record]]  # by path, oldest first


def timm_benchmark(runs: Runs) -> str:
    """Return the newest profiles with the columns of timm's benchmark.py for inference, then noise and runtime."""
    columns = (
        "model", "infer_samples_per_sec", "infer_step_time", "infer_batch_size", "infer_img_size", "infer_gmacs",
        "infer_macts", "param_count", "noise", "runtime",
    )  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            record.network,
            f"{series.batch_size / step_s:.2f}",
            f"{1000 * step_s:.3f}",
            series.batch_size,
            _side(record.counts.input_px),
            f"{record.counts.terms.macs / 1e9:.2f}",
            f"{record.counts.activations / 1e6:.2f}",
            f"{record.counts.params / 1e6:.2f}",
            record.environment.conditions.noise,
            record.settings.runtime,
        )
        for record, series, step_s in _forward_passes(runs)
    ]
    return visible_csv(columns, sorted(rows, key=lambda row: (-float(row[1]), row[0])))


def timm_results(runs: Runs) -> str:
    """Return the newest evaluations with the columns of timm's results files, in their order."""
    columns = ("model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct", "interpolation")
    rows: list[Sequence[Any]] = []
    for record in (records[-1] for records in runs.values()):
        if isinstance(record, Evaluation) and record.images and not record.pixels.tta:
            top1, top5 = (100 * record.right(metric) / record.images for metric in TOP_K)
            counts = counted_or_none(record.network)  # a place is not built for a table of records
            rows.append(
                (
                    record.weights,
                    record.pixels.crop_px,
                    *(f"{value:.3f}" for value in (top1, 100 - top1, top5, 100 - top5)),
                    f"{counts.params / 1e6:.2f}" if counts else "",
                    f"{_crop_pct(record):.3f}",
                    record.pixels.interpolation,
                )
            )
    return visible_csv(columns, sorted(rows, key=lambda row: (-float(row[2]), -float(row[4]), row[0])))


def pyperf(runs: Runs) -> str:
    """Return the timings as a suite of pyperf: a run of ours is a run of its, our clusters are its values."""
    benchmarks: dict[str, list[dict[str, Any]]] = {}
    for path, records in runs.items():
        for record in records:
            for label, values in _values(record) if isinstance(record, Profile) else ():
                metadata = {
                    "date": _pyperf_date(record.run.started),
                    "noise": record.environment.conditions.noise,
                    "runtime": record.settings.runtime,
                }
                entry = {"metadata": metadata, "values": values}
                benchmarks.setdefault(f"{path.removesuffix('.json')} {label}", []).append(entry)
    listed = [{"metadata": {"name": name, "unit": "second"}, "runs": runs_of} for name, runs_of in benchmarks.items()]
    return visible_json(json.dumps({"version": "1.0", "benchmarks": listed}, indent=1)) + "\n"


FORMATS: dict[str, Callable[[Runs], str]] = {
    "timm-benchmark": timm_benchmark,
    "timm-results": timm_results,
    "pyperf": pyperf,
}


def _forward_passes(runs: Runs) -> Iterator[tuple[Profile, Series, float]]:
    for record in (records[-1] for records in runs.values()):
        if isinstance(record, Profile):
            for series, metric, measure in timings_of(record):
                if metric.speed in ("latency", "throughput") and metric.clock != "cpu_ns":
                    yield record, series, measure.value


def _values(record: Profile) -> Iterator[tuple[str, list[float]]]:
    for series in filter(has_samples, record.series):
        for clock in clocks_of([series], record):
            yield str(timed(series, clock)), unit_times_s(series, clock)


def _side(input_px: tuple[int, int]) -> int | str:
    return input_px[0] if input_px[0] == input_px[1] else f"{input_px[0]}x{input_px[1]}"


def _crop_pct(record: Evaluation) -> float:
    """Return the published share that gives these sizes, else their ratio: sizes are rounded."""
    published = find_weights(record.weights)
    if published and (published.preprocess.resize_px, published.preprocess.crop_px) == (
        record.pixels.resize_px,
        record.pixels.crop_px,
    ):
        return published.preprocess.crop_pct
    return record.pixels.crop_px / record.pixels.resize_px


def _pyperf_date(started: str) -> str:
    return started[:19].replace("T", " ") + ".000000"
