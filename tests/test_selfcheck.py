"""Comparisons with known truth, in a world where time is what a random generator says."""

import json
import random

import pytest
from typer.testing import CliRunner

from resbench.bench import selfcheck as module
from resbench.bench.selfcheck import false_alarms, scores, selfcheck
from resbench.cli.app import app
from resbench.judging.finding import Verdict
from resbench.judging.stats import Interval
from tests.test_running_arm import CPU, arms, chosen, tiny

CHANCE = random.Random(1)


class Noisy:
    """An arm of 10 ms that is slower by what was injected, by its layout and by noise."""

    def __init__(self, arm, batch_size, *, slowdown=0.0):
        self.slowdown = slowdown

    pool = ""

    def rest(self):
        pass

    def materialise(self):
        self.ns = 1e7 * (1 + self.slowdown) * CHANCE.lognormvariate(0, 0.01)

    def time(self, calls):
        ns = round(calls * self.ns * CHANCE.lognormvariate(0, 0.02))
        return ns, ns


@pytest.fixture(autouse=True)
def noisy(monkeypatch):
    monkeypatch.setattr(module, "Local", Noisy)

    class Subject:
        arm = arms.prepare(tiny(), chosen(), CPU, 10)

    monkeypatch.setattr(module, "ready", lambda request: Subject)


def test_equal_arms_and_slowed_ones_are_told_apart_without_bias():
    check = selfcheck(runs=20, slowdowns=(0.06, 0.10))
    assert [score.injected for score in scores(check)] == [0.0, 0.06, 0.10]
    for score in scores(check):
        assert score.runs == 20
        assert score.right >= 19
        assert score.measured.low - 0.002 <= score.injected <= score.measured.high + 0.002
        assert score.covered >= 17
        assert score.right_low < score.right / 20 <= score.right_high
    alarms, runs, bound = false_alarms(check)
    assert (runs, alarms <= 1) == (20, True)
    assert bound >= 0.139


def test_the_order_of_trials_is_random_so_that_a_busy_hour_hits_all_alike():
    injected = [trial.injected for trial in selfcheck(runs=10).trials]
    assert sorted(injected) == [0.0] * 10 + [0.05] * 10
    assert injected != sorted(injected)


def test_scores_count_what_trials_say():
    def trial(injected, verdict, ratio):
        return module.Trial(
            injected=injected,
            verdict=verdict,
            ratio=Interval(ratio, ratio - 0.01, ratio + 0.01),
            detectable=0.03,
            clusters=12,
            judged_by="cpu_ns",
        )

    trials = (
        trial(0.0, Verdict.OK, 1.0),
        trial(0.0, Verdict.IMPROVED, 0.97),
        trial(0.05, Verdict.REGRESSED, 1.05),
        trial(0.05, Verdict.INCONCLUSIVE, 1.03),
    )
    check = module.SelfCheck(
        network="n", settings=chosen(), rules=module.Rules(), trials=trials, environment=None, run=None
    )
    equal, slowed = scores(check)
    assert (equal.right, slowed.right) == (1, 1)
    assert (equal.covered, slowed.covered) == (1, 1)
    assert slowed.measured.estimate == pytest.approx(0.04)
    assert false_alarms(check)[:2] == (1, 2)


def test_the_report_shows_alarms_power_and_the_smallest_effect(monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    result = CliRunner().invoke(app, ["selfcheck", "--runs", "3", "--slowdown", "0.1"])
    assert result.exit_code == 0, result.output
    for shown in ("10.0 %", "false alarms: ", " of 3, so at most", "is found in 9 of 10"):
        assert shown in result.stdout


def test_json_holds_every_trial():
    result = CliRunner().invoke(app, ["selfcheck", "--runs", "2", "--json"])
    assert len(json.loads(result.stdout)["check"]["trials"]) == 4
