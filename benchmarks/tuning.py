"""Does the race find the best of the whole grid? Both are measured, again and again. For a quiet machine.

    python benchmarks/tuning.py                                  # resnet18 at 64 px, 20 runs
    python benchmarks/tuning.py resnet18 --input-px 64 --runs 1 --runtimes eager,onnxruntime --rounds 2

The settings are made ready once. In every run they race, and then the whole grid is timed: every setting in twelve
rounds. Where that has another winner, both are timed in as many rounds again, since the best of many measurements owes
something to chance. Printed are both winners, the time of the race's over that of the grid's by these last rounds with
the 95 % interval, how many measurements each took, and how busy the machine was.
"""

import argparse
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
from resbench.judging.standing import Standings
from resbench.records.tuned import PLAIN
from resbench.running.settings import Running
from resbench.timing.race import ROUNDS_OF_GRID, race
from resbench.words.measured import ratio_words
from resbench.words.settings import setting_words
from resbench.zoo.find import find

CPU = torch.device("cpu")
CLOSE = 1.02  # a winner is as good as the best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="resnet18")
    parser.add_argument("--input-px", type=int, default=64)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ROUNDS_OF_GRID, help="of the whole grid")
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
        print("| run | the race's winner | the grid's winner | slower by | measurements | of | seconds | of |")
        print("|---:|---|---|---|---:|---:|---:|---:|")
        hits = sum(one_run(number, RaceLog(candidates, right), asked.rounds) for number in range(1, asked.runs + 1))
        print(f"within {CLOSE - 1:.0%} of the best in {hits} of {asked.runs} runs; machine {watch.noise()}")


def one_run(number: int, log: RaceLog, rounds: int) -> bool:
    """Race once, time the whole grid once, print a row, and tell whether the race's winner is as good as the best."""
    started_s = time.monotonic()
    end = list(race(log.setup(None, float("inf"))))[-1]
    raced_s = time.monotonic()
    everyone = range(len(log.candidates.ready))
    whole = Standings([log.measure(everyone) for _ in range(rounds)])
    grid_s = time.monotonic()
    best = next(index for index in whole.ranked(everyone) if log.holds(index))
    assert end.leader is not None, "plain eager torch can always lead"
    both = (end.leader, best)
    slower = None
    if best != end.leader:
        slower = Standings([log.measure(both) for _ in range(rounds)]).ratio(best, end.leader)
    names = (words(log, index) for index in both)
    taken = f"{end.measurements} | {len(everyone) * rounds} | {raced_s - started_s:.0f} | {grid_s - raced_s:.0f}"
    print(f"| {number} | {' | '.join(names)} | {ratio_words(slower) if slower else 1} | {taken} |", flush=True)
    return slower is None or slower.estimate <= CLOSE


def words(log: RaceLog, index: int) -> str:
    """Return a setting in words."""
    candidate = log.candidates.ready[index]
    return f"{', '.join(setting_words(candidate.request.settings))}, batch {candidate.batch_size}"


if __name__ == "__main__":
    main()
