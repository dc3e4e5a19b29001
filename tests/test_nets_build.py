"""Every row of the table becomes the network that it names."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import nn

import resbench
from resbench.errors import ResbenchError
from resbench.zoo.spec import (
    Block,
    LegacySENetSpec,
    ResNetSpec,
    ResNetV2Spec,
    Shortcut,
    Squeeze,
    Stem,
    StrideOn,
    Variant,
)
from resbench.zoo.variants import VARIANTS
from tests import filled
from tests.observed import cases, network
from tests.test_witnesses import WITNESSES

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_logits.json").read_text())


@pytest.mark.parametrize("variant", cases())
def test_every_network_has_the_parameters_of_an_independent_count_and_its_classes(variant):
    assert variant.name in WITNESSES, f"add {variant.name}, its params and who counted them to data/witnesses.yaml"
    tensors = network(variant).state_dict()
    shapes = {key: list(value.shape) for key, value in tensors.items() if not key.endswith("num_batches_tracked")}
    assert sum(weight.numel() for weight in network(variant).parameters()) == WITNESSES[variant.name]["params"]
    assert list(shapes.values())[-1] == [variant.classes]
    assert shapes == GOLDEN.get(variant.name, {"keys": shapes})["keys"], "other keys or shapes than were published"


def test_no_witness_is_left_without_its_network():
    assert set(WITNESSES) == {variant.name for variant in VARIANTS}


def row(**spec: object) -> Variant:
    values = {"block": "basic", "depths": (2, 1), **spec}
    return Variant(name="tiny", family="tiny", spec=ResNetSpec(**values), paper=VARIANTS[0].paper, classes=7)


def legacy(block: str) -> Variant:
    spec = LegacySENetSpec(block=block, depths=(1, 1, 1, 1))
    return Variant(name="tiny", family="tiny", spec=spec, paper=VARIANTS[0].paper, classes=7)


def pre_activation(**spec: object) -> Variant:
    return replace(legacy("basic"), spec=ResNetV2Spec(depths=(2, 1, 1, 1), **spec))


TINY = {
    "pre-activation basic": pre_activation(block="basic", stem="deep", shortcut="avg_pool"),
    "pre-activation bottleneck": pre_activation(block="bottleneck"),
    "basic": row(squeeze="se"),
    "bottleneck": row(block="bottleneck", groups=2, width_per_group=8, shortcut="avg_pool", squeeze="eca"),
    "bottleneck v1": row(block="bottleneck", stride_on="1x1"),
    "plain": row(block="plain"),
    "pad": row(planes=16, stem="conv3", shortcut="pad"),
    "blur": row(block="bottleneck", anti_alias=True, stem="deep_tiered"),
    "senet": row(block="senet", groups=2, width_per_group=32, squeeze="se", stem="deep_wide"),
    "sk_basic": row(block="sk_basic"),
    "sk_bottleneck": row(block="sk_bottleneck"),
    "res2net": row(block="res2net", width_per_group=8, splits=3),
    "resnest": row(block="resnest", splits=2, groups=2, width_per_group=16),
    "resnest_fast": row(block="resnest_fast", splits=1, width_per_group=16),
    "legacy basic": legacy("basic"),
    "legacy bottleneck": legacy("bottleneck"),
    "inception": replace(
        resbench.find("inception_resnet_v2"),
        spec=replace(resbench.find("inception_resnet_v2").spec, repeats=(1, 1, 1)),
    ),
}


def test_every_block_of_the_table_is_tried_below():
    kinds = {variant.spec.block for variant in TINY.values() if isinstance(variant.spec, ResNetSpec)}
    assert kinds == set(get_args(Block))


def test_every_word_of_a_spec_but_a_block_serves_two_networks():
    specs = [variant.spec for variant in VARIANTS if isinstance(variant.spec, ResNetSpec)]
    for words, name in ((Stem, "stem"), (Shortcut, "shortcut"), (Squeeze, "squeeze"), (StrideOn, "stride_on")):
        used = Counter(getattr(spec, name) for spec in specs)
        assert all(used[word] >= 2 for word in get_args(words)), f"{name}: a lone oddity is a block class of its own"


@pytest.mark.parametrize("kind", TINY)
def test_gradients_reach_every_weight_in_spite_of_the_work_in_place(kind):
    torch.manual_seed(0)
    module = resbench.build(TINY[kind]).train()
    module(torch.randn(2, 3, 80, 76)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())


@pytest.mark.parametrize("kind", TINY)
def test_fresh_weights_are_drawn_from_the_seed_and_from_nothing_else(kind):
    def fresh() -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        module = resbench.build(TINY[kind])
        return dict(module.named_parameters()) | dict(module.named_buffers())

    first, second = fresh(), fresh()
    assert all(torch.equal(first[key], second[key]) and first[key].isfinite().all() for key in first)
    assert all(first[key].std() > 0 for key in first if key.endswith("conv1.weight"))


@pytest.mark.parametrize("kind", TINY)
def test_images_stay_as_they_are_and_do_not_see_each_other(kind):
    module = filled.fill(resbench.build(TINY[kind]))
    image = filled.image(80, 76)
    images = torch.cat([image.flip(3), image])
    before = images.clone()
    with torch.inference_mode():
        torch.testing.assert_close(module(images)[1:], module(image), rtol=1e-10, atol=1e-10)
    assert torch.equal(images, before)


@pytest.mark.parametrize("depth", [18, pytest.param(34, marks=pytest.mark.nightly)])
def test_a_plain_network_is_the_residual_network_with_its_shortcuts_cut(depth):
    plain, residual = filled.fill(resbench.build(f"plain{depth}")), resbench.build(f"resnet{depth}").double()
    weights = residual.state_dict() | plain.state_dict()
    assert sorted(set(weights) - set(plain.state_dict())) == sorted(key for key in weights if ".downsample." in key)
    residual.load_state_dict(weights)
    with torch.inference_mode():
        whole = residual(filled.image(64, 64))
        for name, module in residual.named_modules():
            if name.startswith("layer") and name.count(".") == 1:
                module.downsample = Zero()
        logits = plain(filled.image(64, 64))
        torch.testing.assert_close(residual(filled.image(64, 64)), logits, rtol=1e-12, atol=0)
    assert not torch.allclose(whole, logits, rtol=0.1)


class Zero(nn.Module):
    """Nothing, of every shape."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x[:1, :1, :1, :1])


def test_option_a_takes_every_other_pixel_and_has_no_parameters():
    module = resbench.build("resnet20_cifar10")
    x = torch.arange(16.0 * 32 * 32).reshape(1, 16, 32, 32)
    out = module.layer2[0].downsample(x)
    assert out.shape == (1, 32, 16, 16)
    assert torch.equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()
    assert not [key for key in module.state_dict() if "downsample" in key]


def test_a_blur_keeps_what_is_even_and_removes_what_alternates():
    blur = resbench.build("resnetblur18").maxpool[1]
    even, stripes = torch.ones(1, 64, 7, 9), torch.ones(1, 64, 7, 9)
    stripes[..., ::2] = -1
    assert torch.equal(blur(even), torch.ones(1, 64, 4, 5))
    assert torch.equal(blur(stripes), torch.zeros(1, 64, 4, 5))


def test_legacy_stem_pools_round_up_without_padding():
    # 224x285: 112x143 after the stem; 71 columns where padding gives 72, which tells the two SENet-154 cards apart.
    images = torch.empty(1, 64, 112, 143, device="meta")
    assert resbench.build("legacy_seresnet18", device="meta").pool0(images).shape[2:] == (56, 71)
    assert resbench.build("resnet18", device="meta").maxpool(images).shape[2:] == (56, 72)


def test_an_unknown_network_is_one_line_with_the_nearest_names():
    with pytest.raises(ResbenchError, match=r"did you mean .*resnet50"):
        resbench.build("resnet5o")
