"""Records that are there already: what was measured on this machine with the same settings is not measured again."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from resbench import environment
from resbench.accuracy import decoders, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.layouts import open_unlabelled
from resbench.bench import pipeline
from resbench.bench.entrance import origin_of
from resbench.bench.entries import Entry, Validating, fitted
from resbench.bench.passes import settings_of
from resbench.bench.profiling import Profiling, requested, wanted_by
from resbench.nets.cache import cached_path, sha256
from resbench.nets.checkpoints import keyed, read_tensors
from resbench.records import store
from resbench.records.record import Evaluation, Machine, Profile, Record
from resbench.running.device import resolve
from resbench.running.runtimes.runtime import missing, versions_of
from resbench.running.settings import Running
from resbench.timing import speeds
from resbench.zoo.find import find_weights
from resbench.zoo.spec import Variant


def recorded_profile(network: Variant, profiling: Profiling, root: Path) -> Profile | None:
    """Return the record below `root` that measured what is asked for, on this machine and with these settings.

    Raises ResbenchError for what cannot be measured at all.
    """
    request = requested(network, profiling)
    machine = environment.machine(torch.device(request.device))
    images = pipeline.described(request.images) if request.images else None
    asked = {
        (speed, want.asked, images if speed == "end_to_end" else None)
        for want in wanted_by(request, profiling)
        for speed in speeds.speeds_of(want)
    }
    classes = request.network.classes if request.network.classes != network.classes else None
    origin = origin_of(request.network, request.settings.input_px)
    for record in _records(root, machine, network.name):
        if (
            isinstance(record, Profile)
            and (record.settings, record.classes, record.origin) == (request.settings, classes, origin)
            and _same_engine(record, profiling.running)
            and (bool(record.stages) or not profiling.by_stage)
            and {(series.speed, series.batch_size_asked, series.pipeline) for series in record.series} == asked
            and _has_weights(record, profiling.weights, profiling.key)
        ):
            return record
    return None


def recorded_evaluation(entry: Entry, images: ImageSet, validating: Validating, root: Path) -> Evaluation | None:
    """Return the record below `root` of this checkpoint on these images, on this machine and with these settings."""
    on = resolve(validating.device)
    settings = replace(settings_of(entry, validating.running, on), threads=None)  # right answers do not depend on them
    seen = pixels.recorded(fitted(entry, images).preprocess, decoders.decoder_named(validating.decoder, on).name)
    prepared = replace(seen, tta=validating.tta, tta_average=validating.tta_average)
    origin = origin_of(entry.variant, settings.input_px)
    asked = validating.corruptions
    corrupted = Path(asked).name if asked and Path(asked).exists() else asked  # ImageNet-C, or kinds
    for record in _records(root, environment.machine(on), entry.variant.name):
        if not isinstance(record, Evaluation):
            continue
        known = record if validating.plain else store.as_asked(record)
        if (
            (replace(known.settings, threads=None), record.origin) == (settings, origin)
            and _same_engine(record, validating.running)
            and replace(known.pixels, decoder=known.pixels.decoder.partition(":")[0]) == prepared
            and record.dataset == images.describe()
            and (record.corruptions.asked if record.corruptions else None) == corrupted
            and _has_weights(record, entry.source, validating.key)
        ):
            return record
    return None


def _records(root: Path, machine: Machine, network: str) -> Iterator[Record]:
    folder = root / store.machine_folder(machine) / store.network_folder(network)
    for record in store.stored_records(folder).values():
        if record.environment.machine == machine:
            yield record


def _same_engine(record: Record, running: Running) -> bool:
    """Tell whether what would run the network has the versions, and int8 the images, of `record`."""
    versions = {} if missing(running.runtime) else versions_of(running.runtime)
    images = open_unlabelled(Path(running.calibration)).fingerprint if running.calibration else None
    own = record.engine
    return versions.items() <= own.versions.items() and own.options.get("calibration_fingerprint") == images


def _has_weights(record: Record, weights: str | Path | None, key: str | None) -> bool:
    """Tell whether `record` measured the weights in that file, or of that published checkpoint; None: fresh ones."""
    if weights is None:
        return record.weights is None
    named = find_weights(str(weights))
    path = cached_path(named) if named and not Path(weights).exists() else Path(weights)
    return path.is_file() and record.weights_sha256 == _digest(path, path.stat().st_mtime_ns, key)


@lru_cache(maxsize=1024)
def _digest(path: Path, _changed_ns: int, key: str | None) -> str:
    return keyed(sha256(path), read_tensors(path, key).key)
