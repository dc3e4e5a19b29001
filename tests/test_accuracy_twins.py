"""Arithmetic twins hold the same weights and compute what their name says."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from resbench.accuracy import pixels
from resbench.accuracy.figures import gap
from resbench.accuracy.pixels import normalise
from resbench.accuracy.twins import twins
from resbench.judging.gaps import better
from resbench.nets.build import build
from resbench.zoo.find import find
from resbench.zoo.spec import Preprocess, ResNetSpec, Variant
from tests import filled
from tests.test_accuracy_figures import named, rows

TINY = Variant(
    name="tiny",
    family="ResNet",
    spec=ResNetSpec(block="bottleneck", depths=(1, 1), planes=8),
    paper=find("resnet50").paper,
    classes=10,
)


@pytest.fixture(scope="module")
def own():
    return filled.fill(build(TINY))


@pytest.fixture(scope="module")
def others(own):
    return {one.what: one for one in twins(own, Preprocess())}


def logits(module, image=None):
    with torch.inference_mode():
        return module(filled.image(64, 64) if image is None else image)


def test_every_twin_holds_the_same_weights_and_computes_something_else(own, others):
    changed = [one for one in others.values() if one.module is not own]
    assert len(changed) == 7
    for one in changed:
        state = {key.removeprefix("module."): value for key, value in one.module.state_dict().items()}
        assert state.keys() == own.state_dict().keys()
        assert all(torch.equal(value, own.state_dict()[key]) for key, value in state.items())
        assert not torch.allclose(logits(one.module), logits(own), rtol=1e-6), one.what
    caffe = others["Caffe's input: blue, green, red from 0 to 255 less the mean"]
    red = normalise(torch.tensor([255, 0, 0], dtype=torch.uint8).expand(1, 8, 8, 3), caffe.preprocess)
    seen = []
    caffe.module.module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    logits(caffe.module, red.double())
    expected = torch.tensor([-0.406 * 255, -0.456 * 255, 255 - 0.485 * 255])
    torch.testing.assert_close(seen[0][0, :, 0, 0].float(), expected)


def test_the_network_itself_is_left_as_it_was(own, others):
    assert torch.equal(logits(own), logits(filled.fill(build(TINY))))


def test_the_stride_moves_to_the_first_convolution(others):
    twin = others["the stride of bottlenecks on the other convolution (1x1 or 3x3)"].module
    strides = {
        name: one.stride for name, one in twin.named_modules() if isinstance(one, nn.Conv2d) and "layer2.0" in name
    }
    assert strides["layer2.0.conv1"] == (2, 2)
    assert strides["layer2.0.conv2"] == (1, 1)
    again = {one.what: one for one in twins(twin, Preprocess())}
    back = again["the stride of bottlenecks on the other convolution (1x1 or 3x3)"].module
    assert torch.equal(logits(back), logits(filled.fill(build(TINY))))


def test_without_antialiasing_a_pixel_is_made_of_its_nearest_neighbours(others):
    decoder = others["resizing without antialiasing (OpenCV's, and torch's of tensors)"].decoder
    columns = np.tile(np.array([200, 10, 30, 200], np.uint8), 2)  # of four columns the middle two count
    picture = Image.fromarray(np.tile(columns[None, :, None], (8, 1, 3)))
    assert (decoder.frame(np.array(picture), Preprocess(crop_px=2, crop_pct=1.0)) == 20).all()
    assert (pixels.frame(picture, Preprocess(crop_px=2, crop_pct=1.0)) > 60).all()


def test_only_what_differs_is_a_twin(others):
    assert "bilinear resizing" not in others
    assert "crop of 0.875 of the image" not in others
    assert "batch norm with an epsilon of 1e-5" not in others
    assert "ImageNet's mean and std" not in others
    assert others["bicubic resizing"].preprocess == Preprocess(interpolation="bicubic")
    plain = build(find("resnet18"), device="meta")
    assert "the stride of bottlenecks on the other convolution (1x1 or 3x3)" not in {
        one.what for one in twins(plain, Preprocess())
    }


def test_a_twin_is_named_only_when_it_is_better_by_more_than_chance():
    labels = [0] * 100
    own, slightly, clearly = (named(rows(labels, [0] * right + [1] * (100 - right))) for right in (60, 64, 80))
    found = gap(own, [("slightly", None, slightly), ("clearly", "resbench validate", clearly)])
    assert (found.top1_right, found.images) == (60, 100)
    assert [(twin.what, twin.top1_right, twin.command, better(twin, found)) for twin in found.twins] == [
        ("clearly", 80, "resbench validate", True),
        ("slightly", 64, None, False),
    ]
