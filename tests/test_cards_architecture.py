"""The terms of a network against the lists in timm's documentation."""

import pytest

from resbench.cards.architecture import facts, terms
from resbench.zoo.find import find
from resbench.zoo.variants import VARIANTS

COMMON = {
    "1x1 Convolution",
    "Batch Normalization",
    "Convolution",
    "Global Average Pooling",
    "Max Pooling",
    "ReLU",
    "Residual Connection",
    "Softmax",
}
BOTTLENECK = COMMON | {"Bottleneck Residual Block", "Residual Block"}
RESNEXT = COMMON | {"Grouped Convolution", "ResNeXt Block"}
SE = {"Squeeze-and-Excitation Block"}


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet50", BOTTLENECK),
        ("resnet50c", BOTTLENECK),
        ("resnetblur50", BOTTLENECK | {"Blur Pooling"}),
        ("wide_resnet50_2", COMMON | {"Wide Residual Block"}),
        ("resnext50_32x4d", RESNEXT),
        ("seresnet50", BOTTLENECK | SE),
        ("seresnext50_32x4d", RESNEXT | SE),
        ("legacy_seresnet50", BOTTLENECK | SE),
        ("legacy_seresnext50_32x4d", RESNEXT | SE),
    ],
)
def test_terms_are_those_of_timms_card(name, published):
    assert terms(find(name).spec) == sorted(published)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("resnet50d", {"Average Pooling"}),  # of the shortcuts; timm's list forgets it
        ("resnet18d", {"Average Pooling"}),
    ],
)
def test_terms_have_what_timms_typed_list_forgets(name, more):
    assert more < set(terms(find(name).spec))


def test_a_network_of_basic_blocks_has_no_bottleneck_whatever_timms_typed_list_says():
    assert "Bottleneck Residual Block" not in terms(find("resnet18").spec)


def test_a_plain_network_has_no_residual_connection():
    assert "Residual Connection" not in terms(find("plain34").spec)


def test_every_network_has_terms_and_facts():
    common = {"Convolution", "Batch Normalization", "Global Average Pooling"}
    assert [variant.name for variant in VARIANTS if not common <= set(terms(variant.spec))] == []
    empty = [variant.name for variant in VARIANTS if not facts(variant) or not all(map(all, facts(variant)))]
    assert empty == []
