"""What a GPU says of itself, told by a fake NVML that answers as the real one does."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from resbench.timing import telemetry as module
from resbench.timing.telemetry import Telemetry, telemetry

CPU = torch.device("cpu")


class NVMLError(Exception):
    pass


class FakeNvml(ModuleType):
    """A GPU whose counters the tests advance."""

    NVMLError = NVMLError
    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0

    def __init__(self):
        super().__init__("pynvml")
        self.counters = dict.fromkeys((74, 269, 270, 271), 1_000)
        self.unknown = set()
        self.reasons = 0
        self.energy_mj = 5_000
        self.pids = []

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetHandleByUUID(self, identity):  # noqa: N802
        if identity != "GPU-1234":
            raise NVMLError("no such GPU")
        return "handle"

    def nvmlDeviceGetFieldValues(self, handle, fields):  # noqa: N802
        return [
            SimpleNamespace(
                fieldId=field,
                nvmlReturn=3 if field in self.unknown else 0,
                value=SimpleNamespace(ullVal=self.counters[field]),
            )
            for field in fields
        ]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):  # noqa: N802
        return self.reasons

    def nvmlDeviceGetClockInfo(self, handle, what):  # noqa: N802
        return 1_980

    def nvmlDeviceGetTemperature(self, handle, what):  # noqa: N802
        raise NVMLError("not supported")

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return 350_000

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):  # noqa: N802
        return 700_000

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        self.energy_mj += 10_000
        return self.energy_mj

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in self.pids]


@pytest.fixture
def nvml():
    return FakeNvml()


@pytest.mark.parametrize(
    ("field", "flags"),
    [
        (None, ()),
        (74, ("power_capped",)),
        (269, ("throttled",)),
        (270, ("throttled",)),
        (271, ("throttled",)),
    ],
)
def test_a_counter_that_grew_during_a_cluster_is_a_flag(nvml, field, flags):
    finish = Telemetry(nvml, "handle").watch()
    if field:
        nvml.counters[field] += 1
    assert finish() == flags


def test_throttling_before_the_cluster_does_not_count(nvml):
    meter = Telemetry(nvml, "handle")
    first = meter.watch()
    nvml.counters[270] += 5
    assert first() == ("throttled",)
    assert meter.watch()() == ()


@pytest.mark.parametrize(
    ("reasons", "flags"),
    [(0x1 | 0x2, ()), (0x4, ("power_capped",)), (0x40, ("throttled",)), (0xA4, ("throttled", "power_capped"))],
)
def test_drivers_without_the_counters_are_asked_for_the_causes_of_now(nvml, reasons, flags):
    nvml.unknown = {269, 270, 271}
    nvml.reasons = reasons
    assert Telemetry(nvml, "handle").watch()() == flags


def test_what_the_gpu_does_not_tell_is_left_out(nvml, monkeypatch):
    monkeypatch.setattr(module.os, "getpid", lambda: 7)
    nvml.pids = [7, 8, 9]
    meter = Telemetry(nvml, "handle")
    for _ in range(2):
        meter.watch()()
    seen = meter.seen()
    assert (seen.sm_clock_mhz, seen.temperature_c, seen.power_mw) == ((1_980, 1_980), (), (350_000, 350_000))
    assert (seen.power_limit_mw, seen.other_processes) == (700_000, 2)


def test_energy_is_what_the_counter_gained_over_whole_batches(nvml):
    calls = []
    found = Telemetry(nvml, "handle").energy(lambda: calls.append(1), 8, CPU, seconds=0.01)
    assert found.millijoules == 10_000
    assert found.wall_ns >= 0.01e9
    assert found.images == 8 * (len(calls) - 1)  # the first call sized the windows


def test_a_gpu_without_an_energy_counter_has_no_energy(nvml, monkeypatch):
    def fail(handle):
        raise NVMLError("not supported")

    monkeypatch.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", fail)
    assert Telemetry(nvml, "handle").energy(lambda: None, 1, CPU, seconds=0.01) is None


def test_nothing_of_the_gpu_is_ever_set(nvml):
    import inspect

    source = inspect.getsource(module)
    assert "nvmlDeviceSet" not in source
    assert "nvmlDeviceReset" not in source


def test_other_devices_and_machines_without_the_package_have_no_telemetry(monkeypatch):
    assert telemetry(CPU) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert telemetry(torch.device("cuda:0")) is None


@pytest.mark.parametrize(("identity", "found"), [("1234", True), ("5678", False)])
def test_the_gpu_is_found_by_its_identity(nvml, monkeypatch, identity, found):
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=identity))
    assert (telemetry(torch.device("cuda:0")) is not None) is found
