"""What a profile measures of a network that is ready: series, memory, ceilings, energy, kernels, stages."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from resbench.bench import pipeline
from resbench.bench.subject import OnProgress, Subject, device_memory, difference_from_plain, kernels_by_batch, resident
from resbench.judging.roofline import roofline
from resbench.nets.elsewhere import portable
from resbench.records.record import Ceilings, Memory, Profile, Series, StageTimes
from resbench.running import fresh
from resbench.timing import ceilings, speeds
from resbench.timing.sampler import Surroundings, unwatched
from resbench.timing.telemetry import Telemetry, telemetry
from resbench.words.observed import speed

CEILING_REPEATS = 2
_log = logging.getLogger(__name__)


def measured_parts(
    record: Profile,
    subject: Subject,
    request: speeds.Request,
    *,
    launches: int,
    by_stage: bool,
    on_progress: OnProgress,
) -> Iterator[dict[str, Any]]:
    """Yield fields of `record`, a profile without samples, as they are measured."""
    meter = telemetry(subject.arm.device)
    for series in _series(subject, request, launches, meter, on_progress):
        yield {"series": tuple(series)}
    yield {"memory": tuple(_memory(subject, request, on_progress))}
    if record.settings.dtype != "int8":  # whose products torch does not have
        on_progress("ceilings", 0.0)
        yield {"ceilings": _ceilings(replace(record, series=tuple(series)), subject.arm.device)}
    if all(want.speed != "train" for want in request.wanted):  # which changes the weights
        yield {"output_difference": difference_from_plain(request, subject)}
    if meter:
        on_progress("energy", 0.0)
        wants = [want for want in request.wanted if want.speed == "throughput"]
        energies = [speeds.energy(subject.arm, want, meter) for want in wants]
        yield {"energy": tuple(energy for energy in energies if energy), "gpu": meter.seen()}
    if subject.arm.device.type == "cuda" and portable(request.network):
        yield {"kernels": kernels_by_batch(request, on_progress)}
    if by_stage:
        yield {"stages": tuple(_stages(subject, request, on_progress))}


def _stages(subject: Subject, request: speeds.Request, on_progress: OnProgress) -> Iterator[StageTimes]:
    wants = {want.batch_size: want for want in request.wanted if want.speed in ("latency", "throughput")}
    for size, want in sorted(wants.items()):
        progress = partial(on_progress, f"stages at batch {size}")
        yield speeds.stage_times(subject.arm, want, request.time_budget_s, progress)


def _ceilings(record: Profile, device: torch.device) -> Ceilings:
    """Measure what `device` does at best; repeat it while the network does more, since something disturbed it."""
    best = ceilings.measure_ceilings(record.settings, device)
    for _ in range(CEILING_REPEATS):
        against = (roofline(replace(record, ceilings=best), series) for series in record.series)
        if all(roof is None or roof.reliable for roof in against):
            break
        best = ceilings.best(best, ceilings.measure_ceilings(record.settings, device))
    return best


def _series(
    subject: Subject, request: speeds.Request, launches: int, meter: Telemetry | None, on_progress: OnProgress
) -> Iterator[list[Series]]:
    """Yield all finished series after each speed (in this process) or after each launch (in fresh ones)."""
    if launches == 1:
        series: list[Series] = []
        for want in request.wanted:
            progress = partial(on_progress, f"{speed(want.speed)} at batch {want.batch_size}")
            watch = meter.watch if meter else unwatched
            series += pipeline.measure_fed(subject.arm, want, request, Surroundings(watch=watch, progress=progress))
            yield list(series)
        return
    parts: list[list[Series]] = []
    for index in range(launches):
        on_progress(f"launch {index + 1} of {launches}", index / launches)
        parts.append(fresh.call(pipeline.launch, request))
        request = speeds.repeated(request, parts[0])
        yield speeds.merge_launches(parts)


def _memory(subject: Subject, request: speeds.Request, on_progress: OnProgress) -> Iterator[Memory]:
    """Yield the peak memory at each batch size: the device's own account, or the resident set of a fresh process."""
    wants = {want.batch_size: want for want in request.wanted if want.speed != "end_to_end"}
    if subject.arm.device.type != "cuda" and not portable(request.network):
        _log.warning("%s: memory unknown: a fresh process cannot import its class", request.network.name)
        return
    for index, (size, want) in enumerate(sorted(wants.items())):
        on_progress(f"memory at batch {size}", index / len(wants))
        if subject.arm.device.type == "cuda":
            yield device_memory(subject.arm, want)
        else:
            yield fresh.call(resident, replace(request, wanted=(want,)))
