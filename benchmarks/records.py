"""Times `results`, `list`, `check`, `history`, `stats` and `card --all` on many records, for two versions of the code.

    git worktree add /tmp/old COMMIT
    python benchmarks/records.py --old /tmp/old [--records 5000] [--folder FOLDER] [--rounds 3]
    python benchmarks/records.py --records 10000 results "results --json" "results --where" "results --speeds" list

The records are the committed ones, varied: machines, settings, times; one in five is an evaluation. They lie in a git
repository of their own with two versions each. In each round both versions run each command, one after the other. The
ratio of a round is of CPU time, which other work on the machine changes little, and of the time that passed; median and
range of the rounds are printed, with the most memory and the machine's load. "same output" says that both versions
printed, or wrote, the same bytes.
"""

import argparse
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from resbench.bench.columns import RECORD_COLUMNS
from resbench.records.jsonio import dumps, read_record
from resbench.records.record import Cluster, Evaluation, Profile, Record
from resbench.records.store import path_of
from resbench.zoo.variants import VARIANTS

HERE = Path(__file__).resolve().parents[1]
LASTING = ",".join(name for name in RECORD_COLUMNS if name != "age_days")  # what no clock changes
CARDS = "cards"  # where they are written
COMMANDS = {
    "results": ["results"],
    "results --json": ["results", "--json", "--columns", LASTING],
    "results --where": ["results", "--where", "latency_ms < 60 and top1 > 78", "--best-per", "network"],
    "results --speeds": ["results", "--speeds", "--format", "csv"],
    "list": ["list", "--where", "latency_ms < 60 and top1 > 78"],
    "check": ["check", "results", "--against", "git:HEAD~1"],
    "history": ["history", "results"],
    "stats": ["stats", "results"],
    "card --all": ["card", "--all", "--output", CARDS, "--results", "results"],
}


@dataclass(frozen=True)
class Timing:
    """What a command took, and a hash of what it printed and wrote."""

    cpu_s: float
    wall_s: float
    memory_mib: int
    output: str


def varied(seed: Record, number: int, version: int) -> Record:
    """Return another record like `seed`: another machine, network and time, its samples scattered."""
    chance = random.Random(1000 * number + version)
    networks = [variant.name for variant in VARIANTS]
    machine = replace(seed.environment.machine, device_name=f"CPU {number // len(networks)}")
    day = f"2026-{1 + number % 12:02}-{1 + version:02}"
    common = {
        "network": networks[number % len(networks)],
        "environment": replace(seed.environment, machine=machine),
        "run": replace(seed.run, started=f"{day}T00:00:00+00:00"),
    }
    if isinstance(seed, Evaluation):
        return replace(seed, top1_right=seed.top1_right - version, predictions_sha256=None, **common)
    return replace(seed, series=tuple(replace(one, launches=_scattered(one, chance)) for one in seed.series), **common)


def _scattered(series, chance: random.Random):
    def cluster(one: Cluster) -> Cluster:
        scale = chance.gauss(1, 0.01)
        return replace(
            one,
            wall_ns=tuple(round(ns * scale) for ns in one.wall_ns),
            cpu_ns=tuple(round(ns * scale) for ns in one.cpu_ns),
        )

    return tuple(replace(launch, clusters=tuple(map(cluster, launch.clusters))) for launch in series.launches)


def make(folder: Path, records: int) -> None:
    """Write `records` records into a repository at `folder`: two committed versions of each."""
    committed = [read_record(path) for path in sorted((HERE / "results").rglob("*.json"))]
    profiles, evaluations = ([seed for seed in committed if isinstance(seed, kind)] for kind in (Profile, Evaluation))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    folder.mkdir(parents=True)
    subprocess.run([*git, "init", "-q"], check=True)
    for version in range(2):
        for number in range(records):
            seeds = profiles if number % 5 else evaluations
            record = varied(seeds[number // 5 % len(seeds)], number, version)
            path = folder / "results" / path_of(record)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dumps(record))
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", f"version {version}"], check=True)


def timed(tree: Path, words: list[str], folder: Path) -> Timing:
    """Run a command with the code of `tree`."""
    shutil.rmtree(folder / CARDS, ignore_errors=True)
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as nowhere:
        process = subprocess.Popen(
            [sys.executable, "-m", "resbench", *words],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(tree)},
            stdout=output,
            stderr=nowhere,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        output.seek(0)
        seen = hashlib.file_digest(output, "sha256")
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 4):
        raise SystemExit(f"{' '.join(words)} with {tree}: exit code {process.returncode}")
    for path in sorted((folder / CARDS).rglob("*.*")):
        seen.update(path.read_bytes())
    return Timing(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss // 1024, seen.hexdigest())


def line(name: str, rounds: list[dict[str, Timing]]) -> str:
    """Return what the rounds of a command say."""
    parts = []
    for side in rounds[0]:
        cpu_s, wall_s, mib = (
            statistics.median(values)
            for values in zip(
                *((run[side].cpu_s, run[side].wall_s, run[side].memory_mib) for run in rounds), strict=True
            )
        )
        parts.append(f"{side} {cpu_s:.1f} s of CPU time, {wall_s:.1f} s passed, {mib:.0f} MiB")
    if "old" in rounds[0]:
        same = all(run["old"].output == run["new"].output for run in rounds)
        parts += [f"{ratio(rounds, 'cpu_s')} of CPU time, {ratio(rounds, 'wall_s')} passed"]
        parts += ["same output" if same else "other output"]
    return f"{name}: {'; '.join(parts)}; load {os.getloadavg()[0]:.1f}"


def ratio(rounds: list[dict[str, Timing]], field: str) -> str:
    """Return how many times as fast the new version is, round by round: median and range."""
    ratios = [getattr(run["old"], field) / getattr(run["new"], field) for run in rounds]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] times as fast"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="the other tree; without it only this one is timed")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="where the records lie or shall lie; kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("commands", nargs="*", default=list(COMMANDS), help=f"of {', '.join(COMMANDS)}")
    given = parser.parse_args()
    sides = ({"old": given.old.resolve()} if given.old else {}) | {"new": HERE}
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "records"
        if not folder.exists():
            make(folder, given.records)
        for name in given.commands:
            rounds = [
                {side: timed(tree, COMMANDS[name], folder) for side, tree in sides.items()} for _ in range(given.rounds)
            ]
            print(line(name, rounds), flush=True)


if __name__ == "__main__":
    main()
