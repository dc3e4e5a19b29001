"""How long `resbench data check` takes, beside that of another checkout of resbench.

python benchmarks/checking.py --before CHECKOUT [--images 50000] [--rounds 3]

Both look at the same small images of noise (or at those in --data), in turn; the ratios, of the time that passed and of
CPU time with that of all processes, are taken within a round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from resbench.accuracy.labels import imagenet

HERE = Path(__file__).resolve().parents[1]


def noise(root: Path, count: int) -> Path:
    """Write `count` JPEGs of 64 x 64 in folders by WordNet id."""
    rng = np.random.default_rng(0)
    for wnid in imagenet():
        (root / wnid).mkdir(parents=True)
    for number, wnid in zip(range(count), [*imagenet()] * (count // 1000 + 1), strict=False):
        levels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(levels).save(root / wnid / f"{number}.JPEG", quality=50)
    return root


def seconds(checkout: Path, data: Path) -> tuple[float, float]:
    """Return how long a process takes that looks at `data` with the code of a checkout: what passes, and CPU time."""
    words = [sys.executable, "-m", "resbench", "data", "check", str(data)]
    start = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"data check with {checkout}: exit code {process.returncode}")
    return wall_s, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = (asked.data or noise(Path(folder) / "set", asked.images)).resolve()
        rounds = []
        for number in range(asked.rounds):
            before, after = seconds(asked.before.resolve(), data), seconds(HERE, data)
            rounds.append([old / new for old, new in zip(before, after, strict=True)])
            figures = ", ".join(
                f"{wall_s:.1f} s ({cpu_s:.1f} s of CPU time) {side}"
                for side, (wall_s, cpu_s) in (("before", before), ("now", after))
            )
            print(f"round {number + 1}: {figures}, load {os.getloadavg()[0]:.1f}", flush=True)
    for what, ratios in zip(("passed", "of CPU time"), zip(*rounds, strict=True), strict=True):
        print(f"{what}: {statistics.median(ratios):.2f} times as fast [{min(ratios):.2f}, {max(ratios):.2f}]")


if __name__ == "__main__":
    main()
