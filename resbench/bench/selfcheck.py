"""Does measuring work on this machine? Comparisons whose truth is known: an arm with itself, plain or slowed down."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from resbench import environment
from resbench.bench.entrance import entered
from resbench.bench.sides import Side, clock_of, request_of
from resbench.bench.subject import OnProgress, ready
from resbench.bench.worker import Local
from resbench.judging.finding import Verdict
from resbench.judging.metric import Clock
from resbench.judging.robust import clopper_pearson, upper_bound
from resbench.judging.stats import Interval, t_half_width
from resbench.records.record import Environment, Run, Settings
from resbench.running.device import resolve
from resbench.running.settings import Running
from resbench.timing import interleave
from resbench.timing.contest import Rules, World, contest
from resbench.timing.sampler import without_garbage_collection
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One comparison with a known truth."""

    injected: float  # 0.05: B was made five per cent slower
    verdict: Verdict
    ratio: Interval
    detectable: float
    clusters: int
    judged_by: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """All trials on one machine."""

    network: str
    settings: Settings
    rules: Rules
    trials: tuple[Trial, ...]
    environment: Environment
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the trials with one injected slowdown show."""

    injected: float
    runs: int
    verdicts: dict[Verdict, int]
    right: int  # a change found where there was one, none found where there was none
    right_low: float  # exact 95 % interval of the share that is right
    right_high: float
    measured: Interval  # mean over the runs of the slowdown found, as a share; bias is this less what was injected
    covered: int  # runs whose interval holds the truth
    detectable: float  # median of the smallest slowdown that was to be found in 9 of 10


def selfcheck(
    network: str | Variant = "resnet18",
    *,
    input_px: int = 64,
    threads: int = 1,
    runs: int = 20,
    slowdowns: Sequence[float] = (0.05,),
    rules: Rules = Rules(),
    on_progress: OnProgress = lambda *_: None,
) -> SelfCheck:
    """Compare a network on the CPU with itself and with itself slowed down, `runs` times each in random order.

    A slowdown burns CPU after each call in proportion to what the call took; no sample is scaled.
    """
    on = resolve("cpu")
    request = request_of(
        Side(network=entered(network, input_px), running=Running(input_px=input_px, threads=threads)), on
    )
    watch = environment.watch(on)
    subjects = [ready(request).arm for _ in range(2)]
    chance = random.Random(request.settings.seed)
    plan = [injected for injected in (0.0, *slowdowns) for _ in range(runs)]
    chance.shuffle(plan)
    trials = []
    world = World(clock=partial(clock_of, (request, request), watch))
    with without_garbage_collection():
        for index, injected in enumerate(plan):
            on_progress("comparing with known truth", index / len(plan))
            chance.shuffle(subjects)
            arms = [Local(subjects[0], 1), Local(subjects[1], 1, slowdown=injected)]
            trials.append(_trial(arms, injected, rules, world, chance))
    return SelfCheck(
        network=request.network.name,
        settings=request.settings,
        rules=rules,
        trials=tuple(trials),
        environment=watch.environment(),
        run=watch.run(),
    )


def scores(check: SelfCheck) -> list[Score]:
    """Return what the trials show, one score per injected slowdown."""
    return [
        _score([trial for trial in check.trials if trial.injected == injected])
        for injected in sorted({trial.injected for trial in check.trials})
    ]


def false_alarms(check: SelfCheck) -> tuple[int, int, float]:
    """Return how many comparisons of equal arms called a change, of how many, and the 95 % bound of the true share."""
    equal = [trial.verdict for trial in check.trials if trial.injected == 0]
    alarms = sum(verdict in (Verdict.REGRESSED, Verdict.IMPROVED) for verdict in equal)
    return alarms, len(equal), upper_bound(alarms, len(equal))


def _trial(arms: list[Local], injected: float, rules: Rules, world: World, chance: random.Random) -> Trial:
    shape = interleave.shape(arms)
    outcome = contest(lambda: (interleave.cluster(arms, shape, chance),), rules, world)
    return Trial(
        injected=injected,
        verdict=outcome.judgement.verdict,
        ratio=outcome.judgement.ratio,
        detectable=outcome.judgement.detectable,
        clusters=outcome.judgement.units,
        judged_by=outcome.clock,
    )


def _score(trials: Sequence[Trial]) -> Score:
    injected, runs = trials[0].injected, len(trials)
    verdicts = {verdict: sum(trial.verdict == verdict for trial in trials) for verdict in Verdict}
    right = verdicts[Verdict.REGRESSED] if injected else verdicts[Verdict.OK] + verdicts[Verdict.INCONCLUSIVE]
    low, high = clopper_pearson(right, runs)
    changes = np.array([trial.ratio.estimate - 1 for trial in trials])
    mean, half = float(changes.mean()), t_half_width(changes) if runs > 1 else math.nan
    truth = 1 + injected
    return Score(
        injected=injected,
        runs=runs,
        verdicts=verdicts,
        right=right,
        right_low=low,
        right_high=high,
        measured=Interval(mean, mean - half, mean + half) if runs > 1 else Interval(mean, None, None),
        covered=sum((trial.ratio.low or 0) <= truth <= (trial.ratio.high or math.inf) for trial in trials),
        detectable=float(np.median([trial.detectable for trial in trials])),
    )
