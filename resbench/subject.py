"""A network of the table as something to be timed, and what fresh processes do with it: nets and timing meet here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import psutil
import torch

from resbench.nets.build import build
from resbench.nets.checkpoints import load_checkpoint
from resbench.records.record import Memory
from resbench.timing import speeds
from resbench.timing.arms import Arm, prepare, prepare_and_compare, settle
from resbench.timing.device import peak_memory, peak_resident_bytes, reset_peak_memory, reset_peak_resident
from resbench.timing.sampler import Surroundings
from resbench.zoo.find import find, find_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network ready to be timed, and the checkpoint that it holds (None: fresh weights)."""

    arm: Arm
    weights: str | None
    weights_sha256: str | None


def ready(request: speeds.Request) -> Subject:
    """Build or load the network that `request` names and bring it into its settings.

    Raises ResbenchError for an unknown name or checkpoint, InvalidMeasurementError when its output is not finite.
    """
    variant = find(request.network)
    if request.weights is None:
        module, name, sha256 = build(variant), None, None
        settle(module, request.settings)
    else:
        loaded = load_checkpoint(request.network, request.weights)
        published = find_weights(request.weights)
        module, sha256 = loaded.module, loaded.sha256
        name = published.name if published else loaded.path.name
    arm = prepare_and_compare(module, request.settings, torch.device(request.device), variant.classes)
    return Subject(arm=arm, weights=name, weights_sha256=sha256)


def launch(argument: Mapping[str, Any]) -> list[Any]:
    """Sample everything that a request (as plain values) wants; for a fresh process."""
    request = msgspec.convert(argument, speeds.Request)
    arm = ready(request).arm
    found = [series for want in request.wanted for series in speeds.measure(arm, want, request, Surroundings())]
    return [msgspec.to_builtins(series) for series in found]


def widest(argument: Mapping[str, Any]) -> int:
    """Return the batch size at which a request's throughput saturates; for a fresh process."""
    arm = ready(msgspec.convert(argument, speeds.Request)).arm
    return speeds.saturating(lambda size: speeds.rate(arm, size))


def resident(argument: Mapping[str, Any]) -> Any:
    """Return the Memory of a process that does only the one thing that a request wants; for a fresh process."""
    request = msgspec.convert(argument, speeds.Request)
    (want,) = request.wanted
    variant = find(request.network)
    before = psutil.Process().memory_info().rss
    # Fresh weights take the same room; loading and comparing would leave their own peak and holes behind.
    arm = prepare(build(variant), request.settings, torch.device(request.device), variant.classes)
    reset_peak_resident()
    speeds.run(arm, want, times=2)
    memory = Memory(batch_size=want.batch_size, resident_bytes=peak_resident_bytes(), resident_before_bytes=before)
    return msgspec.to_builtins(memory)


def peak(arm: Arm, want: speeds.Wanted) -> Memory:
    """Return the peak memory of a call (or training step) on a device that keeps peaks."""
    reset_peak_memory(arm.device)
    speeds.run(arm, want, times=2)
    allocated, reserved = peak_memory(arm.device)
    return Memory(batch_size=want.batch_size, allocated_bytes=allocated, reserved_bytes=reserved)
