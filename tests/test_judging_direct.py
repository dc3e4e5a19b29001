"""Judgements at their boundaries, worked out by hand: the last value that passes and the first that does not."""

import math
import sys
from dataclasses import replace

import pytest

from resbench.judging.compare import compare
from resbench.judging.exact import differences, images_difference, kernels, memories, weights
from resbench.judging.family import Change, holm, judge_change, welch
from resbench.judging.finding import Finding, Verdict, worst_first
from resbench.judging.history import has_samples, measures, steps, traces
from resbench.judging.limits import Limits
from resbench.judging.paired import judge, paired_change, unit_logs
from resbench.records.origin import Origin
from resbench.records.record import Cluster, Kernels, Memory, Pipeline
from tests.examples import EVALUATION, PROFILE, series

PIPELINE = Pipeline(data="val", fingerprint="ab" * 32, images=6, pixels=EVALUATION.pixels, workers=2)
BLANK = Finding(record="r", metric="m", before=None, after=None, verdict=Verdict.INVALID, why="")
MANY = 1e9  # degrees of freedom with which Student's distribution is the normal one


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
    assert differences({"a": 1}, {"a": 1, "b": 2}) == "b none -> 2"


def counted(params, threads=1):
    counts = replace(PROFILE.counts, params=params)
    return replace(PROFILE, counts=counts, settings=replace(PROFILE.settings, threads=threads))


def test_a_count_that_changes_is_a_change_point_with_its_ratio_and_reason():
    runs = [counted(100), counted(200, 2), counted(200, 3), counted(50, 4), counted(0, 4), counted(7, 4)]
    trace = next(trace for trace in traces({"r": runs}) if trace.metric == "params")
    assert [(change.index, change.ratio, change.why) for change in trace.changes] == [
        (1, 2.0, "threads 1 -> 2"), (3, 0.25, "threads 3 -> 4"), (4, 0.0, ""), (5, None, "")
    ]  # fmt: skip
    alone = next(trace for trace in traces({"r": runs[:1]}) if trace.metric == "params")
    assert alone.changes == ()


def test_a_step_is_found_behind_an_odd_number_of_runs():
    pytest.importorskip("ruptures")
    fine = [1 + 0.0001 * (index % 3) for index in range(16)]
    assert steps([*fine[:7], *(1.1 * value for value in fine[7:])]) == [7]


def test_steps_need_ruptures(monkeypatch):
    monkeypatch.setitem(sys.modules, "ruptures", None)
    assert steps([1.0] * 6) is None
    assert steps([1.0] * 5) == []


def test_two_independent_ratios_are_the_fewest():
    change = paired_change([0.1, 0.3])  # a standard deviation of 0.14142, over sqrt(2)
    assert (change.log, change.error, change.freedom) == (pytest.approx(0.2), pytest.approx(0.1), 1)
    found = judge([0.1, 0.1], floor=0.01, limit=0.05)
    assert (found.verdict, found.ratio.estimate, found.units) == (Verdict.REGRESSED, math.exp(0.1), 2)
    alone = judge([0.1], floor=0.01, limit=0.05)
    assert (alone.verdict, alone.ratio.estimate, alone.units) == (Verdict.INVALID, math.exp(0.1), 1)
    assert (alone.ratio.low, alone.ratio.high, alone.detectable) == (None, None, math.inf)
    for logs in ([], [0.1, math.inf], [0.1, math.nan]):
        found = judge(logs, floor=0.01, limit=0.05)
        assert found.verdict == Verdict.INVALID
        assert math.isnan(found.ratio.estimate)


def test_the_chance_of_a_change_counts_both_directions():
    for log in (0.01959964, -0.01959964):
        assert Change(log=log, error=0.01, freedom=MANY).p_value() == pytest.approx(0.05, rel=1e-4)
    assert Change(log=0.0, error=0.0, freedom=1).p_value() == 1
    assert Change(log=0.1, error=0.0, freedom=1).p_value() == 0


def test_what_a_change_could_have_revealed():
    change = Change(log=0.0, error=0.01, freedom=MANY)
    # log 1.01 + (1.95996 + 1.28155) * 0.01 = 0.042365, above log 1.05 - (1.95996 - 1.28155) * 0.01 = 0.042006
    assert change.detectable(0.01, 0.05) == pytest.approx(math.expm1(0.0423655), rel=1e-4)
    # of two, the stricter has 1.25 % on its side: 2.24140
    assert change.detectable(0.01, 0.05, 2) == pytest.approx(math.expm1(0.0451799), rel=1e-4)
    # log 1.1 - 0.0067841 = 0.088526
    assert change.detectable(0.01, 0.1) == pytest.approx(math.expm1(0.0885261), rel=1e-4)
    # log 1.05 + 0.0195996 * (1 + 1.282 / 1.960)
    assert change.detectable_by_interval(0.05) == pytest.approx(math.expm1(0.0812095), rel=1e-4)


@pytest.mark.parametrize(
    ("before", "after", "log", "error", "freedom"),
    [
        # variances 0.01 of three and 0.08 of two: 0.04333 in all, 0.04333^2 / (0.00333^2 / 2 + 0.04^2 / 1)
        ((0, 0.1, 0.2), (1, 1.4), 1.1, 0.2081666, 1.169550),
        ((0, 0.1, 0.2), (1,), 0.9, 0.0577350, 2),
        ((0,), (1,), 1, 0, 1),
    ],
)
def test_welchs_degrees_of_freedom(before, after, log, error, freedom):
    change = welch(*(tuple(map(math.exp, logs)) for logs in (before, after)))
    assert (change.log, change.error, change.freedom) == pytest.approx((log, error, freedom), rel=1e-5)


def test_holms_p_values_do_not_fall_with_rank():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]


@pytest.mark.parametrize(
    ("before", "after", "any_limit", "verdicts"),
    [
        ("a" * 64, "a" * 64, "equal", [Verdict.OK]),
        ("a" * 64, "b" * 64, "equal", [Verdict.REGRESSED]),
        ("a" * 64, "b" * 64, "any", [Verdict.OK]),
        (None, "b" * 64, "equal", []),
        ("a" * 64, None, "equal", []),
    ],
)
def test_checkpoints_are_compared_where_both_sides_have_one(before, after, any_limit, verdicts):
    sides = (replace(PROFILE, weights_sha256=value) for value in (before, after))
    found = list(weights(*sides, "r", Limits(weights=any_limit)))
    assert [finding.verdict for finding in found] == verdicts
    if Verdict.REGRESSED in verdicts:
        assert found[0].why == "another checkpoint under the same name: aaaaaaaa -> bbbbbbbb"


def test_a_limit_of_nothing_is_not_met_by_no_change():
    unchanged = Change(log=0.0, error=0.0, freedom=1)
    assert judge_change(unchanged, floor=0.01, limit=0.0) == Verdict.INCONCLUSIVE
    assert judge_change(unchanged, floor=0.01, limit=1e-9) == Verdict.OK


def test_samples_of_one_nanosecond_are_times_and_of_none_are_not():
    units = [[(Cluster(wall_ns=(1, 1), cpu_ns=()), Cluster(wall_ns=(2, 2), cpu_ns=()))]]
    assert unit_logs(units, "wall_ns").tolist() == pytest.approx([math.log(2)])
    empty = Cluster(wall_ns=(), cpu_ns=())
    zero = Cluster(wall_ns=(0, 1), cpu_ns=())
    for clusters in ((empty, empty), (zero, units[0][0][0])):
        with pytest.raises(ValueError, match="samples must be positive"):
            unit_logs([[clusters]], "wall_ns")


def test_checkpoints_that_are_equal_are_called_so():
    sides = (replace(PROFILE, weights_sha256="a" * 64) for _ in range(2))
    assert next(weights(*sides, "r", Limits())).why == "equal"


def test_networks_of_one_name_and_another_structure_are_not_compared():
    own, other = (
        replace(PROFILE, origin=Origin(place="a.py:b", source_sha256=None, structure_sha256=letter * 64))
        for letter in "ab"
    )
    cases = [
        (own, other, "another network of the same name (structure aaaaaaaa -> bbbbbbbb); "),
        (PROFILE, own, "another network of the same name (one is of the shipped table); "),
        (own, PROFILE, "another network of the same name (one is of the shipped table); "),
        (replace(PROFILE, classes=10), PROFILE, "heads of 10 and its own classes; "),
        (PROFILE, replace(PROFILE, classes=10), "heads of its own and 10 classes; "),
    ]
    for before, after, why in cases:
        (found,) = compare(before, after, "r")
        assert (found.metric, found.verdict) == ("record", Verdict.NOT_COMPARABLE)
        assert found.why.startswith(why)
    assert len(compare(own, own, "r")) > 1


def test_speeds_are_compared_when_both_or_none_were_fed_with_images():
    plain = series()
    fed = replace(plain, pipeline=PIPELINE)
    assert images_difference(plain, plain) == images_difference(fed, fed) == ""
    assert images_difference(plain, fed) == images_difference(fed, plain) == "one side does not say which"
    assert images_difference(fed, replace(plain, pipeline=replace(PIPELINE, images=7))) == "images 6 -> 7"
