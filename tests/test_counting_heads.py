"""Counts with another head or stem are told by their digits; a coarse rounding does not make everything true."""

from fractions import Fraction

import pytest
from torch import nn

from resbench.counting.counted import counted
from resbench.counting.explain import explain_usual
from resbench.counting.heads import head, one_channel, one_channel_macs
from resbench.counting.tally import count_module
from resbench.nets.build import build
from resbench.zoo.find import find


@pytest.mark.parametrize("name", ["resnet18", "resnet50_cifar10", "resnet50d", "senet154", "inception_resnet_v2"])
def test_one_channel_takes_off_what_a_rebuilt_first_convolution_has_less(name):
    variant = find(name)
    module = build(variant, device="meta")
    first = next(layer for layer in module.modules() if isinstance(layer, nn.Conv2d))
    size = (variant.input_px, variant.input_px)
    assert one_channel(variant) * 3 == first.weight.numel() * 2
    positions = count_module(nn.Sequential(first).eval(), size).terms.conv // first.weight.numel()
    assert one_channel_macs(variant, size) == one_channel(variant) * positions


@pytest.mark.parametrize("classes", [2, 10, 37, 100, 200, 5089, 21841])
@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "resnet152"])
def test_an_exact_count_gives_the_number_of_classes(name, classes):
    module = build(find(name), device="meta")
    module.fc = nn.Linear(module.fc.in_features, classes, device="meta")
    params = sum(weight.numel() for weight in module.parameters())
    best = explain_usual(name, str(params)).fits[0]
    assert (best.value, best.head.classes, best.head.why) == (params, classes, "exact")
    macs = count_module(module.eval(), 224).terms
    found = explain_usual(name, f"{macs.conv + macs.fc} MACs").fits[0]
    assert (found.counted, found.head.classes) == ("macs", classes)


@pytest.mark.parametrize(
    ("figure", "classes"), [("23.53M", 10), ("23.72M", 102), ("23.92M", 200), ("33.94M", 5089), ("68.3M", 21841)]
)
def test_a_rounded_count_gives_a_known_number_of_classes(figure, classes):
    best = explain_usual("resnet50", figure).fits[0]
    assert best.head.classes == classes
    assert best.head.first <= classes <= best.head.last
    assert f"parameters for {classes:,} classes" in best.meaning


def test_a_coarse_count_above_a_thousand_classes_needs_a_known_number():
    trunk, per_class = 23_508_032, 2_049
    assert head(trunk, per_class, Fraction(37_000_000), Fraction(10_000)) is None
    assert head(trunk, per_class, Fraction(37_000_000), Fraction(10_000), (6584,)).why == "stated"
    assert head(trunk, per_class, Fraction(24_620_000), Fraction(10_000)).why == "coarse"
    assert head(trunk, per_class, Fraction(20_000_000), Fraction(10_000)) is None


def test_grey_scale_images_are_told_from_exact_digits():
    params = counted("resnet18").params - 2 * 64 * 7 * 7
    best = explain_usual("resnet18", str(params)).fits[0]
    assert (best.meaning, best.rounding) == ("parameters for one input channel", "exact")
    mnist = 11_176_512 + 10 * 513 - 2 * 64 * 7 * 7
    assert explain_usual("resnet18", str(mnist)).fits[0].meaning == "parameters for one input channel and 10 classes"


@pytest.mark.parametrize(
    ("network", "figure", "meaning"),
    [
        ("resnet18", "11.17M", "parameters of resnet18_cifar10"),
        ("resnet18", "0.56 GMACs", "macs of resnet18_cifar10"),
        ("resnet50", "8.22 GFLOPs", "twice fvcore"),
        ("resnet50", "2.056 GFLOPs", "half fvcore"),
    ],
)
def test_look_alikes_and_doubled_counts_are_readings(network, figure, meaning):
    assert meaning in {fit.meaning for fit in explain_usual(network, figure).fits}


@pytest.mark.parametrize("figure", ["5.28G", "3.87G", "4.1G", "9.6G", "2.7G", "6.6G"])
def test_a_stretched_input_is_offered_for_timms_cards_alone(figure):
    explanation = explain_usual("resnet50", figure)
    for reading in (*explanation.fits, *explanation.nearest):
        assert reading.counted == "timm-card" or reading.input_px[0] == reading.input_px[1]


@pytest.mark.parametrize(
    ("network", "macs"), [("resnet50", 3_857_973_248), ("resnet101", 7_570_194_432), ("resnet152", 11_282_415_616)]
)
def test_the_stride_on_the_first_1x1_is_a_reading(network, macs):
    best = explain_usual(network, f"{macs} MACs").fits[0]
    assert (best.meaning, best.rounding) == (f"macs of {network}_v1", "exact")
