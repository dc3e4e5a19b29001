"""Our arithmetic against that of timm 1.0.31 and MMPretrain 1.2.0, in float64, with equal weights (tests/filled.py).

The plain run takes short networks, which have every kind of layer: timm's own with as few blocks.
"""

import json
from pathlib import Path

import pytest
import torch

import resbench
from resbench.zoo.find import find
from tests import filled

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_logits.json").read_text())
SHORT = [name for name, golden in GOLDEN.items() if "short" in golden]
# MMPretrain's has no short one, so the whole one is in the plain run.
WHOLE = [pytest.param(name, marks=[] if name == "resnet50_v1" else [pytest.mark.nightly]) for name in GOLDEN]


def assert_equal_logits(variant, expected):
    constants = "blur" in variant.name  # which no state dict holds; to draw weights that are replaced takes time
    module = filled.fill(resbench.build(variant, device="cpu" if constants else "meta"))
    for golden in expected:
        with torch.inference_mode():
            logits = module(filled.image(golden["height"], golden["width"]))[0]
        first8 = torch.tensor(golden["first8"], dtype=torch.float64)
        assert ((logits[:8] - first8).abs() / first8.abs()).max() < 1e-9
        assert logits.sum().item() == pytest.approx(golden["sum"], rel=1e-9)
        assert logits.square().sum().item() == pytest.approx(golden["sumsq"], rel=1e-9)
        assert logits.argmax().item() == golden["argmax"]


@pytest.mark.parametrize("name", SHORT)
def test_logits_of_short_networks_equal_those_of_the_reference_in_float64(name):
    assert_equal_logits(filled.short(find(name)), GOLDEN[name]["short"]["logits"])


@pytest.mark.parametrize("name", WHOLE)
def test_logits_equal_those_of_the_reference_in_float64(name):
    assert_equal_logits(find(name), GOLDEN[name]["logits"])
