"""Does the race find the best of the whole grid? The grid is timed once, and settings race again and again. Quiet only.

    python benchmarks/tuning.py                                  # resnet18 at 64 px, 20 races
    python benchmarks/tuning.py resnet18 --input-px 64 --runs 1 --runtimes eager,onnxruntime

The settings are made ready once. Then every one of the grid is timed, as often as no race may. After each race its
winner and the grid's are timed again, in turn, until the 95 % interval of their ratio lies on one side of CLOSE, since
the best of many measurements owes something to chance. Printed are both winners, the time of the race's over that of
the grid's by these last measurements, how many samples and seconds the race took, and how busy the machine was.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import torch

from resbench import environment
from resbench.bench.answers import answer_rule, right_answers
from resbench.bench.candidates import made_ready
from resbench.bench.entries import Validating
from resbench.bench.grid import grid, runtimes_here
from resbench.bench.racelog import RaceLog
from resbench.bench.requests import request_for
from resbench.judging.standing import Round, Standings
from resbench.judging.stats import Interval
from resbench.records.tuned import PLAIN
from resbench.running.settings import Running
from resbench.timing.race import race
from resbench.words.measured import ratio_words
from resbench.words.settings import setting_words
from resbench.zoo.find import find

CPU = torch.device("cpu")
CLOSE = 1.02  # a winner is as good as the best
LOOKS, ROUNDS = 16, 12  # at the ratio of two winners, after so many rounds each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="resnet18")
    parser.add_argument("--input-px", type=int, default=64)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--runtimes", default="", help="only these: eager,onnxruntime")
    parser.add_argument("--batch-sizes", type=lambda text: [int(word) for word in text.split(",")], default=[1])
    asked = parser.parse_args()
    network, running = find(asked.name), Running(input_px=asked.input_px)
    runtimes, cannot = runtimes_here(asked.runtimes.split(",") if asked.runtimes else (), CPU)
    requests = [request_for(network, own, CPU) for own in grid(running, runtimes, CPU)]
    with tempfile.TemporaryDirectory() as folder:
        watch = environment.watch(CPU)
        candidates = made_ready(requests, asked.batch_sizes, Path(folder), float("inf"), lambda *_: None)
        for own in (*cannot, *candidates.cannot):
            print(f"{own.what}: {own.why}")
        rule = answer_rule(network, None, Validating(running=running), data=None, calibration=None, max_loss=None)
        right = right_answers(rule, candidates.ready[PLAIN].arm, lambda _: None)
        print(f"{asked.name} at {asked.input_px} px, {len(candidates.ready)} settings; {rule.words}")
        best, taken = whole_grid(RaceLog(candidates, right))
        print("| run | the race's winner | the grid's winner | slower by | samples | of | seconds | of |")
        print("|---:|---|---|---|---:|---:|---:|---:|")
        hits = sum(one_run(number, RaceLog(candidates, right), best, taken) for number in range(1, asked.runs + 1))
        print(f"within {CLOSE - 1:.0%} of the best in {hits} of {asked.runs} runs; machine {watch.noise()}")


def whole_grid(log: RaceLog) -> tuple[int, tuple[int, float]]:
    """Time every setting in as many samples as no race may take; return the best right one, and samples and seconds."""
    started_s = time.monotonic()
    everyone = range(len(log.candidates.ready))
    needed = log.setup(None, float("inf")).whole_grid
    standings = Standings([log.measure(everyone) for _ in range(math.ceil(needed / log.cost(everyone)))])
    ranked = standings.ranked(everyone)
    for index in ranked:
        print(f"  {words(log, index)}: {ratio_words(standings.ratio(ranked[0], index))}")
    return next(index for index in ranked if log.holds(index)), (needed, time.monotonic() - started_s)


def one_run(number: int, log: RaceLog, best: int, whole: tuple[int, float]) -> bool:
    """Race once, print a row, and tell whether the winner is as good as `best`."""
    started_s = time.monotonic()
    end = list(race(log.setup(None, float("inf"))))[-1]
    raced_s = time.monotonic() - started_s
    assert end.leader is not None, "plain eager torch can always lead"
    slower = None if end.leader == best else slowdown(log, best, end.leader)
    names = " | ".join(words(log, index) for index in (end.leader, best))
    taken = f"{end.measurements} | {whole[0]} | {raced_s:.0f} | {whole[1]:.0f}"
    print(f"| {number} | {names} | {ratio_words(slower) if slower else 1} | {taken} |", flush=True)
    return slower is None or slower.estimate <= CLOSE


def slowdown(log: RaceLog, best: int, other: int) -> Interval:
    """Return the time of `other` over that of `best`, timed until it certainly is, or is not, below CLOSE."""
    rounds: list[Round] = []
    for _ in range(LOOKS):
        rounds += [log.measure((best, other)) for _ in range(ROUNDS)]
        found = Standings([dict(enumerate(own.values())) for own in rounds]).ratio(0, 1)
        if (found.low or 0.0) > CLOSE or (found.high or CLOSE) < CLOSE:
            break
    return found


def words(log: RaceLog, index: int) -> str:
    """Return a setting in words."""
    candidate = log.candidates.ready[index]
    return f"{', '.join(setting_words(candidate.request.settings))}, batch {candidate.batch_size}"


if __name__ == "__main__":
    main()
