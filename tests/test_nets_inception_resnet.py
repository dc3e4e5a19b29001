"""Inception-ResNet-v1 against the paper's figures, and against an implementation that is not ours.

Version 2 has its golden logits.
"""

import pytest
import torch

import resbench
from tests import filled

# Szegedy et al. 2016 (arXiv 1602.07261): (how often, kernel height, kernel width, channels in, channels out) of every
# convolution with a batch norm, figure by figure.
STEM = [
    (1, 3, 3, 3, 32),
    (1, 3, 3, 32, 32),
    (1, 3, 3, 32, 64),
    (1, 1, 1, 64, 80),
    (1, 3, 3, 80, 192),
    (1, 3, 3, 192, 256),
]
A = [(3, 1, 1, 256, 32), (3, 3, 3, 32, 32)]  # figure 10
REDUCTION_A = [(1, 3, 3, 256, 384), (1, 1, 1, 256, 192), (1, 3, 3, 192, 192), (1, 3, 3, 192, 256)]  # figure 7, table 1
B = [(2, 1, 1, 896, 128), (1, 1, 7, 128, 128), (1, 7, 1, 128, 128)]  # figure 11
REDUCTION_B = [(3, 1, 1, 896, 256), (1, 3, 3, 256, 384), (3, 3, 3, 256, 256)]  # figure 12
C = [(2, 1, 1, 1792, 192), (1, 1, 3, 192, 192), (1, 3, 1, 192, 192)]  # figure 13


def weights(convolutions: list[tuple[int, int, int, int, int]]) -> int:
    """Weights of the convolutions, and two per channel for their batch norms."""
    return sum(
        times * (high * wide * inputs * outputs + 2 * outputs) for times, high, wide, inputs, outputs in convolutions
    )


def test_version_1_has_the_parameters_of_the_papers_figures():
    module = resbench.build("inception_resnet_v1", device="meta")
    by_hand = (
        weights(STEM)
        + 5 * (weights(A) + 96 * 256 + 256)
        + weights(REDUCTION_A)
        + 10 * (weights(B) + 256 * 896 + 896)
        + weights(REDUCTION_B)
        + 5 * (weights(C) + 384 * 1792 + 1792)
        + 1792 * 1000
        + 1000
    )
    assert sum(weight.numel() for weight in module.parameters()) == by_hand


def test_version_1_has_the_grids_of_the_papers_overview():
    # Figures 14 and 15: 35x35x256 after the stem, then 17x17x896 and 8x8x1792.
    module = resbench.build("inception_resnet_v1", device="meta")
    grids = {}
    for name in ("conv2d_4b", "mixed_6a", "mixed_7a"):
        module.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: grids.update({name: tuple(out.shape[1:])})
        )
    module(torch.empty(1, 3, 299, 299, device="meta"))
    assert grids == {"conv2d_4b": (256, 35, 35), "mixed_6a": (896, 17, 17), "mixed_7a": (1792, 8, 8)}


def test_a_residual_block_adds_a_fraction_of_its_branches():
    block = filled.fill(resbench.build("inception_resnet_v1")).repeat[0]
    x = filled.image(8, 8 * 256 // 3 + 1).flatten()[: 256 * 64].reshape(1, 256, 8, 8)
    with torch.inference_mode():
        branches = torch.cat([block.branch0(x), block.branch1(x), block.branch2(x)], 1)
        expected = (x + 0.17 * block.conv2d(branches)).relu()
        torch.testing.assert_close(block(x), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.reference
def test_version_1_has_the_features_of_facenet():
    """facenet-pytorch's network goes on where the paper's ends: a sixth C block without ReLU, an embedding.

    Its sixth block adds nothing once its last convolution is zero; then what comes out of it is what our pool sees.
    """
    facenet = pytest.importorskip("facenet_pytorch.models.inception_resnet_v1", exc_type=ImportError)
    ours, theirs = filled.fill(resbench.build("inception_resnet_v1")), facenet.InceptionResnetV1().double().eval()
    names = {"repeat.": "repeat_1.", "repeat_1.": "repeat_2.", "repeat_2.": "repeat_3."}
    renamed = {}
    for key, tensor in ours.state_dict().items():
        stage = next((stage for stage in names if key.startswith(stage)), "")
        renamed[names.get(stage, "") + key.removeprefix(stage)] = tensor
    left_out = theirs.load_state_dict(renamed, strict=False)
    assert {key.split(".")[0] for key in left_out.missing_keys} == {"block8", "last_linear", "last_bn"}
    assert left_out.unexpected_keys == ["classif.weight", "classif.bias"]
    torch.nn.init.zeros_(theirs.block8.conv2d.weight)
    torch.nn.init.zeros_(theirs.block8.conv2d.bias)
    features = {}
    theirs.avgpool_1a.register_forward_hook(lambda _, __, out: features.update(theirs=out))
    ours.avgpool.register_forward_hook(lambda _, __, out: features.update(ours=out))
    with torch.inference_mode():
        theirs(filled.image(139, 171))
        ours(filled.image(139, 171))
    assert features["theirs"].std() > 0
    torch.testing.assert_close(features["ours"], features["theirs"], rtol=1e-11, atol=1e-11)
