"""The nouns of observation. A record keeps what was seen (counts, raw samples, right answers); every figure shown
is computed from it.

Format history: 1, the first.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from resbench.records.counts import Counts as Counts
from resbench.records.counts import Terms as Terms

SCHEMA = 1

DType = Literal["fp32", "tf32", "fp16", "bf16"]
MemoryFormat = Literal["contiguous", "channels_last"]
Speed = Literal[
    "latency",  # one call on an idle device, until its result is there
    "device_time",  # by the device's own clock, without waiting for the host
    "throughput",  # calls in a full queue
    "end_to_end",  # throughput with reading and decoding images
    "train_forward",
    "train_backward",
    "train_optimizer",
]
StopReason = Literal["precision", "time_budget", "cluster_cap"]
Noise = Literal["quiet", "busy", "overloaded", "unknown"]
TopK = Literal["top1", "top5"]
TOP_K: tuple[TopK, ...] = get_args(TopK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What must agree before two timings may be compared, as far as the machine goes."""

    device_kind: Literal["cuda", "mps", "cpu"]
    device_name: str
    cpu_model: str
    cpu_isa: str  # the instruction set that torch's kernels use, e.g. "AVX512"
    cpu_cores: int  # that this process may use: affinity and cgroup quota
    torch: str  # version and build, "2.13.0+cpu"
    math_libraries: str  # oneDNN and MKL versions as torch reports them
    driver: str | None = None
    cuda: str | None = None
    cudnn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What may explain a difference but does not forbid a comparison."""

    host: str  # a hash of the host's name
    os: str
    python: str
    libraries: dict[str, str]  # name -> version
    noise: Noise
    load_1m: float | None = None
    pressure_share: float | None = None  # share of the run in which a runnable task waited for a CPU (PSI "some")
    steal_share: float | None = None  # share of the run in which the hypervisor ran somebody else
    involuntary_switches: int | None = None
    governor: str | None = None
    variables: dict[str, str] | None = None  # OMP_*, MKL_*, CUBLAS_*, MALLOC_* of the process


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a measurement was made."""

    machine: Machine
    conditions: Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """When, by which program and with which command a record was made."""

    started: str  # ISO 8601 in UTC
    duration_s: float
    command: str
    resbench: str  # version
    git_revision: str | None = None  # of the current folder's repository, "+dirty" when it has changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a network was run; all of it must agree before two timings may be compared."""

    input_px: tuple[int, int]
    dtype: DType = "fp32"
    memory_format: MemoryFormat = "contiguous"
    threads: int | None = None  # on the CPU
    compile: str | None = None  # torch.compile's mode
    cuda_graph: bool = False
    fuse: bool = False  # batch norm folded into the convolutions
    winograd: bool = False  # convolutions of 3x3 in fewer multiplications (timing/winograd.py)
    amp: bool = False
    cudnn_benchmark: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Samples on one materialisation: weights, input and buffers freshly laid out in memory."""

    wall_ns: tuple[int, ...]  # for "device_time" by the device's clock, else by the host's
    cpu_ns: tuple[int, ...]  # process time, all threads
    flags: tuple[str, ...] = ()  # "throttled", "power_capped", ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process that measured."""

    cold_start_ns: int  # the first call of this process at this batch size, compilation included
    warmup_iterations: int
    warmup_ns: int
    steady: bool  # the last two warm-up windows agreed
    clusters: tuple[Cluster, ...]
    discarded: tuple[Cluster, ...] = ()  # during which the device throttled itself; no figure uses them


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What was done to every image before the network saw it."""

    decoder: str  # "pillow 11.2.1"
    resize_px: int
    crop_px: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop_mode: str = "center"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Where the images of an end-to-end speed came from, and what made them inputs of the network."""

    data: str  # name of the folder or archive
    fingerprint: str  # as a data set's, with class 0 for every image
    images: int  # that took turns; they lay in the page cache
    pixels: Pixels
    workers: int  # threads that decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The raw samples of one speed at one batch size. A sample spans `calls` forward passes of `batch_size` images."""

    speed: Speed
    batch_size: int
    batch_size_asked: str  # "8", "auto"
    calls: int
    launches: tuple[Launch, ...]
    stop_reason: StopReason
    target: float  # relative half-width of the 95 % interval that sampling aimed at
    drifting: bool
    pipeline: Pipeline | None = None  # of the images, for "end_to_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak memory of the forward pass at one batch size. None: this device cannot tell."""

    batch_size: int
    allocated_bytes: int | None = None
    reserved_bytes: int | None = None
    resident_bytes: int | None = None  # of a fresh process that ran only this
    resident_before_bytes: int | None = None  # of that process with its libraries loaded, before there was a network


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """What one forward pass (or training step) of a batch starts on the device, in the settings that ran."""

    batch_size: int
    launches: int  # by the host: of single kernels, or of a graph with all kernels in it
    kernels: int  # that the device ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What the device does at best: raw samples of a square matrix product and of a copy, in the same run and type."""

    matmul_size: int
    matmul_ns: tuple[int, ...]
    copy_bytes: int  # of the source
    copy_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What a GPU's energy counter gained while batches ran back to back."""

    batch_size: int
    images: int
    millijoules: int
    wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """What the GPU said of itself, one reading per cluster in order of time; empty or None: it does not tell."""

    sm_clock_mhz: tuple[int, ...] = ()
    temperature_c: tuple[int, ...] = ()
    power_mw: tuple[int, ...] = ()
    power_limit_mw: int | None = None
    other_processes: int | None = None  # that computed on it too


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
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
    output_difference: float | None = None  # from plain fp32, relative to the largest logit; None: settings are plain
    kernels: tuple[Kernels, ...] | None = None  # at each batch size; None: this device does not tell, as the CPU
    kind: Literal["profile"] = "profile"
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """The images of a validation, identified by their names, sizes and classes."""

    name: str  # of a published set that it is recognised as ("ImageNet-1k"), else the folder's
    layout: str  # "wnid folders"
    images: int
    classes: int
    fingerprint: str  # sha256 over (file name, size, class) of every image, whatever folders they lie in
    among: int | None = None  # how many classes an answer is chosen from, where that is not all of the network's


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How many images of a set a checkpoint got right."""

    network: str
    weights: str  # name or file of the checkpoint
    weights_sha256: str
    dataset: DataSet
    pixels: Pixels
    settings: Settings
    batch_size: int
    images: int  # that were scored
    top1_right: int
    top5_right: int
    skipped: tuple[str, ...]  # unreadable files, only when asked to skip them
    environment: Environment
    run: Run
    real_top1_right: int | None = None  # by ReaL's labels, where the images are ImageNet's own
    real_images: int | None = None  # those of them that ReaL gives a label
    predictions_sha256: str | None = None  # of names and rows in the .npz beside the record
    kind: Literal["evaluation"] = "evaluation"
    schema: int = SCHEMA

    def right(self, metric: TopK) -> int:
        """Return how many images have the right class among the first one ("top1") or five ("top5")."""
        return self.top1_right if metric == "top1" else self.top5_right


Record = Profile | Evaluation
