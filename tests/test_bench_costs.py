"""`resbench.count` for a name, a row of the table and a module."""

import pytest
import torch
from torch import nn

import resbench
from resbench.counting.operators import is_uncosted
from resbench.errors import InvalidMeasurementError


def test_a_name_a_variant_and_a_module_have_the_same_counts():
    name = "resnet20_cifar10"
    counts = resbench.count(name)
    assert resbench.count(resbench.find(name)) == counts
    assert resbench.count(resbench.build(name), 32) == counts
    assert resbench.count(resbench.build(name, device="meta"), (32, 32)) == counts


def test_a_module_is_counted_at_224_unless_told_otherwise():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ).eval()
    counts = resbench.count(module)
    assert (counts.input_px, counts.params) == ((224, 224), 3 * 4 + 4 * 2 + 2)
    assert (counts.terms.conv, counts.terms.fc) == (3 * 4 * 224 * 224, 4 * 2)


class Products(nn.Module):
    """A network whose work is in a product of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.matmul(x, self.weight)


def test_a_module_that_pytorch_counts_otherwise_is_refused(monkeypatch):
    module = Products().eval()
    assert resbench.count(module, 8).terms.matmul == 3 * 8 * 8 * 8
    monkeypatch.setattr("resbench.counting.operators._COSTS", {})
    monkeypatch.setattr("resbench.counting.tally.is_uncosted", is_uncosted.__wrapped__)  # whose answers would stay
    with pytest.raises(InvalidMeasurementError, match=r"disputed: PyTorch counts 3,072, our tally 0"):
        resbench.count(module, 8)


@pytest.mark.parametrize("wrong", [None, 50, ["resnet50"], nn.Linear])
def test_anything_else_is_answered_with_what_is_taken(wrong):
    with pytest.raises(TypeError, match="takes the name of a network, a Variant or a torch module, not"):
        resbench.count(wrong)
