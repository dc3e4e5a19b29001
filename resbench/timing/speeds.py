"""Which speeds are measured at which batch sizes, how each is sampled, and launches put together into series."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from resbench.errors import ResbenchError
from resbench.records.record import RATES, Energy, Kernels, Series, Settings, Speed, StageTimes, StopReason
from resbench.running.arm import Arm
from resbench.running.device import waiting, within_memory
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import switches
from resbench.timing.calls import inference, training
from resbench.timing.clock import Timer, event_timer, host_clock
from resbench.timing.kernels import kernels_of
from resbench.timing.sampler import Materialise, Plan, Surroundings, sample
from resbench.timing.stages import time_stages
from resbench.timing.telemetry import Telemetry
from resbench.zoo.spec import Preprocess, Variant

BatchSize = int | Literal["auto"]  # "auto": found by measuring, or the largest that memory allows
PHASES: tuple[Speed, ...] = ("train_forward", "train_backward", "train_optimizer")
# The batch at which throughput is measured when none is asked for, by kind of device.
FULL_BATCH = {"cpu": 8, "mps": 32, "cuda": 256}
FULL_TRAINING_BATCH = {"cpu": 8, "mps": 32, "cuda": 64}
WARMUP_S = {"cpu": 0.5, "mps": 1.0, "cuda": 1.0}
WINDOW_S = 0.25  # that a sample of throughput lasts at least: waiting once for the device does not count then
TARGET = {"cpu": 0.02, "mps": 0.02, "cuda": 0.01}
# Modes of torch.compile whose code replays graphs of its own, which cannot be recorded into another.
GRAPHS_ITSELF = ("reduce-overhead", "max-autotune")
_REASONS: tuple[StopReason, ...] = ("time_budget", "cluster_cap", "precision")  # the first that any launch had, holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One speed (or the three of training) at one batch size."""

    speed: Speed | Literal["train"]
    batch_size: int
    asked: str  # "8", "auto"
    calls: int | None = None  # per sample, when an earlier launch decided it


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The user's images for an end-to-end speed, in plain values: every process opens them anew."""

    path: str
    preprocess: Preprocess
    decoder: str
    workers: int  # threads that decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that one process needs to know to measure a network."""

    network: Variant
    weights: str | None
    key: str | None = None  # of the weights in a file that holds several sets
    device: str
    settings: Settings
    time_budget_s: float = 0.0  # per speed, batch size and launch
    target: float = 0.0  # relative half-width of the interval to stop at
    wanted: tuple[Wanted, ...] = ()
    images: Images | None = None
    files: Path | None = None  # the folder of what an earlier process exported
    calibration: Images | None = None  # for int8


def wanted_speeds(
    batch_sizes: Sequence[BatchSize],
    device: torch.device,
    settings: Settings,
    *,
    train: bool,
    auto: int = 0,
    end_to_end: bool = False,
) -> list[Wanted]:
    """Return what to measure; `auto` is the batch size that was found for "auto".

    `end_to_end` goes with every throughput. When no size is asked for: latency (and on CUDA device time) at batch 1,
    throughput at a full batch.
    """
    exported = bool(RUNTIMES[settings.runtime].files)
    recordable = device.type == "cuda" and not exported and settings.compile not in GRAPHS_ITSELF
    if train:
        sizes = batch_sizes or [FULL_TRAINING_BATCH[device.type]]
        return [_want("train", size, auto) for size in sizes]
    alone: list[Speed] = ["latency", "device_time"] if recordable else ["latency"]
    full: list[Speed] = ["throughput", "end_to_end"] if end_to_end else ["throughput"]
    if not batch_sizes:
        size = FULL_BATCH[device.type]
        return [*(_want(speed, 1, auto) for speed in alone), *(_want(speed, size, auto) for speed in full)]
    return [_want(speed, size, auto) for size in batch_sizes for speed in (*alone, *full)]


def speeds_of(want: Wanted) -> tuple[Speed, ...]:
    """Return the speeds of the series that `want` gives."""
    return PHASES if want.speed == "train" else (want.speed,)


def measure(
    arm: Arm, want: Wanted, request: Request, surroundings: Surroundings, work: Materialise | None = None
) -> list[Series]:
    """Sample one wanted speed in this process; training gives three series.

    An end-to-end speed times `work`, since it needs images, which this package does not read.
    """
    with _running(arm, want):
        sampling = sample(work or _work(arm, want), _timer(arm, want), _plan(arm, want, request), surroundings)
    return [
        Series(
            speed=speed,
            batch_size=want.batch_size,
            batch_size_asked=want.asked,
            calls=sampling.calls,
            launches=(launch,),
            stop_reason=sampling.stop_reason,
            target=request.target,
            drifting=sampling.drifting,
        )
        for speed, launch in zip(speeds_of(want), sampling.launches, strict=True)
    ]


def energy(arm: Arm, want: Wanted, meter: Telemetry) -> Energy | None:
    """Return the energy of batches back to back; None when the GPU does not count it."""
    with _running(arm, want):
        (call,) = _work(arm, want, still=True)()
        return meter.energy(call, want.batch_size, arm.device)


def run_untimed(arm: Arm, want: Wanted, times: int) -> None:
    """Make the calls of one wanted speed `times` times, untimed and with nothing in memory beside them."""
    with _running(arm, want):
        calls = _work(arm, want, still=True)()
        for _ in range(times):
            for call in calls:
                call()
        waiting(arm.device)()


def kernels_started(arm: Arm, want: Wanted) -> Kernels | None:
    """Return what one forward pass, or training step, starts on the device; None where there is no telling."""
    with _running(arm, want):
        calls = _work(arm, want, still=True)()
        return kernels_of(lambda: [call() for call in calls], want.batch_size, arm.device)


def stage_times(arm: Arm, want: Wanted, seconds: float, progress: Callable[[float], None]) -> StageTimes:
    """Return where the time of forward passes at the batch size of `want` goes; no stage can be told in a graph."""
    assert arm.module is not None, "files have no stages"
    with _running(arm, want):
        work = inference(arm, want.batch_size)
        return time_stages(arm.module, work, want.batch_size, arm.device, seconds, progress)


def repeated(request: Request, first: Sequence[Series]) -> Request:
    """Return `request` with samples that span as many calls as those of its first launch."""
    calls: dict[tuple[str, int], int] = {(series.speed, series.batch_size): series.calls for series in first}
    wanted = (replace(want, calls=calls.get((want.speed, want.batch_size), 1)) for want in request.wanted)
    return replace(request, wanted=tuple(wanted))


def merge_launches(parts: Sequence[Sequence[Series]]) -> list[Series]:
    """Put the series of several launches together; a launch stopped by its budget makes the whole so."""
    return [
        replace(
            same[0],
            launches=tuple(launch for series in same for launch in series.launches),
            stop_reason=next(reason for reason in _REASONS if reason in {series.stop_reason for series in same}),
            drifting=any(series.drifting for series in same),
        )
        for same in zip(*parts, strict=True)
    ]


def saturating(rate: Callable[[int], float], *, gain: float = 1.05, most: int = 4096) -> int:
    """Return the batch size with the highest `rate` (images per second), found by doubling.

    Ends when doubling no longer gains a factor of `gain`, or when `rate` raises ResbenchError for want of memory.
    Raises that error when not even one image fits.
    """
    rates = {1: rate(1)}
    size = 2
    while size <= most:
        try:
            rates[size] = rate(size)
        except ResbenchError:
            break
        if rates[size] < gain * rates[size // 2]:
            break
        size *= 2
    return max(rates, key=lambda tried: rates[tried])


def quick_rate(arm: Arm, size: int) -> float:
    """Return a quick estimate of images per second at batch `size`: the best of three windows."""
    want, timer = _want("throughput", size, 0), host_clock(arm.device)
    with _running(arm, want):
        (call,) = _work(arm, want)()
        timer(call, 1)
        times = math.ceil(0.1e9 / timer(call, 1)[0])
        return size * times * 1e9 / min(timer(call, times)[0] for _ in range(3))


def _want(speed: Speed | Literal["train"], size: BatchSize, auto: int) -> Wanted:
    return Wanted(speed=speed, batch_size=auto if size == "auto" else size, asked=str(size))


def _work(arm: Arm, want: Wanted, *, still: bool = False) -> Materialise:
    if want.speed == "train":
        return training(arm, want.batch_size, still=still)
    graph = arm.settings.cuda_graph or want.speed == "device_time"
    return inference(arm, want.batch_size, graph=graph, still=still)


def _timer(arm: Arm, want: Wanted) -> Timer:
    return event_timer(arm.device) if want.speed == "device_time" else host_clock(arm.device)


def _plan(arm: Arm, want: Wanted, request: Request) -> Plan:
    """Return how `want` is sampled: a throughput sample fills the queue, a busy GPU warms up longer."""
    cpu = arm.device.type == "cpu"
    plan = Plan(target=request.target, time_budget_s=request.time_budget_s, calls=1, warmup_s=WARMUP_S[arm.device.type])
    if want.speed in RATES:
        return replace(plan, calls=want.calls, window_s=WINDOW_S, window_calls=1 if cpu else 5)
    return plan


@contextmanager
def _running(arm: Arm, want: Wanted) -> Iterator[None]:
    """Set the switches and the mode that `want` needs; a batch that does not fit, or teaches nothing, is one line."""
    train = want.speed == "train"
    module = arm.module or nn.Module()  # files have no modes
    module.train(train)
    if arm.settings.runtime == "compile":
        torch.compiler.reset()  # after compiling for several shapes torch would silently give up and run eagerly
    try:
        with switches(arm.settings), torch.inference_mode(not train), within_memory(f"batch size {want.batch_size}"):
            yield
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            wanted = f"batch size {want.batch_size}: too small for batch norm to learn from at this image size"
            raise ResbenchError(f"{wanted}; give a larger one") from None
        raise
    finally:
        module.eval()
