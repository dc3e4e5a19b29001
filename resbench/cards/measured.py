"""The rows of a card that come from records: speeds with intervals, accuracies beside claims, where each was made."""

from collections.abc import Iterator, Sequence
from typing import Any

from resbench import units
from resbench.bench.columns import Row
from resbench.cards.facts import Card
from resbench.cards.plots import Measurement
from resbench.cards.relatives import in_doubt
from resbench.judging.claims import reproduction
from resbench.judging.history import has_samples
from resbench.judging.stats import log_interval, unit_values
from resbench.records.record import TOP_K, Environment, Evaluation, Pipeline, Pixels, Profile, Record, Series, TopK
from resbench.records.store import machine_folder
from resbench.words import observed
from resbench.words.measured import rate, time_span
from resbench.words.quantities import WORDS, accuracy_span, reproduction_words
from resbench.words.settings import chosen_words


def speed_tables(card: Card) -> list[dict[str, Any]]:
    """Return what was measured per record: where and how, and a row per series of samples."""
    tables = []
    for path, record in card.profiles.items():
        series = sorted(record.series, key=lambda measured: (measured.speed, measured.batch_size))
        memory = {
            measured.batch_size: (*observed.peak_words(measured), "not measured")[0] for measured in record.memory
        }
        rows = [
            _speed(record, measured) | {"memory": memory.get(measured.batch_size, "not measured")}
            for measured in filter(has_samples, series)
        ]
        if rows:
            where = {"path": path, "machine": machine_folder(record.environment.machine)}
            how = {"settings": observed.settings(record.settings), "noise": record.environment.conditions.noise}
            tables.append(where | how | {"network": record.network, "rows": rows})
    return tables


def accuracy_tables(card: Card) -> list[dict[str, Any]]:
    """Return what was measured per record: on which images, and a row per metric beside the published figure."""
    return [
        {
            "path": path,
            "weights": record.weights,
            "data": record.dataset.name,
            "images": record.images,
            "rows": [_accuracy(record, metric) for metric in TOP_K],
        }
        for path, record in card.evaluations.items()
    ]


def _accuracy(record: Evaluation, metric: TopK) -> dict[str, Any]:
    right, published = record.right(metric), reproduction(record, metric)
    return {
        "metric": WORDS[metric],
        "right": right,
        "share": right / record.images,
        "span": accuracy_span(right, record.images),
        "published": units.percent(published.published) if published else "nothing",
        "verdict": reproduction_words(published) if published else "nothing to compare with",
    }


def provenance(card: Card) -> Iterator[dict[str, Any]]:
    """Yield where, when and how each record was made."""
    for path, record in card.records.items():
        yield {
            "path": path,
            "when": record.run.started,
            "environment": _environment(record.environment),
            "settings": observed.settings(record.settings) + _runtime(record) + _images(record),
            "command": record.run.command,
            "hash": (record.weights_sha256 or "")[:16],
        }


def throughputs(card: Card) -> dict[str, Sequence[Measurement]]:
    """Return images per second by batch size for every machine and setting that has two sizes or more."""
    lines: dict[str, list[Measurement]] = {}
    for row in card.speeds:
        if row["images_per_s"] is not None:
            name = ", ".join((row["machine"], row["settings"], observed.speed(row["speed"])))
            lines.setdefault(name, []).append(_point(row))
    by_size = {name: sorted(points, key=lambda point: point.batch_size) for name, points in lines.items()}
    return {name: points for name, points in by_size.items() if len({point.batch_size for point in points}) > 1}


def _point(row: Row) -> Measurement:
    return Measurement(
        batch_size=row["batch_size"],
        rate=row["images_per_s"],
        low=row["images_per_s_low"],
        high=row["images_per_s_high"],
        doubt=in_doubt(row),
    )


def _speed(record: Profile, series: Series) -> dict[str, Any]:
    call = log_interval(unit_values(series))
    return {
        "speed": f"{observed.speed(series.speed)}{observed.overloaded(record.environment)}",
        "batch_size": series.batch_size,
        "call": units.seconds(call.estimate),
        "span": f"{time_span(call)}, still changing" if series.drifting else time_span(call),
        "rate": rate(series),
    }


def _runtime(record: Record) -> str:
    """Return what besides torch ran the network; nothing where torch did."""
    own = observed.run_by(record.engine, record.exported)
    return f"; {own}" if own else ""


def _images(record: Record) -> str:
    """Return which images an evaluation or an end-to-end speed saw; nothing for other speeds."""
    if isinstance(record, Profile):
        fed = dict.fromkeys(series.pipeline for series in record.series if series.pipeline)
        return "".join(_fed(pipeline) for pipeline in fed)
    data = record.dataset
    chosen = f"; chosen by the run: {chosen_words(record.chosen)}" if record.chosen else ""
    return f"; {_pixels(record.pixels)}; {data.layout}, fingerprint {data.fingerprint[:16]}{chosen}"


def _fed(pipeline: Pipeline) -> str:
    cached = f"{pipeline.images} images of {pipeline.data} from the page cache, fingerprint {pipeline.fingerprint[:16]}"
    return f"; end to end: {_pixels(pipeline.pixels)}; threads that decode: {pipeline.workers}; {cached}"


def _pixels(pixels: Pixels) -> str:
    return observed.cut(pixels, f"{pixels.interpolation}, {pixels.decoder}")


def _environment(environment: Environment) -> str:
    machine, conditions = environment.machine, environment.conditions
    driver = f", driver {machine.driver}, CUDA {machine.cuda}" if machine.device_kind == "cuda" else ""
    return f"{machine.device_name} ({machine.cpu_cores} cores), torch {machine.torch}{driver}, noise {conditions.noise}"
