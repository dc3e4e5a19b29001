"""Where an accuracy lies among what was published, and which twin explains a gap."""

from dataclasses import replace

import pytest

from resbench.judging.gaps import better, falls_short, restoring, usual_range
from resbench.records.record import Gap, TwinFigure
from resbench.zoo.weights import WEIGHTS
from tests.examples import EVALUATION


def evaluation(right, images=1000, network="resnet18", weights="mine.pth", name="val", **changes):
    return replace(
        EVALUATION,
        network=network,
        weights=weights,
        images=images,
        top1_right=right,
        top5_right=right,
        dataset=replace(EVALUATION.dataset, name=name, **changes),
        pixels=replace(EVALUATION.pixels, crop_px=224),
    )


def test_the_usual_range_is_that_of_the_networks_published_checkpoints():
    published = [
        one.claim("top1").value for one in WEIGHTS if one.network == "resnet18" and one.preprocess.crop_px == 224
    ]
    found = usual_range(evaluation(700))
    assert (found.low, found.high, found.checkpoints) == (min(published), max(published), len(published))
    assert found.checkpoints > 1


@pytest.mark.parametrize(
    "other",
    [
        {"weights": "gluon_resnet18_v1b"},  # has a figure of its own
        {"name": "ImageNet-V2"},
        {"name": "ImageNet-R", "among": 200},
        {"network": "resnet50_v1"},  # without published checkpoints
    ],
)
def test_where_the_usual_range_says_nothing_there_is_none(other):
    assert usual_range(evaluation(1, **other)) is None
    assert not falls_short(evaluation(1, **other))


def test_an_accuracy_is_short_when_its_interval_lies_below_the_range():
    low = usual_range(evaluation(1)).low  # 0.6974
    assert falls_short(evaluation(round(1000 * low) - 40))
    assert not falls_short(evaluation(round(1000 * low) - 20))
    assert not falls_short(evaluation(round(100 * low) - 4, images=100))  # too few images to tell


def test_a_twin_is_better_beyond_chance_for_as_many_as_were_tried():
    def twin(gained, lost):
        return TwinFigure(what="x", top1_right=50 + gained - lost, gained=gained, lost=lost, command=None)

    clear, slight, worse = twin(12, 0), twin(8, 1), twin(0, 12)
    gap = Gap(images=100, top1_right=50, twins=(clear, slight, worse))
    # Two-sided: 2 / 2**12 = 0.0005 and 20 / 2**9 = 0.039; the limit is 0.01 / 4.
    assert [better(one, gap) for one in gap.twins] == [True, False, False]
    assert restoring(gap) == clear
    assert restoring(replace(gap, twins=(slight, worse))) is None
