"""Figures of timings, their faults and their doubts, worked out by hand from samples small enough for a pencil."""

import math
from dataclasses import replace

import pytest

from resbench.judging.compare import compare
from resbench.judging.finding import Verdict
from resbench.judging.robust import agree, drifts, hodges_lehmann
from resbench.judging.stages import accounted, clock_of_stages, operator_shares, stage_shares
from resbench.judging.stats import Interval, percentile, summarise, unit_values
from resbench.judging.timings import clocks_of, doubt_of, ratio_between
from resbench.records.record import Cluster, PartTime, StageTimes
from tests.examples import PROFILE, STAGE_TIMES, series

WHOLE = series()


def timed(*launches, **changes):
    """A series of launches, each a tuple of clusters, each a tuple of nanoseconds."""
    (launch,) = WHOLE.launches
    made = [
        replace(launch, clusters=tuple(Cluster(wall_ns=wall, cpu_ns=wall) for wall in clusters))
        for clusters in launches
    ]
    return replace(WHOLE, launches=tuple(made), **changes)


def test_stages_are_shares_of_their_sum_by_either_clock():
    shares = stage_shares(STAGE_TIMES, "wall_ns")  # medians 31, 61, 10
    assert [(part.name, part.share) for part in shares] == [
        ("stem", 31 / 102), ("layer1", 61 / 102), ("head", 10 / 102)
    ]  # fmt: skip
    assert [part.time_s for part in shares] == pytest.approx([31e-9, 61e-9, 10e-9])
    assert accounted(STAGE_TIMES, "wall_ns") == 102 / 110
    assert accounted(STAGE_TIMES, "cpu_ns") == 1
    kinds = operator_shares(STAGE_TIMES, "cpu_ns")
    assert [(part.name, part.share) for part in kinds] == [
        ("convolution", 70 / 86), ("batch norm", 10 / 86), ("activation", 6 / 86)
    ]  # fmt: skip


def test_stages_that_took_no_time_have_no_share():
    nothing = PartTime(name="stem", wall_ns=(0, 0), cpu_ns=(0, 0))
    times = StageTimes(batch_size=1, whole=nothing, stages=(nothing,), operators=())
    assert accounted(times, "wall_ns") == 0
    assert [part.share for part in stage_shares(times, "wall_ns")] == [0]
    some = replace(nothing, wall_ns=(4, 4))
    assert accounted(replace(times, stages=(some,)), "wall_ns") == 4
    with pytest.raises(ValueError, match="shorter"):  # as many passes for one operator as for another of its kind
        operator_shares(replace(times, operators=(some, replace(some, wall_ns=(4,)))), "wall_ns")


@pytest.mark.parametrize(
    ("noise", "cpu_ns", "clock"),
    [("quiet", (1,), "wall_ns"), ("busy", (1,), "cpu_ns"), ("overloaded", (1,), "cpu_ns"), ("busy", (), "wall_ns")],
)
def test_stages_are_told_by_process_time_on_a_busy_machine(noise, cpu_ns, clock):
    environment = PROFILE.environment
    stage_times = replace(STAGE_TIMES, whole=replace(STAGE_TIMES.whole, cpu_ns=cpu_ns))
    noisy = replace(environment, conditions=replace(environment.conditions, noise=noise))
    assert clock_of_stages(replace(PROFILE, stages=(stage_times,), environment=noisy)) == clock


@pytest.mark.parametrize(
    ("launches", "doubt"),
    [
        (((((1, 2)), (1, 2)),), ""),  # two clusters are the fewest, and one nanosecond is a time
        ((((1, 2),),), "fewer than two clusters with samples"),
        ((((1, 2), ()),), "fewer than two clusters with samples"),
        ((((1, 2), (1, 2), ()),), "a launch or a cluster without samples"),
        ((((1, 2), (1, 2)), ()), "a launch or a cluster without samples"),
        ((((1, 2), (0, 2)),), "the clock went backwards or stood still"),
        ((((1, 2), (-1, 2)),), "the clock went backwards or stood still"),
    ],
)
def test_samples_that_must_not_be_believed(launches, doubt):
    assert doubt_of(timed(*launches), PROFILE) == doubt


def test_circumstances_in_which_a_figure_may_not_repeat():
    environment, (launch,) = PROFILE.environment, WHOLE.launches
    conditions = replace(environment.conditions, noise="overloaded")
    crowded = replace(PROFILE, environment=replace(environment, conditions=conditions))
    hot = replace(launch, clusters=tuple(replace(cluster, flags=("throttled",)) for cluster in launch.clusters))
    restless = replace(WHOLE, launches=(launch, replace(launch, steady=False)))
    assert doubt_of(WHOLE, PROFILE) == ""
    assert doubt_of(WHOLE, crowded) == "the machine was overloaded"
    assert doubt_of(replace(WHOLE, launches=(hot,)), PROFILE) == "the device was throttled"
    assert doubt_of(restless, PROFILE) == "never became steady"
    assert doubt_of(replace(WHOLE, drifting=True), PROFILE) == "drifted while it was measured"


def test_both_clocks_tell_where_every_cluster_has_process_time_on_a_cpu():
    machine = replace(PROFILE.environment.machine, device_kind="cuda")
    gpu = replace(PROFILE, environment=replace(PROFILE.environment, machine=machine))
    (launch,) = WHOLE.launches
    assert clocks_of([timed(((1, 1), (1, 1)))], PROFILE) == ("cpu_ns", "wall_ns")
    assert clocks_of([WHOLE], gpu) == ("wall_ns",)
    for cpu_ns in ((), (0, 1)):
        coarse = replace(launch, clusters=(*launch.clusters, Cluster(wall_ns=(1, 1), cpu_ns=cpu_ns)))
        assert clocks_of([WHOLE, replace(WHOLE, launches=(coarse,))], PROFILE) == ("wall_ns",)


def test_the_ratio_of_two_series_has_an_interval_from_two_units_on():
    single, double = timed(((100, 100),)), timed(((200, 200), (200, 200)))
    assert ratio_between(single, double) == Interval(pytest.approx(2), None, None)
    assert ratio_between(double, double) == Interval(1, 1, 1)
    low_high = ratio_between(timed(((100,), (121,))), timed(((220,), (220,))))
    # logs log 100 and log 121: mean log 110; deviation 0.19062 / sqrt(2), over sqrt(2); t of one degree is 12.7062
    assert low_high.estimate == pytest.approx(2)
    assert (math.log(low_high.high) - math.log(2)) == pytest.approx(12.7062 * math.log(1.21) / 2, rel=1e-5)


def test_three_launches_are_units_of_their_own_and_two_are_not():
    launch = ((100, 100), (400, 400))
    assert unit_values(timed(launch, launch)) == pytest.approx([1e-7, 4e-7, 1e-7, 4e-7])
    assert unit_values(timed(launch, launch, launch)) == pytest.approx([2e-7] * 3)  # geometric means
    assert unit_values(timed(launch, calls=4)) == pytest.approx([0.25e-7, 1e-7])
    assert unit_values(timed(launch, launch, launch, calls=2)) == pytest.approx([1e-7] * 3)
    skewed = timed(((100, 100, 400),))
    assert (unit_values(skewed), unit_values(skewed, middle="mean")) == ([1e-7], [pytest.approx(2e-7)])


def test_a_summary_of_six_samples():
    found = summarise(timed(((100, 110), (120, 130)), ((140, 10_000),)))
    # quartiles of 100, 110, 120, 130, 140, 10,000: 112.5, 125, 137.5; three times 25 beyond them are 37.5 and 212.5
    assert (found.outliers, found.samples, found.clusters, found.launches) == (1, 6, 3, 2)
    assert (found.min_s, found.pooled_mean_s) == (pytest.approx(100e-9), pytest.approx(10_600e-9 / 6))
    assert found.mad_s == pytest.approx(15e-9)  # 5, 5, 15, 15, 25, 9,875
    assert list(found.percentiles.values()) == [None, None]
    # log 110 - log 100 and log 130 - log 120, each over sqrt(2), and that of 140 and 10,000: the one in the middle
    assert found.within_clusters == pytest.approx(math.log(110 / 100) / math.sqrt(2))
    alone = summarise(timed(((100,),)))
    assert (alone.sd_s, alone.between_clusters, alone.within_clusters) == (0, 0, 0)
    assert summarise(timed(((100, 102),))).sd_s == pytest.approx(math.sqrt(2) * 1e-9)
    two = summarise(timed(((100,), (121,))))
    assert two.between_clusters == pytest.approx(math.log(1.21) / math.sqrt(2))


def test_an_interval_is_scaled_inverted_and_halved():
    interval = Interval(2.0, 1.0, 4.0)
    assert interval.half_width == 0.75
    assert Interval(2.0, None, 4.0).half_width == Interval(2.0, 1.0, None).half_width == math.inf
    assert interval.scaled(3) == Interval(6, 3, 12)
    assert interval.inverted(8) == Interval(4, 2, 8)
    assert Interval(2.0, None, None).scaled(3) == Interval(6, None, None)
    assert Interval(2.0, None, None).inverted(8) == Interval(4, None, None)


def test_windows_that_do_not_scatter_agree_up_to_the_tolerance():
    assert agree([1, 1, 1], [1.5, 1.5, 1.5], math.log(1.5))
    assert not agree([1, 1, 1], [1.5, 1.5, 1.5], 0.4)
    # 9, 10, 11: a deviation of 1.4826, its median's error 1.2533 * 1.4826 / sqrt(3) / 10 = 0.10728; twice both: 0.30344
    # log 1.35 = 0.30010 and log 1.36 = 0.30748
    assert agree([9, 10, 11], [12.15, 13.5, 14.85], 0)
    assert not agree([9, 10, 11], [12.24, 13.6, 14.96], 0)


def test_a_drift_is_a_certain_trend_beyond_two_per_cent():
    climb = [1.004**step for step in range(6)]  # 2.0 %; all in order: p = 2 / 720
    assert drifts(climb)
    assert drifts([*reversed(climb)])
    assert not drifts(climb, limit=0.021)
    assert not drifts([1.1**step for step in range(4)])  # p = 2 / 24
    assert not drifts([1.1**step for step in range(4)], alpha=2 / 24)
    assert not drifts([1.0] * 9)
    assert not drifts([1.0, 2.0, 4.0], alpha=1.1)
    assert drifts([1.0, 2.0, 4.0, 8.0], alpha=0.1)


def test_the_median_of_pairwise_means():
    assert hodges_lehmann([1, 2, 9]) == 3.5  # 1, 1.5, 5, 2, 5.5, 9


@pytest.mark.parametrize(("share", "number"), [(0.9, 64), (0.9, 200), (0.99, 662)])
def test_a_percentile_lies_between_the_samples_that_binomials_name(share, number):
    chances = [math.comb(number, hits) * share**hits * (1 - share) ** (number - hits) for hits in range(number + 1)]
    below = [sum(chances[: hits + 1]) for hits in range(number + 1)]
    low = next(hits for hits, chance in enumerate(below) if chance >= 0.025) - 1
    high = next(hits for hits, chance in enumerate(below) if chance >= 0.975)
    assert percentile(range(number), share) == Interval(pytest.approx((number - 1) * share), low, high)
    assert percentile(range(63), 0.9) is None


def test_what_fewer_than_five_runs_cannot_tell_is_said():
    crowd = replace(PROFILE.environment, conditions=replace(PROFILE.environment.conditions, noise="overloaded"))
    after = replace(PROFILE, run=replace(PROFILE.run, started="2026-01-02T00:00:00+00:00"))
    for newer, why in (
        (after, "1 run; fewer than 5 tell only changes beyond 25%"),
        (replace(after, environment=crowd), "1 run; the machine was overloaded"),
    ):
        (found,) = (found for found in compare(PROFILE, newer, "r") if found.metric == "latency b1 (CPU time)")
        assert (found.why, found.limit, found.verdict) == (why, 0.25, Verdict.INCONCLUSIVE)
