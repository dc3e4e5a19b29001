"""Ranks with intervals, and effective robustness, against scipy and figures that others published."""

import numpy as np
import pytest
from scipy import stats

from resbench.judging.shift import Rank, effective_robustness, moved, ranked

GOOD, SAME, POOR = (np.arange(100) < right for right in (90, 88, 20))


def test_ranks_know_which_networks_are_surely_apart():
    assert ranked([GOOD, SAME, POOR]) == [
        Rank(place=1, low=1, high=2),
        Rank(place=2, low=1, high=2),
        Rank(place=3, low=3, high=3),
    ]
    assert [rank.place for rank in ranked([SAME, POOR, SAME])] == [1, 3, 1]
    assert ranked([POOR]) == [Rank(place=1, low=1, high=1)]


def test_pairs_are_tested_exactly_and_corrected_by_holm():
    """With 9 lost and none gained p is 2/2^9 = 0.0039: enough for one pair, not for each of 15."""
    few = [np.arange(40) < right for right in (20, 29)]
    assert stats.binomtest(0, 9).pvalue == pytest.approx(2 / 2**9)
    assert ranked(few) == [Rank(place=2, low=2, high=2), Rank(place=1, low=1, high=1)]
    many = ranked([*few, *[few[0]] * 4])
    assert many[0] == Rank(place=2, low=1, high=6)
    assert ranked(few, error=0.003)[0] == Rank(place=2, low=1, high=2)


def test_places_are_lost_with_an_interval_of_both_ranks():
    assert moved([GOOD, POOR], [POOR, GOOD]) == [Rank(place=1, low=1, high=1), Rank(place=-1, low=-1, high=-1)]
    assert moved([GOOD, SAME], [SAME, GOOD]) == [Rank(place=1, low=-1, high=1), Rank(place=-1, low=-1, high=1)]


def test_each_of_two_ranks_has_half_of_the_error():
    """With 8 lost and 1 gained p is 20/2^9 = 0.039: below the 5 % of one rank, above the 2.5 % of each of two."""
    ahead, behind = np.ones(40, dtype=bool), np.arange(40) >= 8
    ahead[39] = False
    assert stats.binomtest(1, 9).pvalue == pytest.approx(20 / 2**9)
    assert ranked([ahead, behind]) == [Rank(place=1, low=1, high=1), Rank(place=2, low=2, high=2)]
    assert moved([ahead, behind], [ahead, behind]) == [Rank(place=0, low=-1, high=1)] * 2


def test_effective_robustness_is_what_a_fit_of_logits_leaves():
    base, seen = np.array([0.6, 0.7, 0.75, 0.8]), np.array([0.2, 0.33, 0.3, 0.41])
    logit = lambda share: np.log(share / (1 - share))  # noqa: E731
    line = stats.linregress(logit(base), logit(seen))
    expected = 1 / (1 + np.exp(-(line.intercept + line.slope * logit(base))))
    assert effective_robustness(base, seen) == pytest.approx(seen - expected)


def test_a_network_on_the_published_line_of_imagenet_sketch_has_none():
    """Slope and intercept of the testbed of Taori et al., as others published them for ImageNet-Sketch."""
    intercept, slope = -2.370072912552283, 1.0709154135668684
    base = np.array([0.65, 0.7, 0.7613, 0.8])
    on_line = 1 / (1 + np.exp(-(intercept + slope * np.log(base / (1 - base)))))
    assert effective_robustness(base, on_line) == pytest.approx(np.zeros(4), abs=1e-12)


@pytest.mark.parametrize(
    ("base", "seen"),
    [
        ((0.5, 0.6), (0.3, 0.4)),
        ((0.5, 0.6, 1.0), (0.1, 0.2, 0.3)),
        ((0.5, 0.6, 0.7), (0.0, 0.2, 0.3)),
        ((0.5,) * 3, (0.1, 0.2, 0.3)),
    ],
)
def test_what_fits_no_line_has_no_effective_robustness(base, seen):
    assert effective_robustness(base, seen) is None
