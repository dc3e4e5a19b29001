"""Winograd's algorithm against torch's convolutions and numpy's correlation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import resbench
from resbench.running import winograd
from resbench.running.fold import fold_batch_norms
from resbench.running.winograd import Winograd, transforms, use_winograd


def convolution(inputs, outputs, *, bias=True, dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias, dtype=dtype)


def replaced(module):
    return [name for name, child in module.named_modules() if isinstance(child, Winograd)]


def test_the_transforms_correlate():
    inputs, filters, outputs = transforms()
    chance = np.random.default_rng(0)
    row, kernel = chance.normal(size=6), chance.normal(size=3)
    found = outputs @ ((filters @ kernel) * (inputs @ row))
    np.testing.assert_allclose(found, np.correlate(row, kernel, "valid"), rtol=1e-12)


@settings(deadline=None)
@given(
    count=st.integers(1, 4),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    inputs=st.integers(1, 5),
    outputs=st.integers(1, 5),
    bias=st.booleans(),
    layout=st.sampled_from([torch.channels_last, torch.contiguous_format]),
)
def test_it_is_the_convolution(count, height, width, inputs, outputs, bias, layout):
    own = convolution(inputs, outputs, bias=bias)
    images = torch.randn(count, inputs, height, width, dtype=torch.float64).to(memory_format=layout)
    with torch.inference_mode():
        torch.testing.assert_close(Winograd(own)(images), own(images), rtol=0, atol=1e-12)


def test_it_does_not_matter_how_many_images_are_transformed_at_a_time(monkeypatch):
    own, images = Winograd(convolution(3, 4)), torch.randn(7, 3, 9, 5, dtype=torch.float64)
    with torch.inference_mode():
        whole = own(images)
        monkeypatch.setattr(winograd, "PART_FLOATS", 2 * 36 * 3 * 6)
        torch.testing.assert_close(own(images), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("channels", "side"), [(128, 28), (512, 7)])
def test_in_fp32_it_errs_by_millionths(channels, side):
    own = convolution(channels, channels, dtype=torch.float32)
    images = torch.randn(2, channels, side, side).relu()
    with torch.inference_mode():
        exact = functional.conv2d(images.double(), own.weight.double(), own.bias.double(), padding=1)
        errors = Winograd(own)(images) - exact
    assert errors.abs().max() < 5e-6 * exact.abs().max()


def test_every_convolution_that_gains_is_replaced_and_no_other():
    module = resbench.build("resnet18", device="meta")
    wanted = [
        f"layer{stage}.{block}.conv{number}"
        for stage in (2, 3, 4)
        for block, number in ((0, 2), (1, 1), (1, 2))  # the first of a stage has stride 2
    ]
    use_winograd(module)
    assert replaced(module) == wanted


@pytest.mark.parametrize(
    "other",
    [
        {"stride": 2},
        {"padding": 0},
        {"dilation": 2},
        {"groups": 2},
        {"kernel_size": 5},
        {"kernel_size": (3, 1), "padding": (1, 0)},
        {"padding_mode": "reflect"},
    ],
)
def test_other_convolutions_stay(other):
    module = nn.Sequential(
        nn.Conv2d(128, 128, **{"kernel_size": 3, "padding": 1, **other}), nn.Conv2d(64, 128, 3, padding=1)
    )
    use_winograd(module)
    assert not replaced(module)


def test_a_convolution_with_arithmetic_of_its_own_stays():
    class Standardised(nn.Conv2d):
        pass

    module = nn.Sequential(Standardised(128, 128, 3, padding=1))
    use_winograd(module)
    assert not replaced(module)


LARGER = [
    pytest.param(name, marks=pytest.mark.nightly)
    for name in ("plain34", "resnet50", "seresnet50", "inception_resnet_v2")
]


@pytest.mark.parametrize("name", ["resnet18", *LARGER])
def test_a_whole_network_computes_the_same(name):
    def built():
        torch.manual_seed(0)
        return resbench.build(name).double()

    plain, rearranged = built(), built()
    fold_batch_norms(rearranged, (75, 75))
    use_winograd(rearranged)
    assert replaced(rearranged)
    images = torch.randn(1, 3, 75, 75, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(rearranged(images), plain(images), rtol=1e-8, atol=1e-12)
