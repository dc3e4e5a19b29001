"""Where a record comes from: the machine, its conditions, and the run."""

from dataclasses import dataclass
from typing import Literal

from resbench.records.bounds import Natural, NotNegative, Positive, Share

Noise = Literal["quiet", "busy", "overloaded", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What tells a network that lies outside the shipped table from another one of its name."""

    place: str  # "mine.py:build(width=2)", "timm:resnet50"; empty for a module that a program handed over
    source_sha256: str | None  # of the file that builds it; None: there is none
    structure_sha256: str  # over the names and shapes of its weights, its layers and its operators


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What must agree before two timings may be compared, as far as the machine goes."""

    device_kind: Literal["cuda", "mps", "cpu"]
    device_name: str
    cpu_model: str
    cpu_isa: str  # the instruction set that torch's kernels use, e.g. "AVX512"
    cpu_cores: Positive  # that this process may use: affinity and cgroup quota
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
    load_1m: NotNegative | None = None
    pressure_share: Share | None = None  # share of the run in which a runnable task waited for a CPU (PSI "some")
    steal_share: Share | None = None  # share of the run in which the hypervisor ran somebody else
    involuntary_switches: Natural | None = None
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
    duration_s: NotNegative
    command: str
    resbench: str  # version
    git_revision: str | None = None  # of the current folder's repository, "+dirty" when it has changes
