"""How long `resbench data check` takes, beside that of another checkout of resbench.

python benchmarks/checking.py --before CHECKOUT [--images 50000] [--rounds 3]

Both look at the same small images of noise (or at those in --data), in turn; the ratio is taken within a round.
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


def seconds(checkout: Path, data: Path) -> float:
    """Return how long a process takes that looks at `data` with the code of a checkout."""
    words = [sys.executable, "-m", "resbench", "data", "check", str(data)]
    start = time.perf_counter()
    subprocess.run(
        words, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)}, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = (asked.data or noise(Path(folder) / "set", asked.images)).resolve()
        ratios = []
        for number in range(asked.rounds):
            before, after = seconds(asked.before.resolve(), data), seconds(HERE, data)
            ratios.append(before / after)
            load = os.getloadavg()[0]
            print(f"round {number + 1}: {before:.1f} s before, {after:.1f} s now, load {load:.1f}")
    low, high = min(ratios), max(ratios)
    print(f"{statistics.median(ratios):.2f} times as fast [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
