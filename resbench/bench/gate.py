"""A branch compared with the commit where it left the main branch: counts, records, cards, accuracy, speed.

Each side is run by its own program: the `resbench` of its tree if there is one, else the installed one.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from resbench import environment
from resbench.bench import comparing
from resbench.bench.sides import Side
from resbench.bench.subject import OnProgress
from resbench.bench.worktrees import Trees, trees
from resbench.errors import ResbenchError
from resbench.judging import exact
from resbench.judging.compare import compare_folders
from resbench.judging.family import judge_together
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Config
from resbench.records.git import git
from resbench.records.record import Counts, Profile
from resbench.records.runs import read_baseline, read_new, read_predictions
from resbench.running.children import tied
from resbench.running.settings import Running
from resbench.timing.contest import Rules
from resbench.units import pixels
from resbench.zoo.places import is_place
from resbench.zoo.spec import Variant

_log = logging.getLogger(__name__)
_TABLE = Path("resbench") / "counting" / "counted.json"
_COUNT = """
import json, sys, msgspec, resbench
print(json.dumps([msgspec.to_builtins(resbench.count(name, tuple(size))) for name, size in json.load(sys.stdin)]))
"""
Tables = dict[str, dict[str, Counts]]  # network -> "224x224" -> counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Gating:
    """What is compared besides counts."""

    results: Path = Path("results")
    cards: Path = Path("cards")
    networks: Sequence[Variant] = ()  # whose speed is compared
    running: Running = Running()  # the runtime is that of accuracies too
    batch_size: int = 1
    time_budget_s: float = 240.0  # for all timings together
    data: Path | None = None  # images on which both sides are evaluated
    evaluate: Sequence[str] = ()  # networks or checkpoints
    weights: Sequence[Path] = ()  # a file for each of them; published checkpoints need none


def gate(against: str | None, gating: Gating, config: Config, on_progress: OnProgress) -> list[Finding]:
    """Compare the work tree around the current folder with the commit where its branch left `against`.

    Raises ResbenchError when there is nothing to compare, or a side cannot be run.
    """
    if bool(gating.data) != bool(gating.evaluate) or (gating.weights and not gating.evaluate):
        raise ResbenchError("--data and --evaluate: give both, the images and the networks to evaluate on them")
    own = any(map(_is_own, gating.networks))
    with trees(Path.cwd(), against, whole=own) as sides:
        on_progress("counting", 0.0)
        findings = [*changed_counts(sides, gating.results, config), *changed_records(sides, gating.results, config)]
        on_progress("cards", 0.0)
        findings += stale_cards(sides, gating.cards, gating.results)
        on_progress("evaluating", 0.0)
        findings += changed_accuracies(sides, gating, config)
        findings += changed_speeds(sides, gating, config, on_progress)
    if not findings:
        raise ResbenchError(
            f"{Path.cwd()}: no records, cards or networks to compare; name networks to time, or add --data"
        )
    return findings


def _is_own(network: Variant) -> bool:
    """Whether files of the repository say what the network is, and not the program."""
    return is_place(network.name) or bool(network.builder)


def changed_counts(sides: Trees, results: Path, config: Config) -> Iterator[Finding]:
    """Yield how a fresh count by the work tree differs from the base's table and from its committed profiles."""
    known = [(f"{path} (recounted)", record.network, record.counts) for path, record in _committed(sides, results)]
    known += [
        (f"{network} at {size}", network, before)
        for network, sizes in _table(sides).items()
        for size, before in sizes.items()
    ]
    recounted = _recounted(sides, [(network, before.input_px) for _, network, before in known]) if known else []
    for (label, network, before), after in zip(known, recounted, strict=True):
        yield from exact.count_findings(before, after, label, network, config.of(network))


def changed_records(sides: Trees, results: Path, config: Config) -> Iterator[Finding]:
    """Yield what `resbench check` finds in those records that are not as the base has them."""
    against = f"git:{sides.commit}"
    if not _holds_records(sides, results):
        return
    before, after = read_baseline(against, results), read_new(results)
    touched = {path for path in before.keys() | after.keys() if before.get(path, [None])[-1] != after.get(path)}
    yield from compare_folders(
        {path: runs for path, runs in before.items() if path in touched},
        {path: record for path, record in after.items() if path in touched},
        config,
        predictions=read_predictions(against, results),
    )


def stale_cards(sides: Trees, folder: Path, results: Path) -> Iterator[Finding]:
    """Yield a finding per card in `folder` that is not up to date."""
    if not folder.is_dir():
        return
    places = [os.path.relpath(place.resolve(), sides.root) for place in (folder, results)]
    done = _run(sides.root, "card", "--check", "--output", places[0], "--results", places[1])
    stale = _changed_files(done.stdout)
    if done.returncode != (1 if stale else 0):
        raise ResbenchError(f"{folder}: `resbench card --check` failed: {_last_line(done)}")
    for card in stale:
        name = "--all" if Path(card).name == "README.md" else Path(card).stem
        yield _card(card, Verdict.REGRESSED, f"stale or missing; write it with `resbench card {name}`")
    if not stale:
        yield _card(str(folder), Verdict.OK, "every card that resbench wrote is up to date")


def _card(place: str, verdict: Verdict, why: str) -> Finding:
    return Finding(record=place, metric="card", before=None, after=None, verdict=verdict, why=why)


def changed_accuracies(sides: Trees, gating: Gating, config: Config) -> list[Finding]:
    """Evaluate on both sides and compare image by image."""
    if gating.data is None:
        return []
    weights = [word for file in gating.weights for word in ("--weights", str(file.resolve()))]
    runtime = [] if gating.running.runtime == "eager" else ["--runtime", gating.running.runtime]
    words = ["validate", *gating.evaluate, *weights, *runtime, "--data", str(gating.data.resolve()), "--save"]
    with tempfile.TemporaryDirectory(prefix="resbench-gate-") as temporary:
        before, after = (Path(temporary) / side for side in ("base", "new"))
        for tree, output in ((sides.base or sides.root, before), (sides.root, after)):
            done = _run(tree, *words, "--output", str(output))
            if done.returncode:
                raise ResbenchError(f"validate with the code of {tree}: {_last_line(done)}")
        return compare_folders(
            read_baseline(str(before), after),
            read_new(after),
            config,
            predictions=read_predictions(str(before), after),
        )


def changed_speeds(sides: Trees, gating: Gating, config: Config, on_progress: OnProgress) -> Iterator[Finding]:
    """Yield the verdict on each network's latency, base and work tree interleaved; all of them are one family.

    Raises ResbenchError when the base has no program of its own.
    """
    if sides.base is None and not all(map(_is_own, gating.networks)):
        raise ResbenchError(
            f"{sides.commit[:9]}: has no resbench package, so both sides run the same code; name no networks"
        )
    family = []
    end_s = time.monotonic() + gating.time_budget_s
    for index, network in enumerate(gating.networks):
        left_s = max(0.0, end_s - time.monotonic()) / (len(gating.networks) - index)
        limits = config.of(network.name)
        old, new = (Side(network=network, running=gating.running, tree=tree) for tree in (sides.files, sides.root))
        comparison = comparing.ab(
            old,
            new,
            batch_size=gating.batch_size,
            rules=Rules(floor=limits.noise_floor, limit=limits.latency, time_budget_s=left_s),
            on_progress=on_progress,
        )
        family.append(comparing.timed_sides(comparison, record=f"{network.name}, base and work tree in turn"))
    yield from judge_together(family)


def _holds_records(sides: Trees, results: Path) -> bool:
    listed = git(results.parent, "ls-tree", "-r", "-z", "--name-only", sides.commit, "--", results.name)
    if not any(name.endswith(".json") for name in listed.split("\0")):
        return False
    if not results.is_dir():
        raise ResbenchError(
            f"{results}: {sides.commit[:9]} has records there, but the work tree has none; restore them"
        )
    return True


def _committed(sides: Trees, results: Path) -> Iterator[tuple[str, Profile]]:
    """Yield the profiles as the base has them, with their paths."""
    if _holds_records(sides, results):
        for path, runs in read_baseline(f"git:{sides.commit}", results).items():
            record = runs[-1]
            if not isinstance(record, Profile) or record.classes:  # another head than the name stands for
                continue
            if is_place(record.network):  # a record must not say which code is run
                _log.warning("%s: %s is not recounted; networks in resbench.toml are", path, record.network)
                continue
            yield path, record


def _table(sides: Trees) -> Tables:
    """Return the counts that the base's package keeps of every network; none when it has no package."""
    if sides.base is None or not (sides.base / _TABLE).exists():
        return {}
    try:
        return msgspec.json.decode((sides.base / _TABLE).read_bytes(), type=Tables)
    except msgspec.MsgspecError as error:
        raise ResbenchError(f"{sides.commit[:9]}:{_TABLE}: not readable by this resbench: {error}") from None


def _recounted(sides: Trees, asked: Sequence[tuple[str, tuple[int, int]]]) -> list[Counts]:
    """Count networks at sizes with the work tree's own program, a process per core."""
    shares = min(environment.cpu_cores(), len(asked))
    with ThreadPoolExecutor(shares) as pool:
        counted = list(pool.map(lambda first: _count(sides, asked[first::shares]), range(shares)))
    return [counted[place % shares][place // shares] for place in range(len(asked))]


def _count(sides: Trees, asked: Sequence[tuple[str, tuple[int, int]]]) -> list[Counts]:
    done = subprocess.run(
        tied([sys.executable, "-c", _COUNT]),
        cwd=sides.root,
        env=_environment(sides.root) | {"OMP_NUM_THREADS": "1"},
        input=msgspec.json.encode(asked).decode(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sizes = {f"{name} at {pixels(size)}" for name, size in asked}
        raise ResbenchError(f"counting {len(sizes)} networks in {sides.root}: {_last_line(done)}")
    return msgspec.json.decode(done.stdout, type=list[Counts])


def _run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "resbench", *words]
    return subprocess.run(tied(command), cwd=tree, env=_environment(tree), capture_output=True, text=True, check=False)


def _changed_files(diff: str) -> list[str]:
    """Return the files that a unified diff is about."""
    lines = diff.splitlines()
    heads = [(old, new) for old, new in pairwise(lines) if old.startswith("--- ") and new.startswith("+++ ")]
    return [(old if new == "+++ /dev/null" else new)[4:].strip() for old, new in heads]


def _environment(tree: Path) -> dict[str, str]:
    """Return variables with which Python takes the packages of `tree` first."""
    paths = [str(tree), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
