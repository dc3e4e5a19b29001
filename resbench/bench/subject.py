"""A network as something to be timed, and what fresh processes do with it: nets and timing meet here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import psutil
import torch
from torch import nn

from resbench import units
from resbench.bench.calibrating import calibration_from
from resbench.errors import ResbenchError
from resbench.nets.checkpoints import fresh_network, load_checkpoint
from resbench.records.record import Exported, Kernels, Memory
from resbench.running import fresh
from resbench.running.arm import Arm, output_difference, prepare, settle_norms
from resbench.running.device import (
    peak_memory,
    peak_resident_bytes,
    reset_peak_memory,
    reset_peak_resident,
    within_memory,
)
from resbench.running.proof import proved_export
from resbench.running.runtimes.runtime import loader_of
from resbench.running.settings import plain
from resbench.timing import speeds
from resbench.zoo.find import find_weights

OnProgress = Callable[[str, float], None]  # is told what is being done, and which share of it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network ready to be timed, and the checkpoint that it holds (None: fresh weights)."""

    arm: Arm
    weights: str | None
    weights_sha256: str | None
    exported: Exported | None = None  # how the file that runs was proved


def ready(request: speeds.Request, batch_sizes: Sequence[int] = ()) -> Subject:
    """Build or load the network of `request` and bring it into its settings.

    What a runtime exports is proved in `batch_sizes`, unless there are none.
    Raises ResbenchError for an unknown checkpoint and a runtime that cannot run it, InvalidMeasurementError for a file
    that answers otherwise.
    """
    loaded = loaded_network(request)
    device, classes = torch.device(request.device), request.network.classes
    subject = Subject(
        arm=prepare(
            loaded.module, request.settings, device, classes, request.files, calibration_from(request.calibration)
        ),
        weights=loaded.weights,
        weights_sha256=loaded.weights_sha256,
    )
    return replace(subject, exported=proof_of(request, subject.arm, batch_sizes)) if batch_sizes else subject


def proof_of(request: speeds.Request, arm: Arm, batch_sizes: Sequence[int]) -> Exported | None:
    """Prove the file that `arm` runs, which `request` made, in `batch_sizes`; None where it runs none.

    Raises InvalidMeasurementError when it answers otherwise than eager torch.
    """
    return proved_export(loaded_network(request).module, arm, batch_sizes) if arm.files else None


def difference_from_plain(request: speeds.Request, subject: Subject) -> float | None:
    """Return how far the outputs of `subject`, which `request` made, are from plain fp32; None for plain settings.

    Raises InvalidMeasurementError when they are not finite.
    """
    if subject.exported:
        return subject.exported.difference
    return None if plain(request.settings) else output_difference(loaded_network(request).module, subject.arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedNetwork:
    """A network in fp32 on the CPU, and the checkpoint that it holds (None: fresh weights)."""

    module: nn.Module
    weights: str | None = None
    weights_sha256: str | None = None


def loaded_network(request: speeds.Request) -> LoadedNetwork:
    """Return the network in fp32 on the CPU; the same weights for the same request."""
    network = request.network
    if request.weights is None:
        module = fresh_network(network, request.settings.seed)
        size = units.pixels(request.settings.input_px)
        try:
            with within_memory(f"input size {size}"):
                settle_norms(module, request.settings)
        except RuntimeError as error:
            if "size" not in str(error):
                raise
            reason = str(error).splitlines()[0]
            raise ResbenchError(f"{network.name}: cannot take {size} px ({reason}); give a larger input") from None
        return LoadedNetwork(module=module)
    checkpoint = load_checkpoint(network, request.weights, request.key)
    published = find_weights(request.weights)
    return LoadedNetwork(
        module=checkpoint.module,
        weights=published.name if published else checkpoint.name,
        weights_sha256=checkpoint.sha256,
    )


def widest(request: speeds.Request) -> int:
    """Return the batch size at which a request's throughput saturates; for a fresh process."""
    arm = ready(request).arm
    return speeds.saturating(lambda size: speeds.quick_rate(arm, size))


def resident(request: speeds.Request) -> Memory:
    """Return the memory of a process that does only the one thing that a request wants; for a fresh process."""
    (want,) = request.wanted
    loader_of(request.settings.runtime)  # libraries are no part of the network
    before = psutil.Process().memory_info().rss
    arm = _fresh_arm(request)
    reset_peak_resident()
    speeds.run_untimed(arm, want, times=2)
    return Memory(batch_size=want.batch_size, resident_bytes=peak_resident_bytes(), resident_before_bytes=before)


def device_memory(arm: Arm, want: speeds.Wanted) -> Memory:
    """Return the peak memory of a call (or training step) on a device that keeps peaks."""
    reset_peak_memory(arm.device)
    speeds.run_untimed(arm, want, times=2)
    allocated, reserved = peak_memory(arm.device)
    return Memory(batch_size=want.batch_size, allocated_bytes=allocated, reserved_bytes=reserved)


def kernels_by_batch(request: speeds.Request, on_progress: OnProgress) -> tuple[Kernels, ...] | None:
    """Return the kernels of a forward pass (or training step) at each batch size, each counted in a fresh process.

    There, since what the profiler hooks into a process slows down what comes after, and may crash with it. None where
    it cannot be told: that is no reason to lose what was measured before.
    """
    reset_peak_memory(torch.device(request.device))  # the other process needs the memory that this one keeps unused
    wants = {want.batch_size: want for want in request.wanted if want.speed in ("latency", "throughput", "train")}
    observed: list[Kernels | None] = []
    with suppress(ResbenchError):
        for index, (size, want) in enumerate(sorted(wants.items())):
            on_progress(f"kernels at batch {size}", index / len(wants))
            observed.append(fresh.call(kernels_alone, replace(request, wanted=(want,))))
    complete = tuple(kernels for kernels in observed if kernels)
    return complete if len(complete) == len(wants) else None


def kernels_alone(request: speeds.Request) -> Kernels | None:
    """Return the kernels of the one thing that a request wants, None where they cannot be counted.

    For a fresh process.
    """
    (want,) = request.wanted
    return speeds.kernels_started(_fresh_arm(request), want)


def _fresh_arm(request: speeds.Request) -> Arm:
    """Return the network in its settings, with fresh weights: they take as much memory and start the same kernels.

    Loading and comparing would leave their own peak and holes behind.
    """
    module = None if request.files else fresh_network(request.network, request.settings.seed)
    device, classes = torch.device(request.device), request.network.classes
    return prepare(module, request.settings, device, classes, request.files)
