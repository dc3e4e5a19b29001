"""Our arithmetic against that of timm 1.0.31 and MMPretrain 1.2.0, in float64, with equal weights (tests/filled.py)."""

import json
from pathlib import Path

import pytest
import torch

import resbench
from resbench.zoo.variants import VARIANTS
from tests import filled

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_logits.json").read_text())
NAMES = [variant.name for variant in VARIANTS if variant.name in GOLDEN]
# Those with a smaller network of the same block, stem and shortcut among the others.
LARGE = (
    "resnet34", "seresnet34", "resnetv2_34d",
    "resnet101", "resnet152", "resnext101_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2",
    "wide_resnet101_2", "seresnet101", "seresnet152", "seresnet152d", "seresnext101_32x4d", "seresnext101_64x4d",
    "resnet101_v1", "resnet152_v1", "resnet101d", "resnet152d", "resnet200", "ecaresnet50t", "ecaresnet269d",
    "seresnext101_32x8d", "seresnext101d_32x8d", "resnetv2_34", "resnetv2_101", "resnetv2_152", "resnetv2_200",
)  # fmt: skip
CASES = [pytest.param(name, marks=[pytest.mark.nightly] if name in LARGE else []) for name in NAMES]


@pytest.mark.parametrize("name", CASES)
def test_logits_equal_those_of_the_reference_in_float64(name):
    constants = "blur" in name  # which no state dict holds; to draw weights that are replaced takes time
    module = filled.fill(resbench.build(name, device="cpu" if constants else "meta"))
    for golden in GOLDEN[name]["logits"]:
        with torch.inference_mode():
            logits = module(filled.image(golden["height"], golden["width"]))[0]
        expected = torch.tensor(golden["first8"], dtype=torch.float64)
        assert ((logits[:8] - expected).abs() / expected.abs()).max() < 1e-9
        assert logits.sum().item() == pytest.approx(golden["sum"], rel=1e-9)
        assert logits.square().sum().item() == pytest.approx(golden["sumsq"], rel=1e-9)
        assert logits.argmax().item() == golden["argmax"]
