"""The nouns of observation. A record keeps what was seen (counts, raw samples, right answers); every figure shown
is computed from it.

Format history: 1, the first; 2, `stages` of profiles, terms that older thops count, `origin` and
`classes` of networks outside the table, `border_px` and `tta` of pixels; 3, `runtime` of settings, `engine`,
`exported`, `corruptions` of evaluations; 4, `chosen` of evaluations, and no `winograd` in settings. All are read
(jsonio.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Annotated, Literal, get_args

from msgspec import Meta

from resbench.records.bounds import Natural, NotNegative, Positive, Reading
from resbench.records.corruptions import Corruptions as Corruptions
from resbench.records.counts import Counts as Counts
from resbench.records.counts import Terms as Terms
from resbench.records.origin import Conditions as Conditions
from resbench.records.origin import Environment as Environment
from resbench.records.origin import Machine as Machine
from resbench.records.origin import Noise as Noise
from resbench.records.origin import Origin as Origin
from resbench.records.origin import Run as Run
from resbench.records.pixels import Pipeline as Pipeline
from resbench.records.pixels import Pixels as Pixels
from resbench.records.pixels import Tta as Tta
from resbench.records.pixels import TtaAverage as TtaAverage
from resbench.records.settings import ChosenOptions as ChosenOptions
from resbench.records.settings import DType as DType
from resbench.records.settings import Engine as Engine
from resbench.records.settings import Exported as Exported
from resbench.records.settings import Settings as Settings
from resbench.records.shown import ShownEvaluation, ShownProfile

SCHEMA = 4

Speed = Literal[
    "latency",  # one call on an idle device, until its result is there
    "device_time",  # by the device's own clock, without waiting for the host
    "throughput",  # calls in a full queue
    "end_to_end",  # throughput with reading and decoding images
    "train_forward",
    "train_backward",
    "train_optimizer",
]
RATES: tuple[Speed, ...] = ("throughput", "end_to_end")  # shown as images per second too
StopReason = Literal["precision", "time_budget", "cluster_cap"]
TopK = Literal["top1", "top5"]
TOP_K: tuple[TopK, ...] = get_args(TopK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Samples on one materialisation: weights, input and buffers freshly laid out in memory."""

    wall_ns: tuple[Reading, ...]  # for "device_time" by the device's clock, else by the host's
    cpu_ns: tuple[Reading, ...]  # process time, all threads
    flags: tuple[str, ...] = ()  # "throttled", "power_capped", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process that measured."""

    cold_start_ns: Natural  # the first call of this process at this batch size, compilation included
    warmup_iterations: Natural
    warmup_ns: Natural
    steady: bool  # the last two warm-up windows agreed
    clusters: tuple[Cluster, ...]
    discarded: tuple[Cluster, ...] = ()  # during which the device throttled itself; no figure uses them


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The raw samples of one speed at one batch size. A sample spans `calls` forward passes of `batch_size` images."""

    speed: Speed
    batch_size: Positive
    batch_size_asked: str  # "8", "auto"
    calls: Positive
    launches: tuple[Launch, ...]
    stop_reason: StopReason
    target: NotNegative  # relative half-width of the 95 % interval that sampling aimed at
    drifting: bool
    pipeline: Pipeline | None = None  # of the images, for "end_to_end"

    @property
    def clusters(self) -> Iterator[Cluster]:
        """The clusters of every launch, without those discarded."""
        return chain.from_iterable(map(attrgetter("clusters"), self.launches))


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak memory of the forward pass at one batch size. None: this device cannot tell."""

    batch_size: Positive
    allocated_bytes: Natural | None = None
    reserved_bytes: Natural | None = None
    resident_bytes: Natural | None = None  # of a fresh process that ran only this
    resident_before_bytes: Natural | None = None  # of that process with its libraries loaded, before the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """What one forward pass (or training step) of a batch starts on the device, in the settings that ran."""

    batch_size: Positive
    launches: Natural  # by the host: of single kernels, or of a graph with all kernels in it
    kernels: Natural  # that the device ran


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTime:
    """How long a stage took, or all calls of one ATen operator, or the whole, in each of several forward passes."""

    name: str  # "layer1"; "convolution"; "" of the whole
    wall_ns: Annotated[tuple[Reading, ...], Meta(min_length=1)]  # on CUDA by the device's clock
    cpu_ns: tuple[Reading, ...] = ()  # process time, all threads; on the CPU only


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Where the time of forward passes went: passes whole, timed by stage, and timed by operator took turns."""

    batch_size: Positive
    whole: PartTime  # without hooks
    stages: tuple[PartTime, ...]
    operators: tuple[PartTime, ...]  # one by one, so that their sum is not the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What the device does at best: raw samples of a square matrix product and of a copy, in the same run and type."""

    matmul_size: Positive
    matmul_ns: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    copy_bytes: Positive  # of the source
    copy_ns: Annotated[tuple[Positive, ...], Meta(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What a GPU's energy counter gained while batches ran back to back."""

    batch_size: Positive
    images: Positive
    millijoules: Natural
    wall_ns: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """What the GPU said of itself, one reading per cluster in order of time; empty or None: it does not tell."""

    sm_clock_mhz: tuple[Natural, ...] = ()
    temperature_c: tuple[Reading, ...] = ()
    power_mw: tuple[Natural, ...] = ()
    power_limit_mw: Natural | None = None
    other_processes: Natural | None = None  # that computed on it too


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile(ShownProfile):
    """What a network costs, and how fast it ran in one environment."""

    network: str
    weights: str | None  # name or file of the checkpoint; None: fresh weights
    weights_sha256: str | None
    counts: Counts
    settings: Settings
    series: tuple[Series, ...]
    memory: tuple[Memory, ...]
    environment: Environment
    run: Run
    ceilings: Ceilings | None = None
    energy: tuple[Energy, ...] = ()
    gpu: Gpu | None = None
    output_difference: NotNegative | None = None  # from plain fp32, of the largest logit; None: settings are plain
    kernels: tuple[Kernels, ...] | None = None  # at each batch size; None: this device does not tell, as the CPU
    stages: tuple[StageTimes, ...] = ()  # at each batch size, where it was asked for (`--by-stage`)
    origin: Origin | None = None  # of a network outside the shipped table
    classes: Positive | None = None  # of its head, where that is not the network's own
    engine: Engine = field(default_factory=Engine)
    exported: Exported | None = None  # of a runtime that runs a file
    kind: Literal["profile"] = "profile"
    schema: int = SCHEMA

    def series_at(self, speed: Speed, batch_size: int) -> Series | None:
        """Return the series of a speed at a batch size; None when it was not measured."""
        return next(
            (series for series in self.series if (series.speed, series.batch_size) == (speed, batch_size)), None
        )

    def clusters(self) -> Iterator[Cluster]:
        """Yield the clusters of every series."""
        return chain.from_iterable(map(attrgetter("clusters"), self.series))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """The images of a validation, identified by their names, sizes and classes."""

    name: str  # of a published set that it is recognised as ("ImageNet-1k"), else the folder's
    layout: str  # "wnid folders"
    images: Natural
    classes: Natural
    fingerprint: str  # sha256 over (file name, size, class) of every image, whatever folders they lie in
    among: Positive | None = None  # how many classes an answer is chosen from, where that is not all of the network's
    class_names: tuple[str, ...] = ()  # of a user's own classes, in the order of the network's outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinFigure:
    """A checkpoint run otherwise than asked for, or in a network that its weights fill too."""

    what: str  # differs
    top1_right: int
    gained: int  # images that only the twin got right
    lost: int
    command: str | None  # that validates like this; None: no option does


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A checkpoint as it was asked for beside its twins, on images from all over a set (`--explain-gap`)."""

    images: int
    top1_right: int
    twins: tuple[TwinFigure, ...]  # the best first


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedLoss:
    """A network in int8 beside the same weights in eager torch, fp32, on the same images of the same run."""

    fp32_top1_right: Natural
    top1: tuple[Natural, Natural]  # images that only fp32, and that only int8 got right
    top5: tuple[Natural, Natural]
    overlap: Natural = 0  # images that int8 was calibrated on too


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Evaluation(ShownEvaluation):
    """How many images of a set a checkpoint got right."""

    network: str
    weights: str  # name or file of the checkpoint
    weights_sha256: str
    dataset: DataSet
    pixels: Pixels
    settings: Settings
    batch_size: Positive
    images: Natural  # that were scored
    top1_right: Natural
    top5_right: Natural
    skipped: tuple[str, ...]  # unreadable files, only when asked to skip them
    environment: Environment
    run: Run
    real_top1_right: Natural | None = None  # by ReaL's labels, where the images are ImageNet's own
    real_images: Natural | None = None  # those of them that ReaL gives a label
    predictions_sha256: str | None = None  # of names and rows in the .npz beside the record
    gap: Gap | None = None  # where it was asked for
    corruptions: Corruptions | None = None  # the same images corrupted, where it was asked for
    origin: Origin | None = None  # of a network outside the shipped table
    engine: Engine = field(default_factory=Engine)
    exported: Exported | None = None  # of a runtime that runs a file
    loss: PairedLoss | None = None  # of int8
    chosen: ChosenOptions | None = None  # what nobody asked for; None: it was run as asked
    kind: Literal["evaluation"] = "evaluation"
    schema: int = SCHEMA

    def right(self, metric: TopK) -> int:
        """Return how many images have the right class among the first one ("top1") or five ("top5")."""
        return self.top1_right if metric == "top1" else self.top5_right


Record = Profile | Evaluation
