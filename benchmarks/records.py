"""Times `results`, `check`, `history`, `stats` and `card --all` on many records, with this tree's code and another's.

    git worktree add /tmp/old COMMIT
    python benchmarks/records.py --old /tmp/old [--records 5000] [--folder FOLDER]
    python benchmarks/records.py --records 10000 results "results --where" "results --speeds" list

The records are the committed ones, varied: machines, settings, times. They lie in a git repository of their own with
two versions each. Each command runs once per side, one after the other. The ratio is of CPU time, which other work on
the machine changes little; the time that passed and the machine's load are printed too.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from resbench.records.jsonio import dumps, read_record
from resbench.records.record import Cluster, Evaluation, Profile, Record
from resbench.records.store import path_of
from resbench.zoo.variants import VARIANTS

HERE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "results": ["results"],
    "results --where": ["results", "--where", "latency_ms < 60 and top1 > 78", "--best-per", "network"],
    "results --speeds": ["results", "--speeds", "--format", "csv"],
    "list": ["list", "--where", "latency_ms < 60 and top1 > 78"],
    "check": ["check", "results", "--against", "git:HEAD~1"],
    "history": ["history", "results"],
    "stats": ["stats", "results"],
    "card --all": ["card", "--all", "--output", "cards", "--results", "results"],
}


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
    seeds = [read_record(path) for path in sorted((HERE / "results").rglob("*.json"))]
    seeds.sort(key=lambda record: not isinstance(record, Profile))  # most are profiles
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    folder.mkdir(parents=True)
    subprocess.run([*git, "init", "-q"], check=True)
    for version in range(2):
        for number in range(records):
            record = varied(seeds[0] if number % 5 else seeds[1], number, version)
            path = folder / "results" / path_of(record)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dumps(record))
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", f"version {version}"], check=True)


def timed(tree: Path, words: list[str], folder: Path) -> tuple[float, float, int]:
    """Run a command with the code of `tree`; return seconds of CPU time, seconds that passed, and MiB at most."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    started = time.perf_counter()
    with tempfile.TemporaryFile() as nowhere:
        process = subprocess.Popen(
            [sys.executable, "-m", "resbench", *words], cwd=folder, env=environment, stdout=nowhere, stderr=nowhere
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 4):
        raise SystemExit(f"{' '.join(words)} with {tree}: exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="the other tree; without it only this one is timed")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--folder", type=Path, help="where the records lie or shall lie; kept")
    parser.add_argument("commands", nargs="*", default=list(COMMANDS), help=f"of {', '.join(COMMANDS)}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "records"
        if not folder.exists():
            make(folder, given.records)
        for name in given.commands:
            sides = {"new": HERE} | ({"old": given.old.resolve()} if given.old else {})
            told = {side: timed(tree, COMMANDS[name], folder) for side, tree in sides.items()}
            parts = (f"{side} {cpu:.1f} s ({wall:.0f} s passed), {mib} MiB" for side, (cpu, wall, mib) in told.items())
            figures = ", ".join(parts)
            ratio = f"; {told['old'][0] / told['new'][0]:.1f} times faster" if "old" in told else ""
            print(f"{name}: {figures}{ratio}; load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
