"""A profile: a network counted, timed and weighed in memory."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from resbench import environment
from resbench.bench import pipeline
from resbench.bench.entrance import entered, headed, network_counts, origin_of
from resbench.bench.measuring import measured_parts
from resbench.bench.requests import request_for
from resbench.bench.subject import OnProgress, Subject, proof_of, ready, widest
from resbench.errors import ResbenchError
from resbench.nets.elsewhere import portable
from resbench.records.record import DType, Profile
from resbench.running import fresh
from resbench.running.device import resolve
from resbench.running.settings import Running
from resbench.timing import speeds
from resbench.zoo.spec import Variant


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a profile; `record` holds what was finished by then."""

    def __init__(self, record: Profile) -> None:
        super().__init__()
        self.record = record


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiling:
    """What can be said of how a network is profiled."""

    running: Running = Running()
    weights: str | None = None  # a file, or the name of a published checkpoint; None: fresh weights
    key: str | None = None  # of the weights in a file that holds several sets
    classes: int | None = None  # of the head; None: those of the file of weights, or the network's own
    device: str | None = None  # None: the first there is
    batch_sizes: tuple[speeds.BatchSize, ...] = ()  # none: latency at 1, throughput at a full batch
    train: bool = False
    launches: int = 1
    time_budget_s: float = 10.0  # for each speed, batch size and launch
    data: str | None = None  # a folder or archive of images, for the end-to-end speed
    decoder: str | None = None  # None: pillow
    workers: int | None = None  # threads that decode; None: one per core
    by_stage: bool = False  # where the time goes, at each batch size


def profile(
    network: str | Variant | nn.Module,
    *,
    name: str | None = None,
    input_px: int | tuple[int, int] | None = None,
    dtype: DType = "fp32",
    amp: bool = False,
    channels_last: bool = False,
    runtime: str = "eager",
    compile_mode: str | None = None,
    cuda_graph: bool = False,
    fuse: bool = False,
    threads: int | None = None,
    calibration: str | Path | None = None,
    weights: str | Path | None = None,
    key: str | None = None,
    classes: int | None = None,
    device: str | None = None,
    batch_sizes: Sequence[speeds.BatchSize] = (),
    train: bool = False,
    launches: int = 1,
    time_budget_s: float = 10.0,
    data: str | Path | None = None,
    decoder: str | None = None,
    workers: int | None = None,
    by_stage: bool = False,
    on_progress: OnProgress = lambda *_: None,
) -> Profile:
    """Count what `network` costs, measure how fast it runs here and how much memory it takes.

    - `network`: a name, a place such as "mine.py:build", or a torch module, whose `name` is by default its class's.
      A copy of a module is measured. Where fresh processes are needed (memory on the CPU, launches, "auto"), it is
      pickled, so its class must lie in a file that can be imported; else its memory stays unknown.
    - `input_px`: a side, or (height, width); by default the network's own.
    - `dtype`, `amp`: the type of weights and images; with `amp` weights stay in fp32 and torch autocasts to `dtype`.
      "int8" is for the runtimes "onnxruntime" and "openvino", and `calibration` some 300 images that set its ranges.
    - `runtime`: "eager", "compile" (with `compile_mode`, a mode of torch.compile), "aotinductor", "onnxruntime",
      "openvino" or "tensorrt"; what the last four run is exported, and compared with eager torch first.
    - `channels_last`, `fuse`, `cuda_graph`: memory layout, batch norms folded into convolutions, calls replayed from a
      CUDA graph.
    - `threads`: of the CPU; by default torch's own number.
    - `weights`: a file, or the name of a published checkpoint; by default fresh weights. `key`: which weights, if the
      file holds several sets, such as "model_ema" beside "model". `classes`: of the head; by default those that the
      file has, or the network's own.
    - `device`: "cuda", "cuda:1", "mps" or "cpu"; by default the first there is.
    - `batch_sizes`: images per call; "auto" is the size at which throughput saturates. By default latency is measured
      at batch 1 and throughput at a full batch.
    - `train`: time a training step instead: forward, backward and optimizer.
    - `launches`: fresh processes to measure in. `time_budget_s`: seconds for each speed, batch size and launch.
    - `data`, `decoder`, `workers`: a folder or archive of images on which throughput is measured end to end too, what
      decodes them, and in how many threads.
    - `by_stage`: measure the time of each stage and operator too, at each batch size.
    - `on_progress`: is told what is being measured, and which share of it is done.

    Raises ResbenchError for what cannot be measured, Interrupted on Ctrl-C when part of the record is complete.
    """
    running = Running(
        input_px=input_px,
        dtype=dtype,
        amp=amp,
        channels_last=channels_last,
        runtime=runtime,
        compile_mode=compile_mode,
        cuda_graph=cuda_graph,
        fuse=fuse,
        threads=threads,
        calibration=None if calibration is None else str(calibration),
    )
    profiling = Profiling(
        running=running,
        weights=None if weights is None else str(weights),
        key=key,
        classes=classes,
        device=device,
        batch_sizes=tuple(batch_sizes),
        train=train,
        launches=launches,
        time_budget_s=time_budget_s,
        data=None if data is None else str(data),
        decoder=decoder,
        workers=workers,
        by_stage=by_stage,
    )
    return profiled(entered(network, input_px, name), profiling, on_progress)


def profiled(network: Variant, profiling: Profiling, on_progress: OnProgress = lambda *_: None) -> Profile:
    """Do what `profile` does with options in one piece."""
    request = requested(network, profiling)
    watch = environment.watch(torch.device(request.device))
    on_progress("loading", 0.0)
    subject = ready(request)
    if request.images:
        pipeline.warm(request.images, partial(on_progress, "reading the images"))
    request = _with_wanted(replace(request, files=subject.arm.files), profiling)
    if subject.arm.files:
        on_progress("comparing with eager torch", 0.0)
    sizes = [want.batch_size for want in request.wanted]
    subject = replace(subject, exported=proof_of(request, subject.arm, sizes))
    record = _unmeasured(network, subject, request, watch)
    finished = False
    with suppress(KeyboardInterrupt):
        for part in measured_parts(
            record,
            subject,
            request,
            launches=profiling.launches,
            by_stage=profiling.by_stage,
            on_progress=on_progress,
        ):
            record = replace(record, **part)
        finished = True
    if not record.series:
        raise KeyboardInterrupt
    record = replace(record, environment=watch.environment(), run=watch.run())
    if not finished:
        raise Interrupted(record)
    return record


def _unmeasured(own: Variant, subject: Subject, request: speeds.Request, watch: environment.Watch) -> Profile:
    """Return the profile of a network that is ready, without samples; `own`: the network with its own head."""
    network = request.network
    return Profile(
        network=network.name,
        weights=subject.weights,
        weights_sha256=subject.weights_sha256,
        counts=network_counts(network, request.settings.input_px),
        origin=origin_of(network, request.settings.input_px),
        classes=network.classes if network.classes != own.classes else None,
        settings=request.settings,
        engine=subject.arm.engine,
        exported=subject.exported,
        series=(),
        memory=(),
        environment=watch.environment(),
        run=watch.run(),
    )


def requested(network: Variant, profiling: Profiling) -> speeds.Request:
    """Return what builds `network` as `profiling` has it; nothing is wanted of it yet."""
    on = resolve(profiling.device)
    running = profiling.running
    if profiling.by_stage and (profiling.train or running.runtime != "eager" or running.cuda_graph):
        raise ResbenchError(
            "--by-stage: stages cannot be told apart in training, other runtimes or CUDA graphs; leave --train, "
            "--runtime and --cuda-graph out"
        )
    network = headed(network, profiling.classes, profiling.weights, profiling.key)
    built = request_for(network, running, on, weights=profiling.weights, key=profiling.key, train=profiling.train)
    request = replace(built, time_budget_s=profiling.time_budget_s, target=speeds.TARGET[on.type])
    if not portable(network) and (profiling.launches > 1 or "auto" in profiling.batch_sizes):
        raise ResbenchError(
            f'{network.name}: launches and "auto" need fresh processes, which cannot import its class; put it into a '
            "file and name that: mine.py:build"
        )
    if profiling.data is None:
        if profiling.decoder or profiling.workers:
            raise ResbenchError("--decoder, --workers: say how images are decoded, so give --data too")
        return request
    images = pipeline.images_of(
        network,
        request.weights,
        request.settings,
        profiling.data,
        train=profiling.train,
        decoder_name=profiling.decoder or "pillow",
        workers=profiling.workers,
    )
    return replace(request, images=images)


def _with_wanted(request: speeds.Request, profiling: Profiling) -> speeds.Request:
    """Say what is to be measured; for "auto" find the batch size first, in a process that memory may run out of."""
    auto = fresh.call(widest, request) if "auto" in profiling.batch_sizes else 0
    return replace(request, wanted=wanted_by(request, profiling, auto))


def wanted_by(request: speeds.Request, profiling: Profiling, auto: int = 0) -> tuple[speeds.Wanted, ...]:
    """Return what `profiling` measures of a network; `auto` is the batch size that was found for "auto"."""
    wanted = speeds.wanted_speeds(
        profiling.batch_sizes,
        torch.device(request.device),
        request.settings,
        train=profiling.train,
        auto=auto,
        end_to_end=request.images is not None,
    )
    return tuple(wanted)
