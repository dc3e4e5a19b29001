"""Judgements at their boundaries, worked out by hand: the last value that passes and the first that does not."""

import math
from dataclasses import replace

import pytest

from resbench.judging.accuracy import bare_counts, paired_counts
from resbench.judging.exact import differences, kernels, memories
from resbench.judging.family import Change, judge_change
from resbench.judging.finding import Finding, Verdict, worst_first
from resbench.judging.history import has_samples, measures, steps
from resbench.judging.limits import Limits
from resbench.records.record import Kernels, Memory
from tests.examples import EVALUATION, PROFILE, series

BLANK = Finding(record="r", metric="m", before=None, after=None, verdict=Verdict.INVALID, why="")
MANY = 1e9  # degrees of freedom with which Student's distribution is the normal one


def bare(before, after, images, **limits):
    return bare_counts(replace(BLANK, before=before, after=after), images, Limits(**limits)).verdict


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (800, 797, Verdict.INCONCLUSIVE),  # 0.3 points of 1,000 images: the limit itself is permitted, but not certain
        (800, 796, Verdict.REGRESSED),  # 0.4 points
        (800, 801, Verdict.OK),  # better, by less than chance
        (800, 800, Verdict.OK),
        (800, 900, Verdict.IMPROVED),
        (0, 0, Verdict.OK),
        (0, 1, Verdict.OK),
        (1000, 999, Verdict.INCONCLUSIVE),
    ],
)
def test_bare_counts_at_the_permitted_drop(before, after, verdict):
    assert bare(before, after, 1000) == verdict


def test_a_certain_drop_counts_below_any_finite_limit_and_never_without_one():
    assert bare(900, 700, 1000, accuracy_drop=0.5) == Verdict.REGRESSED
    assert bare(900, 700, 1000, accuracy_drop=math.inf) == Verdict.OK


@pytest.mark.parametrize(
    ("lost", "gained", "images", "verdict"),
    [
        (30, 5, 50_000, Verdict.REGRESSED),  # 25 of 50,000 images are 0.05 points, p = 1e-5
        (29, 5, 50_000, Verdict.OK),  # 24 of them: as significant, but smaller
        (5, 30, 50_000, Verdict.IMPROVED),
        (5, 29, 50_000, Verdict.OK),
        (5, 2, 1000, Verdict.INCONCLUSIVE),  # 0.3 points are permitted; p = 0.23
        (6, 2, 1000, Verdict.REGRESSED),  # 0.4 points are not
        (10, 10, 1000, Verdict.OK),
        (1, 0, 50_000, Verdict.OK),
    ],
)
def test_pairs_at_the_smallest_and_the_permitted_drop(lost, gained, images, verdict):
    assert paired_counts(BLANK, lost, gained, images, Limits()).verdict == verdict


def test_the_interval_of_a_paired_change_is_that_of_the_share_of_gains():
    # Clopper-Pearson of 2 of 8, from tables: 0.0319 to 0.6509; (2 * share - 1) * 8 / 1000
    found = paired_counts(BLANK, 6, 2, 1000, Limits())
    assert (found.points_low, found.points_high) == pytest.approx((-0.0074896, 0.0024144), abs=2e-6)


@pytest.mark.parametrize(
    ("log", "verdict"),
    [
        (math.log(1.01) + 0.019, Verdict.OK),  # 0.02895: the interval ends at 0.04855, below log 1.05 = 0.04879
        (math.log(1.05) - 0.019, Verdict.REGRESSED),  # 0.02979: beyond that, and 1.98 errors beyond the floor
        (math.log(1.05) - 0.0195, Verdict.INCONCLUSIVE),  # 0.02929: beyond that, but 1.93 errors beyond the floor
        (-math.log(1.01) - 0.0197, Verdict.IMPROVED),  # 1.97 errors beyond a speed-up of 1 %
        (-math.log(1.01) - 0.0195, Verdict.OK),  # 1.95 errors
    ],
)
def test_a_change_is_judged_by_its_distance_from_floor_and_limit(log, verdict):
    assert judge_change(Change(log=log, error=0.01, freedom=MANY), floor=0.01, limit=0.05) == verdict


def test_a_step_counts_when_it_is_significant_and_large():
    pytest.importorskip("ruptures")
    fine = [1 + 0.0001 * (index % 3) for index in range(20)]
    assert steps([*fine, *(1.02 * value for value in fine)]) == [20]
    assert steps([*fine, *(1.005 * value for value in fine)]) == []  # certain, but half a per cent
    # 18 % between three runs and three, four per cent apart: t = 5.3 with 4 degrees of freedom, p = 0.006
    assert steps([1.0, 1.04, 0.96, 1.2, 1.24, 1.16]) == []


def test_six_runs_that_repeat_exactly_are_enough_and_five_are_not():
    pytest.importorskip("ruptures")
    assert steps([1.0] * 3 + [2.0] * 3) == [3]
    assert steps([1.0] * 3 + [2.0] * 2) == []
    assert steps([1.0] * 4 + [2.0] * 4 + [1.0] * 4) == [4, 8]


def test_kernels_are_figures_of_their_own_where_they_are_not_the_launches():
    equal = replace(PROFILE, kernels=(Kernels(batch_size=1, launches=60, kernels=60),))
    graph = replace(PROFILE, kernels=(Kernels(batch_size=1, launches=1, kernels=60),))
    added = [set(measures(record)) - set(measures(PROFILE)) for record in (equal, graph)]
    assert added == [{"kernel launches b1"}, {"kernel launches b1", "kernels b1"}]
    for before, after in ((equal, graph), (graph, equal), (graph, graph)):
        metrics = [found.metric for found in kernels(before, after, "r", Limits())]
        assert metrics == ["kernel launches b1", "kernels b1"]
    assert [found.metric for found in kernels(equal, equal, "r", Limits())] == ["kernel launches b1"]


def test_an_accuracy_of_no_images_is_nothing():
    nothing = replace(EVALUATION, images=0, top1_right=0, top5_right=0)
    assert [measures(nothing)[metric].value for metric in ("top1", "top5")] == [0, 0]
    one = replace(EVALUATION, images=1, top1_right=1, top5_right=1)
    assert measures(one)["top1"].value == 1


def test_samples_are_those_of_every_launch_and_cluster_and_positive():
    whole = series()
    (launch,) = whole.launches
    zero = replace(launch.clusters[0], wall_ns=(0, 5, 5))
    assert has_samples(whole)
    assert has_samples(replace(whole, launches=(replace(launch, clusters=(replace(zero, wall_ns=(1, 1, 1)),)),)))
    for clusters in ((), (zero,), (*launch.clusters, replace(zero, wall_ns=(), cpu_ns=()))):
        assert not has_samples(replace(whole, launches=(replace(launch, clusters=clusters),)))
    assert not has_samples(replace(whole, launches=(launch, replace(launch, clusters=()))))
    assert not has_samples(replace(whole, launches=()))


@pytest.mark.parametrize(
    ("before", "after", "ratio"), [(4, 2, 0.5), (4, 0, 0.0), (0, 5, None), (None, 5, None), (4, None, None)]
)
def test_a_ratio_is_after_over_before(before, after, ratio):
    assert replace(BLANK, before=before, after=after).ratio == ratio


def test_of_equal_verdicts_the_larger_change_comes_first():
    halved, grown, same, new = (
        replace(BLANK, before=before, after=after, metric=f"{before} {after}")
        for before, after in ((100, 50), (100, 140), (100, 100), (0, 1))
    )
    nothing = replace(BLANK, before=0, after=0, metric="0 0")
    found = worst_first([same, grown, nothing, halved, new])
    assert [finding.metric for finding in found] == ["0 1", "100 50", "100 140", "0 0", "100 100"]


@pytest.mark.parametrize(("after", "verdict"), [(101, Verdict.OK), (102, Verdict.REGRESSED), (50, Verdict.IMPROVED)])
def test_memory_may_grow_by_one_per_cent(after, verdict):
    sides = [replace(PROFILE, memory=(Memory(batch_size=1, resident_bytes=value),)) for value in (100, after)]
    (found,) = memories(*sides, "r", Limits())
    assert (found.metric, found.verdict) == ("resident memory b1", verdict)


def test_differences_name_each_key_that_differs():
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "c": 4}) == "b 2 -> 5, c 3 -> 4"
    assert differences({"a": 1}, {"a": 1, "b": 2}) == ""
