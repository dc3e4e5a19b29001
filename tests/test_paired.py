"""Verdicts on two arms sampled in turn, by simulation with known truth."""

import itertools
import math
import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from resbench.judging import paired
from resbench.judging.finding import Verdict
from resbench.records.record import Cluster
from resbench.timing import clock, interleave
from resbench.timing.contest import Rules, World, contest
from resbench.timing.interleave import Shape

RULES = Rules(time_budget_s=math.inf)
# What was measured on a busy shared machine: between clusters and within them (docs/measuring.md).
LAYOUT, NOISE = 0.018, 0.03


def cluster(times):
    return Cluster(wall_ns=tuple(map(round, times)), cpu_ns=tuple(map(round, times)))


def simulated(chance, slowdown, layout=LAYOUT, noise=NOISE):
    """Draw units without end: arms of 10 ms, B slower by `slowdown`, each cluster laid out anew."""
    while True:
        bias = slowdown + layout * chance.standard_normal()
        drift = 0.1 * chance.standard_normal() + np.cumsum(0.02 * chance.standard_normal(10))  # both arms feel it
        first, second = 1e7 * np.exp(noise * chance.standard_t(3, (2, 10)) + drift)
        yield ((cluster(first), cluster(second * np.exp(bias))),)


def play(chance, slowdown, rules=RULES, **scatter):
    units = simulated(chance, slowdown, **scatter)
    return contest(lambda: next(units), rules, World(clock=lambda: "cpu_ns"))


def verdicts(seed, slowdown, repetitions, rules=RULES):
    chance = np.random.default_rng(seed)
    return [play(chance, math.log1p(slowdown), rules).judgement.verdict for _ in range(repetitions)]


def test_of_300_comparisons_of_equal_arms_at_most_7_call_a_change():
    found = verdicts(1, 0.0, 300)
    assert sum(verdict in (Verdict.REGRESSED, Verdict.IMPROVED) for verdict in found) <= 7


@pytest.mark.parametrize("repetitions", [40, pytest.param(100, marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    ("slowdown", "limit", "least"),
    [(0.03, 0.0, 0.9), (0.05, 0.03, 0.95), (0.10, 0.03, 1.0)],  # below the limit, "ok" is a right answer too
)
def test_a_slowdown_is_found(slowdown, limit, least, repetitions):
    found = verdicts(2, slowdown, repetitions, Rules(time_budget_s=math.inf, limit=limit))
    assert found.count(Verdict.REGRESSED) / repetitions >= least


def test_between_floor_and_limit_the_verdict_is_regressed_or_ok():
    found = verdicts(11, 0.03, 100)
    assert found.count(Verdict.REGRESSED) + found.count(Verdict.OK) >= 90


def test_a_speedup_is_found():
    assert verdicts(3, -0.05, 50).count(Verdict.IMPROVED) >= 47


@pytest.mark.parametrize("repetitions", [40, pytest.param(200, marks=pytest.mark.nightly)])
def test_confirmation_costs_false_alarms_most(repetitions):
    strict = Rules(time_budget_s=math.inf, limit=0.0)
    once = verdicts(4, 0.01, repetitions, replace(strict, confirm=False)).count(Verdict.REGRESSED)
    twice = verdicts(4, 0.01, repetitions, strict).count(Verdict.REGRESSED)
    assert twice < once


@pytest.mark.parametrize(
    ("repetitions", "least", "most"),  # three standard errors of a share of 95 %
    [(60, 0.86, 1.0), pytest.param(300, 0.92, 0.98, marks=pytest.mark.nightly)],
)
def test_the_interval_covers_the_truth_also_when_it_decides_how_long_to_look(repetitions, least, most):
    chance = np.random.default_rng(5)
    found = [play(chance, 0.02).judgement.ratio for _ in range(repetitions)]
    assert least <= np.mean([ratio.low <= math.exp(0.02) <= ratio.high for ratio in found]) <= most


def test_the_minimum_detectable_effect_is_found_in_nine_of_ten():
    chance = np.random.default_rng(6)
    logs = chance.normal(0, LAYOUT, 24)
    detectable = paired.judge(logs, floor=0.01, limit=0.05).detectable
    spread = logs.std(ddof=1)
    found = [
        paired.judge(chance.normal(math.log1p(detectable), spread, 24), floor=0.01, limit=0.05) for _ in range(500)
    ]
    assert 0.85 <= np.mean([one.verdict == Verdict.REGRESSED for one in found]) <= 0.95


def test_the_interval_agrees_with_scipys():
    logs = np.random.default_rng(7).normal(0.02, 0.03, 24)
    expected = scipy_stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    ratio = paired.judge(logs, floor=0.01, limit=0.05).ratio
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))


@pytest.mark.parametrize(
    ("logs", "verdict"),
    [
        ([0.0] * 12, Verdict.OK),
        ([0.06] * 12, Verdict.REGRESSED),
        ([0.02] * 12, Verdict.OK),  # within the limit
        ([-0.02] * 12, Verdict.IMPROVED),
        ([-0.2, 0.2] * 6, Verdict.INCONCLUSIVE),
        ([0.0, math.nan, 0.0], Verdict.INVALID),
        ([0.0, math.inf], Verdict.INVALID),
        ([0.5], Verdict.INVALID),
        ([], Verdict.INVALID),
    ],
)
def test_verdicts(logs, verdict):
    assert paired.judge(logs, floor=0.01, limit=0.05).verdict == verdict


def test_a_sample_that_is_no_time_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        paired.unit_logs([((cluster([5, 5]), cluster([5, 0])),)], "wall_ns")


def test_a_launch_of_several_clusters_is_one_unit():
    pairs = [(cluster([10.0] * 3), cluster([ratio * 10] * 3)) for ratio in (1.0, 2.0)]
    assert paired.unit_logs([pairs], "cpu_ns") == pytest.approx([math.log(2) / 2])


def test_a_comparison_grows_until_it_can_tell_and_stops_at_its_end():
    chance = np.random.default_rng(8)
    quiet = play(chance, 0.0, layout=0.001, noise=0.001)
    assert (len(quiet.units), quiet.judgement.verdict) == (12, Verdict.OK)
    loud = play(chance, 0.05, layout=0.5)
    assert (len(loud.units), loud.judgement.verdict) == (96, Verdict.INCONCLUSIVE)


def test_a_change_is_looked_for_again_with_fresh_units():
    found = play(np.random.default_rng(9), 0.2)
    assert (found.judgement.verdict, found.confirmed, len(found.units)) == (Verdict.REGRESSED, True, 24)
    once = play(np.random.default_rng(9), 0.2, Rules(confirm=False))
    assert (once.judgement.verdict, once.confirmed, len(once.units)) == (Verdict.REGRESSED, False, 12)


def test_a_change_that_does_not_come_again_is_no_verdict():
    slow = itertools.chain([((cluster([10] * 3), cluster([12] * 3)),)] * 12, [((cluster([10] * 3),) * 2,)] * 12)
    found = contest(lambda: next(slow), RULES, World(clock=lambda: "wall_ns"))
    assert found.judgement.verdict == Verdict.INCONCLUSIVE
    assert found.judgement.units == 24
    assert found.doubt == "the repeated measurement did not find the change again"


def test_time_that_runs_out_ends_it_with_at_least_three_units():
    now = itertools.count()
    chance = np.random.default_rng(10)
    units = simulated(chance, 0.0)
    rules = Rules(time_budget_s=1.0)
    found = contest(lambda: next(units), rules, World(clock=lambda: "cpu_ns", now_s=lambda: next(now)))
    assert len(found.units) == 3


def timed_contest(unit_s, slower, budget_s, loading_s=0.0):
    """Return a contest of units that each take so long, and when it ended."""
    now = [loading_s]
    units = simulated(np.random.default_rng(11), slower)

    def draw():
        now[0] += unit_s
        return next(units)

    world = World(clock=lambda: "cpu_ns", now_s=lambda: now[0], started_s=0.0)
    return contest(draw, Rules(time_budget_s=budget_s), world), now[0]


@pytest.mark.parametrize("unit_s", [0.1, 1.0, 2.9, 5.0])
@pytest.mark.parametrize("slower", [0.0, 0.2])
def test_the_time_budget_is_kept_in_all_with_loading_and_confirmation(unit_s, slower):
    found, ended_s = timed_contest(unit_s, slower, budget_s=20.0, loading_s=4.0)
    assert len(found.units) >= 3
    assert ended_s <= 20.0


def test_a_change_without_time_to_measure_it_again_is_no_verdict_and_says_so():
    found, _ = timed_contest(5.0, 0.2, budget_s=20.0, loading_s=4.0)
    assert found.judgement.verdict == Verdict.INCONCLUSIVE
    assert found.doubt == "no time was left to repeat the measurement of a change"
    assert not found.confirmed
    again, _ = timed_contest(1.0, 0.2, budget_s=20.0)
    assert (again.judgement.verdict, again.confirmed, again.doubt) == (Verdict.REGRESSED, True, "")


class Fake:
    """An arm that keeps a diary."""

    def __init__(self, name, diary, wall_ns=10_000_000, pool=""):
        self.name, self.diary, self.wall_ns, self.pool = name, diary, wall_ns, pool

    def rest(self):
        self.diary.append(f"{self.name} rests")

    def materialise(self):
        self.diary.append(f"{self.name} laid out")

    def time(self, calls):
        self.diary.append(self.name)
        return calls * self.wall_ns, calls * self.wall_ns


def of_arms(chance, slowdowns):
    """Draw units without end: A and an arm per slowdown, all of which feel the same drift."""
    while True:
        drift = 0.1 * chance.standard_normal() + np.cumsum(0.02 * chance.standard_normal(10))
        biases = [0.0, *(slowdown + LAYOUT * chance.standard_normal() for slowdown in slowdowns)]
        columns = 1e7 * np.exp(NOISE * chance.standard_t(3, (len(biases), 10)) + drift)
        yield (tuple(cluster(column * np.exp(bias)) for column, bias in zip(columns, biases, strict=True)),)


def play_arms(chance, slowdowns):
    units = of_arms(chance, slowdowns)
    return contest(lambda: next(units), RULES, World(clock=lambda: "cpu_ns"))


def test_of_50_comparisons_of_five_equal_arms_at_most_2_call_a_change():
    chance = np.random.default_rng(21)
    found = [play_arms(chance, [0.0] * 4) for _ in range(50)]
    assert sum(any(judgement.changed for judgement in one.judgements) for one in found) <= 2


def test_of_several_arms_each_has_its_own_verdict():
    chance = np.random.default_rng(22)
    found = [play_arms(chance, [0.0, 0.2, -0.2]) for _ in range(20)]
    for one in found:
        same, slower, faster = one.judgements
        assert (slower.verdict, faster.verdict, one.confirmed) == (Verdict.REGRESSED, Verdict.IMPROVED, True)
        assert same.verdict in (Verdict.OK, Verdict.INCONCLUSIVE)
        assert slower.ratio.low < math.exp(0.2) * 1.02
        assert one.doubts == ("", "", "")


def test_arms_are_one_family_by_holms_procedure():
    chance = np.random.default_rng(23)
    logs = [0.03 + 0.02 * chance.standard_normal(12) for _ in range(4)]
    found = paired.judge_arms(logs, floor=0.01, limit=0.0)
    errors = [(np.mean(values) - math.log(1.01)) / scipy_stats.sem(values) for values in logs]
    p_values = scipy_stats.t.sf(errors, 11)
    order = np.argsort(p_values)
    rejected = np.cumprod(p_values[order] < 0.025 / np.arange(4, 0, -1)).astype(bool)  # as Holm 1979 has it
    assert [found[index].verdict == Verdict.REGRESSED for index in order] == rejected.tolist()
    assert 0 < rejected.sum() < 4 or rejected.all()
    assert paired.judge_arms(logs[:1], floor=0.01, limit=0.03) == (paired.judge(logs[0], floor=0.01, limit=0.03),)
    assert found[0].detectable > paired.judge(logs[0], floor=0.01, limit=0.0).detectable
    broken = paired.judge_arms([logs[0], [math.nan] * 12], floor=0.01, limit=0.03)
    assert [judgement.verdict == Verdict.INVALID for judgement in broken] == [False, True]


def test_three_arms_take_turns_in_every_order():
    diary = []
    arms = [Fake(name, diary) for name in "abc"]
    found = interleave.cluster(arms, Shape(pairs=200, calls=1), random.Random(4))
    assert len(found) == 3
    assert {"".join(diary[index : index + 3]) for index in range(9, len(diary), 3)} == {
        "abc", "acb", "bac", "bca", "cab", "cba",
    }  # fmt: skip


def test_arms_take_turns_call_by_call_in_random_order():
    diary = []
    interleave.cluster([Fake("a", diary), Fake("b", diary)], Shape(pairs=200, calls=1), random.Random(1))
    assert sorted(diary[:2]) == ["a laid out", "b laid out"]
    assert sorted(diary[2:6]) == ["a", "a", "b", "b"]  # these do not count
    turns = ["".join(diary[index : index + 2]) for index in range(6, len(diary), 2)]
    assert set(turns) == {"ab", "ba"}
    assert 70 < turns.count("ab") < 130


def test_arms_with_threads_of_their_own_begin_when_those_before_them_have_come_to_rest():
    diary = []
    arms = [Fake("a", diary, pool="eager"), Fake("b", diary, pool="onnxruntime 1"), Fake("c", diary)]
    found = interleave.cluster(arms, Shape(pairs=20, calls=1), random.Random(5))
    assert [len(cluster.wall_ns) for cluster in found] == [20, 20, 20]
    turns, before = diary[9:], diary[8]
    assert len(turns) == 4 * 3 * (1 + 1 + 5)  # a rest, a call to wake up, five samples
    for start in range(0, len(turns), 7):
        rests, *turn = turns[start : start + 7]
        assert rests == f"{before} rests"
        assert len(set(turn)) == 1
        before = turn[0]


@pytest.mark.parametrize("pools", [("eager", "eager"), ("eager", ""), ("", "")])
def test_arms_that_share_their_threads_or_have_none_need_no_rest(pools):
    diary = []
    interleave.cluster(
        [Fake("a", diary, pool=pools[0]), Fake("b", diary, pool=pools[1])], Shape(pairs=9, calls=1), random.Random(1)
    )
    assert (diary.count("a"), diary.count("b"), len(diary)) == (11, 11, 24)


def test_slow_arms_have_no_more_samples_for_their_rests():
    arms = [Fake(name, [], pool=name) for name in "ab"]
    found = interleave.cluster(arms, Shape(pairs=3, calls=1), random.Random(1))
    assert [len(cluster.wall_ns) for cluster in found] == [3, 3]


@pytest.mark.parametrize(("busy_s", "waited_s"), [(0.0, 0.005), (0.055, 0.065), (60.0, 0.5)])
def test_threads_are_idle_once_they_use_no_core_and_are_waited_for_half_a_second_at_most(monkeypatch, busy_s, waited_s):
    now = [0.0]
    world = SimpleNamespace(
        monotonic=lambda: now[0],
        process_time_ns=lambda: round(1e9 * min(now[0], busy_s)),
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    monkeypatch.setattr(clock, "time", world)
    clock.wait_until_idle()
    assert now[0] == pytest.approx(waited_s, abs=0.006)


def test_the_arm_that_is_laid_out_first_is_drawn_for_every_cluster():
    diary = []
    chance = random.Random(2)
    for _ in range(100):
        interleave.cluster([Fake("a", diary), Fake("b", diary)], Shape(pairs=1, calls=1), chance)
    laid_out = [word[0] for word in diary if word.endswith("laid out")]
    assert 30 < laid_out[::2].count("a") < 70


def test_samples_keep_their_arm_whatever_the_order():
    first, second = interleave.cluster(
        [Fake("a", [], 3_000_000), Fake("b", [], 7_000_000)], Shape(pairs=20, calls=2), random.Random(3)
    )
    assert (set(first.wall_ns), set(second.cpu_ns)) == ({6_000_000}, {14_000_000})


@pytest.mark.parametrize(
    ("wall_ns", "expected"),
    [
        (100_000, Shape(pairs=10, calls=50)),  # short calls are timed in bursts of 5 ms
        (20_000_000, Shape(pairs=10, calls=1)),
        (100_000_000, Shape(pairs=5, calls=1)),
        (900_000_000, Shape(pairs=3, calls=1)),
    ],
)
def test_clusters_are_sized_by_how_long_a_call_takes(wall_ns, expected):
    assert interleave.shape([Fake("a", [], wall_ns), Fake("b", [], wall_ns)]) == expected
