"""Names that people type, and the rows they stand for."""

import pytest

from resbench.counting.counted import counted
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.zoo.find import checkpoints, find, find_weights, look_alikes, match
from resbench.zoo.variants import VARIANTS


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("resnext50_32x4d", "resnext50_32x4d"),
        ("gluon_seresnext101_64x4d", "seresnext101_64x4d"),
        ("gluon_resnet50_v1c", "resnet50c"),
        ("tv_resnet50", "resnet50"),
        ("ssl_resnet18", "resnet18"),
        ("ig_resnext101_32x48d", "resnext101_32x48d"),
        ("ens_adv_inception_resnet_v2", "inception_resnet_v2"),
        ("resnext50-32x4d_8xb32_in1k", "resnext50_32x4d"),
        ("resnetv1d101_8xb32_in1k", "resnet101d"),
        ("wide-resnet50_3rdparty-timm_8xb32_in1k", "wide_resnet50_2"),
        ("resnet50.ram_in1k", "resnet50"),
        ("resnet101s.gluon_in1k", "resnet101s"),
        ("inception_resnet_v2.tf_ens_adv_in1k", "inception_resnet_v2"),
        ("ResNet50_Weights.IMAGENET1K_V2", "resnet50"),
        ("Wide_ResNet101_2_Weights.DEFAULT", "wide_resnet101_2"),
        ("akamaster_resnet56", "resnet56_cifar10"),
    ],
)
def test_networks_checkpoints_timm_tags_and_torchvision_enums_are_found(name, network):
    assert find(name).name == network


def test_an_alias_and_a_name_give_the_same_checkpoint():
    assert find_weights("resnet50.tv2_in1k") is find_weights("ResNet50_Weights.DEFAULT")
    assert find_weights("ResNet50_Weights.DEFAULT").name == "ResNet50_Weights.IMAGENET1K_V2"


def test_the_name_of_a_network_alone_is_no_checkpoint():
    assert find_weights("resnext152_32x4d") is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("resnet5O", "resnet50"),
        ("ResNet50", "resnet50"),
        ("RESNET18", "resnet18"),
        ("resnext50", "resnext50_32x4d"),
        ("gluon_seresnext50", "gluon_seresnext50_32x4d"),
        ("resnet50.ram_in1", "resnet50.ram_in1k"),
        ("ResNet50_Weights.IMAGENET1K_V3", "ResNet50_Weights.IMAGENET1K_V2"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest_ones(typed, meant):
    with pytest.raises(ResbenchError, match="did you mean") as caught:
        find(typed)
    assert meant in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_like_nothing_points_to_the_list():
    with pytest.raises(ResbenchError, match="resbench list"):
        find("zzzzzzzz")


def test_the_checkpoints_of_a_network_come_in_the_order_of_the_table():
    assert [weights.name for weights in checkpoints("resnext101_64x4d")] == [
        "gluon_resnext101_64x4d",
        "ResNeXt101_64X4D_Weights.IMAGENET1K_V1",
    ]


def test_patterns_and_names_mix_without_repeating_a_network():
    names = [variant.name for variant in match(["seresnext*_32x4d", "gluon_seresnext50_32x4d"])]
    assert names == ["seresnext26d_32x4d", "seresnext26t_32x4d", "seresnext50_32x4d", "seresnext101_32x4d"]


def test_a_pattern_that_fits_nothing_is_an_error():
    with pytest.raises(ResbenchError, match="no network matches"):
        match(["vit*"])


def test_look_alikes_are_the_networks_with_equal_names_and_shapes_of_weights():
    def tensors(variant):
        return {key: tuple(t.shape) for key, t in build(variant, device="meta").state_dict().items()}

    sizes = {variant.name: counted(variant.name).params for variant in VARIANTS}
    shared = [variant for variant in VARIANTS if list(sizes.values()).count(sizes[variant.name]) > 1]
    shapes = {variant.name: tensors(variant) for variant in shared}
    equal = {name: {other for other in shapes if other != name and shapes[other] == shapes[name]} for name in shapes}
    assert {variant.name: {other.name for other in look_alikes(variant)} for variant in shared} == equal
    assert equal["resnet50"] == {"resnet50_v1", "resnetblur50"}
    assert not any(look_alikes(variant) for variant in VARIANTS if variant.name not in shapes)
