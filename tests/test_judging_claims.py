"""What an evaluation says to the published figure of its checkpoint."""

from dataclasses import replace

import pytest

from resbench.judging.claims import reproduction
from tests.examples import EVALUATION

GLUON = replace(  # published: 79.92 % and 94.82 %, bicubic, 256 to 224
    EVALUATION,
    network="seresnext50_32x4d",
    weights="gluon_seresnext50_32x4d",
    dataset=replace(EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000),
    pixels=replace(EVALUATION.pixels, interpolation="bicubic"),
    images=50_000,
    top1_right=39_960,
    top5_right=47_410,
)


@pytest.mark.parametrize(
    ("right", "reproduces", "why"),
    [
        (39_960, True, "reproduced (+0.00 points)"),
        (39_960 + 27, True, "reproduced (+0.05 points)"),  # 0.05 points and half the last printed digit
        (39_960 + 28, False, "differs by +0.06 points"),
        (39_960 - 27, True, "reproduced (-0.05 points)"),
        (34_960, False, "differs by -10.00 points"),
    ],
)
def test_a_figure_is_reproduced_within_tolerance_and_rounding(right, reproduces, why):
    found = reproduction(replace(GLUON, top1_right=right), "top1")
    assert (found.published, found.reproduces, found.missed, found.why) == (0.7992, reproduces, not reproduces, why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dataset": replace(GLUON.dataset, name="part of ImageNet-1k")}, "of other images"),
        ({"dataset": replace(GLUON.dataset, name="ImageNet-V2")}, "of other images"),
        ({"pixels": replace(GLUON.pixels, crop_px=288)}, "at another size"),
        ({"skipped": ("a.JPEG",)}, "of all images"),
        ({"weights": "ens_adv_inception_resnet_v2"}, "in error"),
    ],
)
def test_what_was_not_published_of_these_images_is_not_compared(change, why):
    found = reproduction(replace(GLUON, **change), "top1")
    assert (found.difference, found.reproduces, found.missed, found.why) == (None, False, False, why)


def test_checkpoints_pretrained_on_other_images_too_are_compared():
    record = replace(GLUON, network="resnet18", weights="ssl_resnet18")
    assert reproduction(record, "top1").difference is not None


def test_without_a_claim_there_is_nothing_to_say():
    assert reproduction(EVALUATION, "top1") is None
