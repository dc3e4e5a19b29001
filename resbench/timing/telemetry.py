"""What an NVIDIA GPU says of itself while it is measured: clocks held back, heat, power, energy. Only read, never set.

Needs the optional package nvidia-ml-py; without it, or on another device, nothing is said.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from resbench.records.record import Energy, Gpu
from resbench.timing.clock import Call, host_clock
from resbench.timing.sampler import THROTTLED

# Counters of nanoseconds that the clocks were held back, by cause (NVML field identifiers). They miss nothing between
# two readings, as polling the current causes does.
POWER_CAP = 74  # the power limit in software: part of how many boards run, so only labelled
THERMAL = (269, 270, 271)  # heat in software and hardware, and the power brake
# The causes as bits, for drivers that lack the counters.
POWER_CAP_BITS, THERMAL_BITS = 0x4, 0x20 | 0x40 | 0x80
ENERGY_S = 5.0  # the sensor behind the energy counter sees a part of the time only; short windows would mislead


class Telemetry:
    """One GPU, asked through NVML."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle
        self._clock_mhz: list[int] = []
        self._temperature_c: list[int] = []
        self._power_mw: list[int] = []

    def watch(self) -> Callable[[], tuple[str, ...]]:
        """Start to watch; the result says by its flags what held the clocks back since."""
        before = self._held_back_ns()

        def finish() -> tuple[str, ...]:
            self._read()
            after = self._held_back_ns()
            if before is None or after is None:
                return self._flags_now()
            grown = {field for field in after if after[field] > before.get(field, after[field])}
            return _flags(power=POWER_CAP in grown, heat=bool(grown.intersection(THERMAL)))

        return finish

    def energy(self, call: Call, batch_size: int, device: torch.device, *, seconds: float = ENERGY_S) -> Energy | None:
        """Return the energy of batches back to back for at least `seconds`; None when the GPU does not count it."""
        clock = host_clock(device)
        times = max(1, round(0.25e9 / clock(call, 1)[0]))
        try:
            start = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
            wall_ns, calls = 0, 0
            while wall_ns < seconds * 1e9:
                wall_ns += clock(call, times)[0]
                calls += times
            used = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle) - start
        except self._nvml.NVMLError:
            return None
        return Energy(batch_size=batch_size, images=calls * batch_size, millijoules=used, wall_ns=wall_ns)

    def seen(self) -> Gpu:
        """Return the readings so far, one per cluster, and who else computes on this GPU."""
        return Gpu(
            sm_clock_mhz=tuple(self._clock_mhz),
            temperature_c=tuple(self._temperature_c),
            power_mw=tuple(self._power_mw),
            power_limit_mw=self._ask("nvmlDeviceGetEnforcedPowerLimit"),
            other_processes=self._others(),
        )

    def _read(self) -> None:
        nvml = self._nvml
        for readings, name, what in (
            (self._clock_mhz, "nvmlDeviceGetClockInfo", (nvml.NVML_CLOCK_SM,)),
            (self._temperature_c, "nvmlDeviceGetTemperature", (nvml.NVML_TEMPERATURE_GPU,)),
            (self._power_mw, "nvmlDeviceGetPowerUsage", ()),
        ):
            value = self._ask(name, *what)
            if value is not None:
                readings.append(value)

    def _held_back_ns(self) -> dict[int, int] | None:
        """Return the counters by field, or None when this driver has none of those of heat."""
        try:
            values = self._nvml.nvmlDeviceGetFieldValues(self._handle, [POWER_CAP, *THERMAL])
        except self._nvml.NVMLError:
            return None
        fields = {value.fieldId: value.value.ullVal for value in values if value.nvmlReturn == 0}
        return fields if fields.keys() & set(THERMAL) else None

    def _flags_now(self) -> tuple[str, ...]:
        causes = self._ask("nvmlDeviceGetCurrentClocksEventReasons") or 0
        return _flags(power=bool(causes & POWER_CAP_BITS), heat=bool(causes & THERMAL_BITS))

    def _others(self) -> int | None:
        running = self._ask("nvmlDeviceGetComputeRunningProcesses")
        return None if running is None else sum(process.pid != os.getpid() for process in running)

    def _ask(self, name: str, *what: Any) -> Any:
        """Return what NVML answers; None for a question that this GPU or driver does not know."""
        with suppress(self._nvml.NVMLError, AttributeError):  # an older nvidia-ml-py lacks the function
            return getattr(self._nvml, name)(self._handle, *what)
        return None


def telemetry(device: torch.device) -> Telemetry | None:
    """Return the telemetry of `device`, or None where there is none."""
    if device.type != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        identity = torch.cuda.get_device_properties(device).uuid
        return Telemetry(pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}"))
    return None


def _flags(*, power: bool, heat: bool) -> tuple[str, ...]:
    return ((THROTTLED,) if heat else ()) + (("power_capped",) if power else ())
