"""What the statistics promise, with values computed by hand: normal quantiles 1.2816 (90 %), 1.9600, 2.3263 (99 %)."""

import math
from dataclasses import replace

import pytest

from resbench.judging import family
from resbench.judging.accuracy import bare_counts, newcombe, paired_counts, wilson
from resbench.judging.claims import reproduction
from resbench.judging.family import Change, Timed, judge_together, welch
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from resbench.judging.student import deviation, quantile, tail
from resbench.records.record import Cluster
from resbench.timing.contest import LEAST_UNITS, Rules, World, contest
from tests.examples import EVALUATION

MANY = 1e9  # degrees of freedom with which Student's distribution is the normal one
BLANK = Finding(record="r", metric="m", before=None, after=None, verdict=Verdict.INVALID, why="")


class Clocked:
    """A world in which a unit takes ten seconds; its B is slower by `ratios`, one after the other, for ever."""

    def __init__(self, *ratios):
        self.ratios, self.seconds, self.drawn = ratios, 0.0, 0

    def draw(self):
        self.seconds += 10
        self.drawn += 1
        ns = round(1_000_000 * self.ratios[self.drawn % len(self.ratios)])
        first, second = (Cluster(wall_ns=(value,) * 3, cpu_ns=(value,) * 3) for value in (1_000_000, ns))
        return [(first, second)]

    def contest(self, **rules):
        world = World(clock=lambda: "wall_ns", now_s=lambda: self.seconds)
        return contest(self.draw, Rules(looks=(3, 100), **rules), world)


@pytest.mark.parametrize(("confirm", "units"), [(True, 6), (False, 12)])
def test_half_of_the_budget_is_kept_for_the_confirmation(confirm, units):
    clocked = Clocked(0.8, 1.25)  # never tells
    assert clocked.contest(time_budget_s=120, confirm=confirm).judgement.verdict == Verdict.INCONCLUSIVE
    assert clocked.drawn == units


def test_a_change_is_measured_again_within_the_budget():
    clocked = Clocked(1.99, 2.0, 2.01)
    found = clocked.contest(time_budget_s=120)
    assert (found.judgement.verdict, found.confirmed) == (Verdict.REGRESSED, True)
    assert clocked.drawn == 2 * LEAST_UNITS


@pytest.mark.parametrize(("budget_s", "verdict"), [(60, Verdict.REGRESSED), (59, Verdict.INCONCLUSIVE)])
def test_a_change_that_cannot_be_measured_again_in_time_convicts_nobody(budget_s, verdict):
    found = Clocked(1.99, 2.0, 2.01).contest(time_budget_s=budget_s)
    assert found.judgement.verdict == verdict
    assert bool(found.doubt) == (verdict == Verdict.INCONCLUSIVE)


def test_the_paired_test_of_accuracies_states_the_drop_that_it_finds_in_9_of_10_runs():
    # 100 of 10,000 images changed: (2.326 + 1.282) * sqrt(100) / 10,000
    assert paired_counts(BLANK, 50, 50, 10_000, Limits()).detectable == pytest.approx(0.003608, rel=1e-6)
    assert paired_counts(BLANK, 1, 0, 100_000, Limits()).detectable == 0.0005  # smaller drops are let pass


def test_bare_counts_state_the_drop_that_they_find_in_9_of_10_runs():
    # two independent halves of 10,000 images at 80 %: (1.960 + 1.282) * sqrt(2 * 0.8 * 0.2 / 10,000)
    before = replace(BLANK, before=8000, after=8000)
    assert bare_counts(before, 10_000, Limits()).detectable == pytest.approx(0.0183396, rel=1e-5)


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [
        (20, 4, Verdict.REGRESSED),  # P(at least 20 of 24) = 0.00077
        (9, 1, Verdict.INCONCLUSIVE),  # 0.0107: not below 0.01, and a drop of 0.3 points cannot be excluded
        (10, 1, Verdict.REGRESSED),  # 0.0059
        (4, 20, Verdict.IMPROVED),
        (1, 9, Verdict.OK),
        (0, 0, Verdict.OK),
    ],
)
def test_mcnemars_exact_test_is_one_sided_at_one_per_cent(lost, gained, verdict):
    assert paired_counts(BLANK, lost, gained, 3000, Limits()).verdict == verdict


def test_wilsons_and_newcombes_intervals_are_those_of_the_papers():
    # Newcombe 1998 (Statistics in Medicine 17:857): 81 of 263; (17:873), example (a): 56 of 70 and 48 of 80, method 10
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    low, high = newcombe(48, 80, 56, 70)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_an_interval_above_the_limit_is_found_in_9_of_10_runs():
    # half = 1.95996 * 0.01; 1.25 * exp(half * (1 + 1.282 / 1.960)) - 1
    found = Change(log=0.0, error=0.01, freedom=MANY).detectable_by_interval(0.25)
    assert found == pytest.approx(0.291187, abs=2e-6)


def test_the_detectable_slowdown_is_beyond_the_floor_and_reaches_the_limit():
    change = Change(log=0.0, error=0.01, freedom=MANY)
    # log 1.01 + (1.95996 + 1.28155) * 0.01 = 0.042365
    assert change.detectable(0.01, 0.03) == pytest.approx(math.expm1(0.0423655), abs=1e-6)
    # with four in a family 1.95996 becomes the quantile of 1 - 0.025 / 4, 2.49771
    assert change.detectable(0.01, 0.03, 4) == pytest.approx(math.expm1(0.0477430), abs=1e-6)
    # a limit of 10 %: log 1.10 - (1.95996 - 1.28155) * 0.01 = 0.088526
    assert change.detectable(0.01, 0.10) == pytest.approx(math.expm1(0.0885261), abs=1e-6)


def test_holms_p_values_are_the_textbooks_and_never_fall():
    assert family.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert family.holm([0.010, 0.011, 0.012]) == pytest.approx([0.03, 0.03, 0.03])
    assert family.holm([0.6, 0.7]) == [1.0, 1.0]
    assert family.holm([]) == []


def test_a_change_that_convicts_alone_does_not_in_a_family_of_ten():
    def timed(log):
        change = Change(log=log, error=0.01, freedom=MANY)
        return Timed(finding=replace(BLANK, limit=0.01), change=change, floor=0.01)

    slower = timed(0.033)  # z = (0.033 - 0.00995) / 0.01 = 2.305, p = 0.0106: below 0.025, above 0.0025
    assert [found.verdict for found in judge_together([slower])] == [Verdict.REGRESSED]
    assert next(iter(judge_together([slower, *[timed(0.0)] * 9]))).verdict == Verdict.INCONCLUSIVE
    assert next(iter(judge_together([timed(0.043), *[timed(0.0)] * 9]))).verdict == Verdict.REGRESSED  # p = 0.0005


def test_welch_by_hand():
    # logs 0, 1, 2 and 3, 5: means 1 and 4, variances 1 and 2; error^2 = 1/3 + 1; freedom = (4/3)^2 / (1/18 + 1)
    change = welch([math.exp(value) for value in (0, 1, 2)], [math.exp(value) for value in (3, 5)])
    assert (change.log, change.error, change.freedom) == pytest.approx((3, math.sqrt(4 / 3), 32 / 19))


def test_students_distribution_has_its_tabulated_values():
    assert quantile(0.975, 11) == pytest.approx(2.201, abs=5e-4)
    assert tail(2.201, 11) == pytest.approx(0.025, abs=1e-5)
    assert tail(-2.201, 11) == pytest.approx(0.975, abs=1e-5)
    assert deviation([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(math.sqrt(32 / 7))


@pytest.mark.parametrize(("off", "reproduces"), [(27, True), (28, False), (-27, True), (-28, False)])
def test_a_published_accuracy_is_reproduced_within_five_in_ten_thousand_and_its_rounding(off, reproduces):
    # 70.84 % with two digits: 0.0005 + 0.0001 / 2 of 50,000 images are 27.5
    record = replace(
        EVALUATION,
        weights="gluon_resnet18_v1b",
        dataset=replace(EVALUATION.dataset, name="ImageNet-1k"),
        images=50_000,
        top1_right=35_420 + off,
        top5_right=45_000,
    )
    assert reproduction(record, "top1").reproduces == reproduces
