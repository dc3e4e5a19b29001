"""Errors on corrupted images, against the figures that were published of AlexNet and ResNet-50."""

from dataclasses import replace

import numpy as np
import pytest

from resbench.judging.accuracy import accuracies, newcombe
from resbench.judging.corruption import ALEXNET_CLEAN, ALEXNET_ERRORS, corruption_errors
from resbench.judging.finding import Verdict
from resbench.judging.limits import Limits
from resbench.records.corruptions import COMMON_KINDS, SEVERITIES, CorruptedFigure, Corruptions
from tests.examples import EVALUATION


def figures(errors, kinds=COMMON_KINDS, images=1_000_000):
    """Counts for which each kind has the same error at all severities."""
    right = {kind: round((1 - error) * images) for kind, error in zip(kinds, errors, strict=True)}
    return Corruptions(
        asked="common",
        source="",
        side_px=224,
        figures=tuple(
            CorruptedFigure(kind=kind, severity=s, images=images, top1_right=right[kind], top5_right=right[kind])
            for kind in kinds
            for s in SEVERITIES
        ),
    )


def test_alexnet_has_an_mce_of_100_per_cent():
    found = corruption_errors(figures(ALEXNET_ERRORS.values()), ALEXNET_CLEAN)
    assert (found.mce, found.relative_mce) == pytest.approx((1, 1), abs=1e-5)
    assert found.mean_common == pytest.approx(np.mean(list(ALEXNET_ERRORS.values())), abs=1e-6)


def test_resnet50s_published_corruption_errors_give_its_published_mce():
    """Hendrycks & Dietterich 2019, table 1, in per cent of AlexNet's errors: 76.7 for ResNet-50."""
    published = (80, 82, 83, 75, 89, 78, 80, 78, 75, 66, 57, 71, 85, 77, 77)
    errors = [share / 100 * error for share, error in zip(published, ALEXNET_ERRORS.values(), strict=True)]
    found = corruption_errors(figures(errors), 0.239)
    assert found.mce == pytest.approx(0.767, abs=0.005)  # each figure of the table is rounded to a per cent
    assert [round(100 * kind.over_alexnet) for kind in found.kinds] == list(published)


def test_an_mce_needs_all_common_kinds_at_all_severities():
    few = figures([0.5] * 14, COMMON_KINDS[:14])
    assert corruption_errors(few, 0.2).mce is None
    assert corruption_errors(few, 0.2).mean == pytest.approx(0.5)
    whole = figures([0.5] * 15)
    less = replace(whole, figures=whole.figures[1:])
    assert (corruption_errors(less, 0.2).mce, corruption_errors(whole, 0.2).mce is None) == (None, False)
    extra = corruption_errors(figures([0.5] * 16, [*COMMON_KINDS, "spatter"]), 0.2)
    assert extra.mce == pytest.approx(corruption_errors(whole, 0.2).mce)
    assert extra.kinds[-1].over_alexnet is None


def findings(old, new):
    sides = (replace(EVALUATION, corruptions=corruptions) for corruptions in (old, new))
    return {f.metric: f for f in accuracies(*sides, "r", Limits())}


def test_counts_of_corrupted_images_are_compared_by_their_mean():
    same = findings(figures([0.5] * 15, images=200), figures([0.5] * 15, images=200))
    assert same["corrupted top1 right"].verdict == Verdict.OK
    worse = findings(figures([0.3] * 15, images=200), figures([0.5] * 15, images=200))["corrupted top1 right"]
    assert (worse.verdict, worse.before, worse.after) == (Verdict.REGRESSED, 140, 100)
    low, high = newcombe(140, 200, 100, 200)
    assert (worse.points_low, worse.points_high) == (low, high)
    assert "corrupted top1 right" not in findings(None, None)


def test_corrupted_images_of_another_source_are_not_compared():
    own = figures([0.5] * 15, images=200)
    for other in (None, replace(own, source="another"), replace(own, figures=own.figures[1:])):
        assert findings(own, other)["corrupted top1 right"].verdict == Verdict.NOT_COMPARABLE
