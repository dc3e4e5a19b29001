"""The fastest setting of a network on this machine whose answers are right: settings race against one another."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from resbench import environment, units
from resbench.bench.answers import AnswerRule, answer_rule, right_answers
from resbench.bench.candidates import Candidates, made_ready
from resbench.bench.entrance import headed
from resbench.bench.entries import Validating, entry_of, square_side
from resbench.bench.grid import grid, runtimes_here
from resbench.bench.racelog import RaceLog
from resbench.bench.requests import request_for
from resbench.bench.subject import OnProgress
from resbench.errors import ResbenchError
from resbench.judging.ranking import ranking
from resbench.records.tuned import PLAIN, CannotRace, Goal, Tuned
from resbench.running.device import resolve
from resbench.running.runtimes.runtime import Runtime
from resbench.running.settings import Running
from resbench.timing.race import race
from resbench.timing.speeds import FULL_BATCH, Request
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What can be said of how the fastest setting is looked for."""

    goal: Goal = "latency"
    running: Running = Running()  # the size of images, threads where they are fixed, images for int8; the rest is tried
    runtimes: tuple[str, ...] = ()  # none: all
    weights: str | None = None  # a file, or the name of a published checkpoint; None: fresh weights
    key: str | None = None  # of the weights in a file that holds several sets
    classes: int | None = None  # of the head; None: those of the file of weights, or the network's own
    device: str | None = None  # None: the first there is
    batch_sizes: tuple[int, ...] = ()  # none: 1 for latency, around a full batch for throughput
    data: Path | None = None  # images that settings must answer as eager torch does
    max_loss: float | None = None  # the share of them that may be lost; None: none may be answered otherwise
    max_latency_s: float | None = None  # of a batch, for throughput
    time_budget_s: float = 600.0  # in all; half of it to make settings ready


def tune(network: Variant, how: Tuning, on_progress: OnProgress = lambda *_: None) -> Iterator[Tuned]:
    """Let the settings that this machine can run `network` in race, and yield what was seen after every round.

    The last has the winner. Raises ResbenchError for images that cannot be evaluated, and where nothing can win.
    """
    end_s = time.monotonic() + how.time_budget_s
    on = resolve(how.device)
    watch = environment.watch(on)
    sizes = _batch_sizes(how, on)
    network = headed(network, how.classes, how.weights, how.key)
    running, rule = _asked(network, how)
    runtimes, absent = runtimes_here(how.runtimes, on)
    requests = [_request(network, own, on, how) for own in grid(running, runtimes, on)]
    with tempfile.TemporaryDirectory(prefix="resbench-") as folder:
        candidates = made_ready(requests, sizes, Path(folder), end_s - how.time_budget_s / 2, on_progress)
        right = right_answers(rule, candidates.ready[PLAIN].arm, partial(on_progress, "comparing answers"))
        log = RaceLog(candidates, right)
        tuned = _begun(
            network, how, rule, candidates, (*absent, *candidates.cannot, *_without_int8(how, runtimes, on)), watch
        )
        for state in race(log.setup(how.max_latency_s, end_s)):
            on_progress("settings race", state.measurements / state.most)
            tuned = replace(
                tuned,
                raced=log.raced(),
                winner=PLAIN if state.leader is None else state.leader,
                most_measurements=state.most,
                environment=watch.environment(),
                run=watch.run(),
            )
            if state.leader is not None:
                yield tuned
    if state.leader is None:
        raise _nothing_won(tuned)


def _begun(
    network: Variant,
    how: Tuning,
    rule: AnswerRule,
    candidates: Candidates,
    cannot: tuple[CannotRace, ...],
    watch: environment.Watch,
) -> Tuned:
    """Return what is known before the first round."""
    return Tuned(
        network=network.name,
        weights=candidates.loaded.weights,
        weights_sha256=candidates.loaded.weights_sha256,
        goal=how.goal,
        max_latency_s=how.max_latency_s,
        calibration=how.running.calibration,
        answers=rule.words,
        raced=(),
        winner=PLAIN,
        most_measurements=0,
        cannot=cannot,
        environment=watch.environment(),
        run=watch.run(),
    )


def _batch_sizes(how: Tuning, on: torch.device) -> tuple[int, ...]:
    """Return the batch sizes to try, that of plain eager torch first. Raises ResbenchError for several of latency."""
    full = FULL_BATCH[on.type]
    if how.goal == "throughput":
        return how.batch_sizes or (full, 4 * full, full // 4)
    if how.max_latency_s is not None:
        raise ResbenchError("--max-latency: bounds the latency of the highest throughput; give --for throughput")
    if len(how.batch_sizes) > 1:
        raise ResbenchError("--for latency: is of one batch size; give one, or --for throughput")
    return how.batch_sizes or (1,)


def _asked(network: Variant, how: Tuning) -> tuple[Running, AnswerRule]:
    """Return how all settings run, at the size of the checkpoint's images, and what they are asked."""
    validating = Validating(running=Running(input_px=_side(how)), key=how.key, classes=how.classes, device=how.device)
    running = how.running
    if running.input_px is None:
        own = entry_of(network.name, network, how.weights, validating).preprocess
        running = replace(running, input_px=own.crop_px if how.weights else network.input_px)
        validating = replace(validating, running=running)
    rule = answer_rule(
        network, how.weights, validating, data=how.data, calibration=running.calibration, max_loss=how.max_loss
    )
    return running, rule


def _side(how: Tuning) -> int | None:
    size = how.running.input_px
    if how.data and size:
        return square_side(size, "--data")
    return size[0] if isinstance(size, tuple) else size


def _request(network: Variant, running: Running, on: torch.device, how: Tuning) -> Request:
    return request_for(network, running, on, weights=how.weights, key=how.key)


def _without_int8(how: Tuning, runtimes: Sequence[Runtime], on: torch.device) -> list[CannotRace]:
    """Return why int8 is not tried where runtimes have it."""
    if how.running.calibration or not any("int8" in row.dtypes[on.type] for row in runtimes):
        return []
    return [CannotRace(what="int8", why="needs --calibration, a folder of some 300 images")]


def _nothing_won(tuned: Tuned) -> ResbenchError:
    limit = units.seconds(tuned.max_latency_s or 0.0)
    best = min(row.call_s.estimate for row in ranking(tuned))
    return ResbenchError(
        f"{tuned.network}: no setting with right answers is certainly below {limit}; the shortest call took "
        f"{units.seconds(best)}; give a larger --max-latency, or smaller batch sizes (-b)"
    )
