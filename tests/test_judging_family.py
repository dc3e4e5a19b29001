"""The rule for changed times, by simulation with known truth and beside scipy."""

import math
import random
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from scipy import stats

from resbench.judging import family
from resbench.judging.family import Change, Timed, judge_together
from resbench.judging.finding import Finding, Verdict


def timed(chance, runs, shift=0.0, noise_floor=0.0):
    """A new run against a pool of `runs`, all with a spread of 2 %; the new one is longer by `shift` (of the log)."""
    blank = Finding(record="x", metric="m", before=1, after=1, verdict=Verdict.OK, why="", limit=0.0)
    logs = [chance.gauss(0, 0.02) for _ in range(runs)]
    return Timed(
        finding=blank,
        change=Change(
            log=chance.gauss(shift, 0.02) - fmean(logs),
            error=stdev(logs) * (1 + 1 / runs) ** 0.5,
            freedom=runs - 1,
        ),
        floor=noise_floor,
    )


def alarms(family):
    return [finding.verdict for finding in judge_together(family)].count(Verdict.REGRESSED)


def test_many_unchanged_timings_cry_wolf_as_seldom_as_one():
    # 2.5 % are promised for the whole family; more than 9 of 150 has a probability of 1 %. Without Holm's procedure
    # 20 checks would raise an alarm in 40 % of the comparisons.
    chance = random.Random(1)
    families = [[timed(chance, 10) for _ in range(20)] for _ in range(150)]
    assert sum(bool(alarms(family)) for family in families) <= 9
    assert sum(bool(sum(alarms([one]) for one in family)) for family in families[:30]) > 6


def test_the_detectable_change_is_found_nine_times_in_ten():
    chance, found = random.Random(2), []
    for _ in range(300):
        (judged,) = judge_together([quiet := timed(chance, 12, noise_floor=0.01)])
        shift = math.log1p(judged.detectable)
        found.append(alarms([replace(quiet, change=replace(quiet.change, log=quiet.change.log + shift))]))
    assert 0.84 <= fmean(found) <= 0.96


def certain(share):
    return Change(log=math.log1p(share), error=1e-6, freedom=9)


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        (0.005, Verdict.OK),
        (0.02, Verdict.OK),  # slower, but by no more than is permitted
        (0.06, Verdict.REGRESSED),
        (-0.005, Verdict.OK),
        (-0.06, Verdict.IMPROVED),
    ],
)
def test_what_is_certainly_within_the_limit_is_permitted(share, verdict):
    assert family.judge_change(certain(share), floor=0.01, limit=0.05) == verdict
    one = timed(random.Random(3), 10, noise_floor=0.01)
    (found,) = judge_together([replace(one, change=certain(share), finding=replace(one.finding, limit=0.05))])
    assert found.verdict == verdict


def test_without_a_limit_a_change_is_judged_by_the_floor():
    assert family.judge_change(certain(0.02), floor=0.01, limit=0.0) == Verdict.REGRESSED
    assert family.judge_change(certain(0.02), floor=0.03, limit=0.0) == Verdict.INCONCLUSIVE


def test_interval_and_tail_agree_with_scipys_test_of_one_sample():
    logs = [0.01, 0.04, 0.02, 0.05, 0.03]
    change = Change(log=fmean(logs), error=stdev(logs) / math.sqrt(5), freedom=4)
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert change.ratios() == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    expected = stats.ttest_1samp(logs, math.log1p(0.01), alternative="greater").pvalue
    assert change.slower(0.01) == pytest.approx(expected)
    assert change.faster(0.0) == pytest.approx(stats.ttest_1samp(logs, 0, alternative="less").pvalue)


def test_doubt_convicts_nobody_and_is_the_reason():
    (found,) = judge_together(
        [replace(timed(random.Random(4), 10), change=certain(0.5), doubt="the second look disagrees")]
    )
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, "the second look disagrees")
