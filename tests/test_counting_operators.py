"""Operators of a forward pass, against what torch's profiler sees of it on real tensors."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from resbench.counting import tally
from resbench.nets.build import build

VIEWS = {
    "chunk",
    "detach",
    "flatten",
    "expand",
    "select",
    "slice",
    "split",
    "squeeze",
    "transpose",
    "unflatten",
    "unsqueeze",
    "view",
}


def operators(module, side_px):
    return tally.count_module(module.eval(), side_px).operators


@pytest.mark.parametrize(
    ("network", "side_px"),
    [
        ("resnet20_cifar10", 32),  # shortcuts that pad with zeros
        ("plain18", 32),
        ("legacy_seresnet18", 32),
        ("ecaresnetlight", 32),
        ("skresnet18", 32),
        ("resnest14d", 32),
        ("res2next50", 32),
        ("resnetblur18", 64),
    ],
)
def test_operators_are_the_calls_that_the_profiler_sees_and_that_are_no_views(network, side_px):
    module = build(network, device="meta").to_empty(device="cpu")  # its values do not matter
    image = torch.zeros(1, 3, side_px, side_px)
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        module(image)
    outermost = [event for event in profiler.events() if event.name.startswith("aten::") and event.cpu_parent is None]
    seen = [event for event in outermost if not is_view(event)]
    assert operators(module, side_px) == len(seen)
    assert operators(build(network, device="meta"), side_px) == len(seen)


def is_view(event):
    """A reshape is one unless it has to copy."""
    name = event.name.removeprefix("aten::")
    return name in VIEWS or (name == "reshape" and not any(child.name == "aten::clone" for child in event.cpu_children))


class Wrapped(nn.Module):
    """A convolution with something behind it."""

    def __init__(self, behind):
        super().__init__()
        self.conv, self.behind = nn.Conv2d(3, 4, 3), behind

    def forward(self, x):
        return self.behind(self.conv(x))


@pytest.mark.parametrize(
    ("behind", "more"),
    [
        (nn.ReLU(), 1),
        (nn.ReLU(inplace=True), 1),
        (nn.Sequential(nn.ReLU(), nn.ReLU()), 2),
        (nn.BatchNorm2d(4), 1),
        (lambda x: x + x, 1),
        (lambda x: x.transpose(1, 2).reshape(1, -1), 1),  # copies
        (lambda x: x.flatten(1).view(1, -1)[:, None].detach(), 0),
        (lambda x: x.new_zeros(4), 1),
        (nn.Dropout(), 0),
        (nn.Identity(), 0),
    ],
)
def test_what_computes_counts_and_what_only_looks_does_not(behind, more):
    module = Wrapped(behind)
    assert operators(module, 8) == operators(module.to("meta"), 8) == 1 + more


def test_one_more_relu_is_seen_by_this_count_alone_where_it_changes_nothing():
    once, twice = (
        tally.count_module(Wrapped(nn.Sequential(*behind)).eval(), 8) for behind in ([nn.Sigmoid()], [nn.Sigmoid()] * 2)
    )
    assert (once.operators, twice.operators) == (2, 3)
    assert tally.replace(once, operators=None) == tally.replace(twice, operators=None)
