import pytest
import torch

from resbench.errors import ResbenchError
from resbench.running import device


def pretend(monkeypatch, *, cuda=0, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda:0"), (2, True, "cuda:0")]
)
def test_cuda_is_preferred_then_mps_then_the_cpu(monkeypatch, cuda, mps, expected):
    pretend(monkeypatch, cuda=cuda, mps=mps)
    assert str(device.resolve(None)) == expected


def test_an_asked_device_is_taken(monkeypatch):
    pretend(monkeypatch, cuda=2)
    assert [str(device.resolve(asked)) for asked in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda:0", "cuda:1"]


@pytest.mark.parametrize("asked", ["cuda", "cuda:3", "mps", "meta", "gpu", "xpu"])
def test_a_missing_device_is_an_error_that_names_those_present(monkeypatch, asked):
    pretend(monkeypatch)
    with pytest.raises(ResbenchError, match=f"'{asked}'.*choose from cpu"):
        device.resolve(asked)


def test_the_cpu_needs_no_waiting_and_keeps_no_peak():
    cpu = torch.device("cpu")
    device.waiting(cpu)()
    device.reset_peak_memory(cpu)
    assert device.peak_memory(cpu) == (None, None)
