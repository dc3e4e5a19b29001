"""Where and when a measurement was made: the machine, how busy it was meanwhile, and the program that measured."""

import hashlib
import math
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import resbench
from resbench.records.record import Conditions, Environment, Machine, Noise, Run
from resbench.records.store import device_folder

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "numpy", "scipy", "pillow", "timm", "torchvision")
VARIABLES = re.compile(
    r"(OMP|GOMP|KMP|MKL|DNNL|ONEDNN|OPENBLAS|CUBLAS|CUDNN|CUDA|NVIDIA|MALLOC|TORCH|PYTORCH)_\w+|LD_PRELOAD"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Readings that only grow; two of them say what happened between. None: this system does not tell."""

    time_s: float
    pressure_s: float | None  # some task waited for a CPU ("some" of /proc/pressure/cpu)
    steal_s: float | None  # summed over the CPUs
    involuntary_switches: int | None  # of this process, all threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A running observation of the machine; ask it when the measurement is over."""

    device: "torch.device"
    started: datetime
    before: Counters

    def environment(self) -> Environment:
        """Return the environment, its shares taken from the start of the watch until now."""
        return Environment(machine=machine(self.device), conditions=_conditions(self.before, counters()))

    def noise(self) -> Noise:
        """Return how busy the machine has been since the watch started."""
        return noise_grade(*_shares(self.before, counters()))

    def run(self) -> Run:
        """Return when the watch started, how long it has lasted, and what was run."""
        return Run(
            started=self.started.isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - self.before.time_s, 3),
            command=_command(),
            resbench=resbench.__version__,
            git_revision=_git_revision(),
        )


def watch(device: "torch.device") -> Watch:
    """Start to watch the machine while something is measured on `device`."""
    return Watch(device=device, started=datetime.now(UTC), before=counters())


def collect(device: "torch.device", *, seconds: float = 1.0) -> Environment:
    """Watch the machine for `seconds` and return the environment."""
    started = watch(device)
    time.sleep(seconds)
    return started.environment()


def machine(device: "torch.device") -> Machine:
    """Return what must agree before two timings on `device` may be compared."""
    import torch  # here alone: whoever asks for the number of cores can do without

    cuda = device.type == "cuda"
    cudnn = torch.backends.cudnn.version() if cuda else None  # type: ignore[no-untyped-call]
    return Machine(
        device_kind="cuda" if cuda else "mps" if device.type == "mps" else "cpu",
        device_name=torch.cuda.get_device_name(device) if cuda else cpu_model(),
        cpu_model=cpu_model(),
        cpu_isa=torch.backends.cpu.get_cpu_capability(),
        cpu_cores=cpu_cores(),
        torch=str(torch.__version__),  # a subclass of str that is no JSON
        math_libraries=_math_libraries(torch.__config__.show()),
        driver=_nvidia_driver() if cuda else None,
        cuda=torch.version.cuda if cuda else None,
        cudnn=None if cudnn is None else str(cudnn),
    )


def counters() -> Counters:
    """Read the counters of this machine and process."""
    return Counters(
        time_s=time.monotonic(),
        pressure_s=_pressure_s(_read("/proc/pressure/cpu")),
        steal_s=getattr(psutil.cpu_times(), "steal", None),
        involuntary_switches=_involuntary_switches(),
    )


def noise_grade(pressure_share: float | None, steal_share: float | None) -> Noise:
    """Return how far timings on this machine can be trusted; "unknown" where the kernel keeps no pressure figures.

    The limits are those at which interleaved timings of identical code began to scatter (docs/measuring.md).
    """
    if pressure_share is None:
        return "unknown"
    steal = steal_share or 0.0
    if pressure_share > 0.20 or steal > 0.20:
        return "overloaded"
    return "quiet" if pressure_share < 0.02 and steal < 0.01 else "busy"


def machines_here() -> set[str]:
    """Return the folders that records of this machine lie in, one per kind of device; without torch."""
    found = {device_folder("cpu", cpu_model(), cpu_cores())}
    for information in Path("/proc/driver/nvidia/gpus").glob("*/information"):
        if model := re.search(r"^Model:\s*(.+)$", _read(str(information)), re.MULTILINE):
            found.add(device_folder("cuda", model[1].strip()))
    return found | ({device_folder("mps", cpu_model())} if platform.system() == "Darwin" else set())


def cpu_model() -> str:
    """Return the processor's name as the system gives it."""
    match = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    name = match[1] if match else _sysctl_cpu() or platform.processor() or platform.machine() or "unknown"
    return " ".join(name.split())


def cpu_cores() -> int:
    """Return how many CPUs this process may use: its affinity, limited by the quota of its control group."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def _conditions(before: Counters, after: Counters) -> Conditions:
    pressure, steal = _shares(before, after)
    switches = None
    if before.involuntary_switches is not None and after.involuntary_switches is not None:
        switches = after.involuntary_switches - before.involuntary_switches
    return Conditions(
        host=hashlib.sha256(platform.node().encode()).hexdigest()[:12],
        os=platform.platform(),
        python=platform.python_version(),
        libraries=_versions(),
        noise=noise_grade(pressure, steal),
        load_1m=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        pressure_share=pressure,
        steal_share=steal,
        involuntary_switches=switches,
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        variables={name: value for name, value in sorted(os.environ.items()) if VARIABLES.fullmatch(name)},
    )


def _shares(before: Counters, after: Counters) -> tuple[float | None, float | None]:
    """Return the shares of the time between that tasks waited for a CPU, and that the CPUs were stolen."""
    elapsed_s = max(after.time_s - before.time_s, 1e-9)
    pressure = _share(before.pressure_s, after.pressure_s, elapsed_s)
    return pressure, _share(before.steal_s, after.steal_s, elapsed_s * (os.cpu_count() or 1))


def _share(before: float | None, after: float | None, of_s: float) -> float | None:
    if before is None or after is None:
        return None
    return round(min(1.0, max(0.0, (after - before) / of_s)), 4)


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _pressure_s(text: str) -> float | None:
    match = re.search(r"^some .*total=(\d+)", text, re.MULTILINE)
    return int(match[1]) / 1e6 if match else None


def _involuntary_switches() -> int | None:
    try:
        import resource  # absent on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _cgroup_quota() -> float | None:
    """Return the CPUs that the control group grants, or None without a limit (versions 2 and 1)."""
    words = _read("/sys/fs/cgroup/cpu.max").split()
    if not words:
        words = (_read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")).split()
    if len(words) != 2 or words[0] in ("max", "-1"):
        return None
    return int(words[0]) / int(words[1])


def _math_libraries(show: str) -> str:
    """Return the versions of oneDNN and MKL in torch's build description."""
    patterns = {"oneDNN": r"MKL-DNN v([\d.]+)", "MKL": r"Math Kernel Library Version (\S+)"}
    matches = [(name, re.search(pattern, show)) for name, pattern in patterns.items()]
    return ", ".join(f"{name} {hit[1]}" for name, hit in matches if hit) or "none"


def _nvidia_driver() -> str | None:
    match = re.search(r"Kernel Module[^\n]*?\s(\d+\.\d+(?:\.\d+)?)\s", _read("/proc/driver/nvidia/version"))
    return match[1] if match else None


def _sysctl_cpu() -> str:
    return _output("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else ""


def _command() -> str:
    """Return the command line; the folder of the program is left out, since it says nothing elsewhere."""
    program = Path(sys.argv[0]).name
    return shlex.join(["resbench" if program == "__main__.py" else program or "python", *sys.argv[1:]])


def _git_revision() -> str | None:
    return _output("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+dirty") or None


def _output(*command: str) -> str:
    """Return what `command` prints; nothing when it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _read(path: str) -> str:
    """Return the text of a system file; nothing where the system has none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
