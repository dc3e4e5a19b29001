"""`resbench gate` on unchanged code and on code that really is slower: false alarms, power, seconds.

    python benchmarks/gating.py --runs 20 --slower 0 0.05 0.10 --network resnet18 --input-px 64

Run it from a checkout with resbench installed from there (`pip install -e .`). Copies package, cards and records into a
repository, makes every forward pass of the work tree burn a share of its own CPU time, and runs the whole gate: counts,
records, cards, and base and work tree timed in turn. Every run is printed, with the load at its end; none is left out.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import resbench
from resbench.bench import gate
from resbench.judging.finding import Finding, Verdict, overall
from resbench.judging.limits import Config
from resbench.judging.robust import clopper_pearson
from resbench.running.settings import Running
from resbench.zoo.find import find

FORWARD = "        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))\n"
END = "        return self.fc("


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--slower", type=float, nargs="+", default=[0.0, 0.05, 0.10])
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--input-px", type=int, default=64)
    parser.add_argument("--time-budget", type=float, default=50.0, help="seconds for the looks, confirmation included")
    arguments = parser.parse_args()
    for share in arguments.slower:
        verdicts = []
        for number in range(arguments.runs):
            found, seconds = run(share, arguments)
            verdicts.append(str(found.verdict))
            print(
                f"+{share:.0%} run {number + 1:2}: {found.verdict:12} {found.ratio:.4f} "
                f"[{found.ratio_low:.4f}, {found.ratio_high:.4f}] {found.metric}, detectable {found.detectable:.1%}, "
                f"{found.why}, {seconds:.0f} s, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        called = verdicts.count("regressed")
        low, high = clopper_pearson(called, len(verdicts))
        print(f"+{share:.0%}: {called} of {len(verdicts)} called regressed [{low:.1%}, {high:.1%}]", flush=True)


def run(share: float, arguments: argparse.Namespace) -> tuple[Finding, float]:
    """Return what the gate finds where the work tree is slower by `share`, and how long it took."""
    with tempfile.TemporaryDirectory() as folder:
        root = repository(Path(folder))
        burn(root / "resbench" / "nets" / "resnet.py", share)
        gating = gate.Gating(
            networks=[find(arguments.network)],
            running=Running(input_px=arguments.input_px, threads=1),
            time_budget_s=arguments.time_budget,
        )
        started = time.perf_counter()
        with contextlib.chdir(root):
            *others, found = gate.gate(None, gating, Config(), lambda *_: None)
        seconds = time.perf_counter() - started
        assert overall(others) == Verdict.OK, others
        return found, seconds


def repository(root: Path) -> Path:
    """Commit a copy of this package, with its cards and records, into a new repository."""
    for name in ("resbench", "cards", "results"):
        source = Path(resbench.__file__).parents[1] / name
        shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
    return root


def burn(path: Path, share: float) -> None:
    """Make every forward pass take `share` of its own process time longer."""
    if share == 0:
        return
    text = path.read_text()
    clock = "__import__('time').process_time_ns()"
    text = text.replace(FORWARD, f"        started = {clock}\n{FORWARD}")
    wait = (
        f"        until = {clock} + {share} * ({clock} - started)\n        while {clock} < until:\n            pass\n"
    )
    path.write_text(text.replace(END, f"{wait}{END}"))


if __name__ == "__main__":
    main()
