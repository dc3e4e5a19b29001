"""Profiles: a network counted, timed and weighed in memory, alone or one after the other, each in a fresh process."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import msgspec
import torch

from resbench import environment, units
from resbench.bench import pipeline
from resbench.bench.subject import Subject, difference, kernels, peak, ready
from resbench.counting.tally import count
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.records import store
from resbench.records.record import Memory, Profile, Series
from resbench.running import fresh
from resbench.running.device import resolve
from resbench.running.settings import Options
from resbench.running.settings import settings as settings_of
from resbench.timing import ceilings, speeds
from resbench.timing.sampler import Surroundings, unwatched
from resbench.timing.telemetry import Telemetry, telemetry
from resbench.zoo.find import find, match

Share = Callable[[str, float], None]  # what is being measured, the share of it that is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one network among those that were to be profiled: a record, or why there is none."""

    network: str
    record: Profile | None = None
    path: Path | None = None  # where the record lies, when it was to be saved
    error: ResbenchError | None = None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a profile; `record` holds what was finished by then."""

    def __init__(self, record: Profile) -> None:
        super().__init__()
        self.record = record


class How(Options, total=False):
    """What can be said of how a network is to be profiled; what is left out gets the default of `profile`."""

    weights: str | None
    device: str | None
    batch_sizes: Sequence[speeds.Asked]
    train: bool
    launches: int
    time_budget_s: float
    data: str | None  # a folder or archive of images, for the end-to-end speed
    decoder: str | None
    workers: int | None


def profile(network: str, *, on_progress: Share = lambda *_: None, **how: Unpack[How]) -> Profile:
    """Count what `network` costs, measure how fast it runs here and how much memory it takes.

    Without `batch_sizes`, latency is measured at batch 1 and throughput at a full batch; "auto" is the size at which
    throughput saturates. With `data`, throughput is measured end to end too, on the images there. `time_budget_s` holds
    for each speed, batch size and launch (a process of its own when there are several).
    Raises ResbenchError for what cannot be measured, Interrupted on Ctrl-C with something to keep.
    """
    request = _request(network, how)
    watch = environment.watch(torch.device(request.device))
    on_progress("loading", 0.0)
    subject = ready(request)
    if request.images:
        pipeline.warm(request.images, partial(on_progress, "reading the images"))
    request = _with_wanted(request, how)
    record = Profile(
        network=find(network).name,
        weights=subject.weights,
        weights_sha256=subject.weights_sha256,
        counts=count(build(network, device="meta"), request.settings.input_px),
        settings=request.settings,
        series=(),
        memory=(),
        environment=watch.environment(),
        run=watch.run(),
    )
    finished = False
    with suppress(KeyboardInterrupt):
        for part in _parts(subject, request, how.get("launches", 1), on_progress):
            record = replace(record, **part)
        finished = True
    if not record.series:
        raise KeyboardInterrupt
    record = replace(record, environment=watch.environment(), run=watch.run())
    if not finished:
        raise Interrupted(record)
    return record


def chosen(names: Sequence[str], *, every: bool) -> list[str]:
    """Return the networks that `names` (patterns allowed) stand for, or all of the table."""
    if every and names:
        raise ResbenchError("names and --all: give one of them")
    if not every and not names:
        raise ResbenchError("which network? give names or patterns, or --all; `resbench list` shows the table")
    return [variant.name for variant in match(["*"] if every else names)]


def parse_batch_sizes(text: str | None) -> tuple[speeds.Asked, ...]:
    """Read "1,8,auto"; None stands for the default sizes. Raises ResbenchError for anything else."""
    words = [] if text is None else text.split(",")
    for word in words:
        if word != "auto" and not (word.isascii() and word.isdigit() and int(word) > 0):
            raise ResbenchError(f"batch size {word!r}: give positive numbers or auto, such as 1,8,auto")
    return tuple(dict.fromkeys("auto" if word == "auto" else int(word) for word in words))


def parse_input_px(text: str | None) -> tuple[int, int] | None:
    """Read "224" or "224x288"; None stands for the network's own size. Raises ResbenchError for anything else."""
    try:
        return None if text is None else units.parse_pixels(text)
    except ValueError as error:
        raise ResbenchError(f"input size: {error}") from None


def profile_each(
    networks: Sequence[str],
    *,
    root: Path | None = None,
    resume: bool = False,
    on_progress: Share = lambda *_: None,
    **how: Unpack[How],
) -> Iterator[Outcome]:
    """Profile several networks, each in a fresh process (a single one in this), and yield each when it is finished.

    With `root` every record is written below it at once; with `resume` those that already lie there are not measured
    again. A network that cannot be measured does not stop the others.
    """
    if resume and root is None:
        raise ResbenchError("--resume: skips what was saved, so give --save too")
    for index, network in enumerate(networks):
        if resume and root and (found := _finished(network, root, how)):
            yield Outcome(network=network, record=found, path=root / store.path_of(found))
            continue
        try:
            if len(networks) == 1:
                record = profile(network, on_progress=on_progress, **how)
            else:
                on_progress(f"profiling {len(networks)} networks", index / len(networks))
                record = msgspec.convert(fresh.call("resbench.bench.profiling:profile_alone", [network, how]), Profile)
        except Interrupted as interrupted:
            yield _saved(interrupted.record, root)
            raise
        except ResbenchError as error:
            if len(networks) == 1:
                raise
            yield Outcome(network=network, error=error)
        else:
            yield _saved(record, root)


def profile_alone(argument: tuple[str, How]) -> Any:
    """Do what `profile` does with a network and plain values; for a fresh process."""
    network, how = argument
    return msgspec.to_builtins(profile(network, **how))


def _request(network: str, how: How) -> speeds.Request:
    on = resolve(how.get("device"))
    weights, data, train = how.get("weights"), how.get("data"), how.get("train", False)
    request = speeds.Request(
        network=network,
        weights=None if weights is None else str(weights),
        device=str(on),
        settings=settings_of(how, find(network).input_px, on, train=train),
        time_budget_s=how.get("time_budget_s", 10.0),
        target=speeds.TARGET[on.type],
    )
    if data is None:
        if how.get("decoder") or how.get("workers"):
            raise ResbenchError("--decoder, --workers: say how images are decoded, so give --data too")
        return request
    images = pipeline.images_of(
        network,
        request.weights,
        request.settings,
        str(data),
        train=train,
        decoder_name=how.get("decoder") or "pillow",
        workers=how.get("workers"),
    )
    return replace(request, images=images)


def _with_wanted(request: speeds.Request, how: How) -> speeds.Request:
    """Say what is to be measured; for "auto" find the batch size first, in a process that memory may run out of."""
    sizes = how.get("batch_sizes", ())
    auto = fresh.call("resbench.bench.subject:widest", request) if "auto" in sizes else 0
    on, train = torch.device(request.device), how.get("train", False)
    wanted = speeds.wanted(sizes, on, request.settings, train=train, auto=auto, end_to_end=request.images is not None)
    return replace(request, wanted=tuple(wanted))


def _finished(network: str, root: Path, how: How) -> Profile | None:
    """Return the record below `root` that measured what is asked for, on this machine and with these settings."""
    request, on = _request(network, how), resolve(how.get("device"))
    machine = environment.machine(on)
    images = pipeline.describe(request.images) if request.images else None
    wanted = speeds.wanted(
        how.get("batch_sizes", ()),
        on,
        request.settings,
        train=how.get("train", False),
        end_to_end=images is not None,
    )
    asked = {
        (speed, want.asked, images if speed == "end_to_end" else None)
        for want in wanted
        for speed in speeds.speeds_of(want)
    }
    folder = root / store.machine_folder(machine) / find(network).name
    for record in store.read_folder(folder).values() if any(folder.glob("*.json")) else ():
        if (
            isinstance(record, Profile)
            and (record.settings, record.environment.machine) == (request.settings, machine)
            and {(series.speed, series.batch_size_asked, series.pipeline) for series in record.series} == asked
        ):
            return record
    return None


def _saved(record: Profile, root: Path | None) -> Outcome:
    return Outcome(network=record.network, record=record, path=root and store.save(record, root))


def _parts(subject: Subject, request: speeds.Request, launches: int, on_progress: Share) -> Iterator[dict[str, Any]]:
    """Yield fields of the profile as they are measured."""
    meter = telemetry(subject.arm.device)
    for series in _series(subject, request, launches, meter, on_progress):
        yield {"series": tuple(series)}
    yield {"memory": tuple(_memory(subject, request, on_progress))}
    on_progress("ceilings", 0.0)
    yield {"ceilings": ceilings.measure(request.settings, subject.arm.device)}
    if all(want.speed != "train" for want in request.wanted):  # which changes the weights
        yield {"output_difference": difference(request, subject.arm)}
    if meter:
        on_progress("energy", 0.0)
        wants = [want for want in request.wanted if want.speed == "throughput"]
        found = [speeds.energy(subject.arm, want, meter) for want in wants]
        yield {"energy": tuple(energy for energy in found if energy), "gpu": meter.seen()}
    if subject.arm.device.type == "cuda":
        yield {"kernels": kernels(request, on_progress)}


def _series(
    subject: Subject, request: speeds.Request, launches: int, meter: Telemetry | None, on_progress: Share
) -> Iterator[list[Series]]:
    """Yield all finished series after each speed (in this process) or after each launch (in fresh ones)."""
    if launches == 1:
        found: list[Series] = []
        for want in request.wanted:
            progress = partial(on_progress, f"{want.speed.replace('_', ' ')} at batch {want.batch_size}")
            watch = meter.watch if meter else unwatched
            found += pipeline.measure(subject.arm, want, request, Surroundings(watch=watch, progress=progress))
            yield list(found)
        return
    parts: list[list[Series]] = []
    for index in range(launches):
        on_progress(f"launch {index + 1} of {launches}", index / launches)
        parts.append(msgspec.convert(fresh.call("resbench.bench.pipeline:launch", request), list[Series]))
        request = speeds.repeated(request, parts[0])
        yield speeds.merge(parts)


def _memory(subject: Subject, request: speeds.Request, on_progress: Share) -> Iterator[Memory]:
    """Yield the peak memory at each batch size: the device's own account, or the resident set of a fresh process."""
    wants = {want.batch_size: want for want in request.wanted if want.speed != "end_to_end"}
    for index, (size, want) in enumerate(sorted(wants.items())):
        on_progress(f"memory at batch {size}", index / len(wants))
        if subject.arm.device.type == "cuda":
            yield peak(subject.arm, want)
        else:
            alone = replace(request, wanted=(want,))
            yield msgspec.convert(fresh.call("resbench.bench.subject:resident", alone), Memory)
