"""Images per second out of each form, over those out of a folder: the loader alone, in interleaved rounds.

By wall clock, and by CPU time of all threads, which other programs on the machine disturb less.

python benchmarks/forms.py [--images 50000] [--rounds 5] [--side 32] [--workers 2]
"""

import argparse
import json
import random
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import webdataset
from PIL import Image

from resbench.accuracy import loader
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.zoo.spec import Preprocess

WNIDS = list(imagenet())
Images = list[tuple[str, int, bytes]]  # name, class, JPEG


def made(count: int, side: int) -> Images:
    """Noise is as hard to decode as it gets; 200 pictures in turn."""
    chance = np.random.default_rng(0)
    pictures = []
    for _ in range(200):
        stream = BytesIO()
        Image.fromarray(chance.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(stream, "JPEG")
        pictures.append(stream.getvalue())
    return [(f"{number:06d}", number % 1000, pictures[number % 200]) for number in range(count)]


def folder(root: Path, images: Images) -> Path:
    for wnid in WNIDS:
        (root / "val" / wnid).mkdir(parents=True)
    for name, label, data in images:
        (root / "val" / WNIDS[label] / f"{name}.jpg").write_bytes(data)
    return root / "val"


def tar(root: Path, images: Images, mode: str = "w", name: str = "val.tar") -> Path:
    with tarfile.open(root / name, mode) as out:
        for base, label, data in images:
            header = tarfile.TarInfo(f"{WNIDS[label]}/{base}.jpg")
            header.size = len(data)
            out.addfile(header, BytesIO(data))
    return root / name


def compressed_tar(root: Path, images: Images) -> Path:
    return tar(root, images, "w:gz", "val.tar.gz")


def shards(root: Path, images: Images) -> Path:
    (root / "shards").mkdir()
    for start in range(0, len(images), 1000):
        with webdataset.TarWriter(str(root / "shards" / f"val-{start // 1000:03d}.tar")) as out:
            for name, label, data in images[start : start + 1000]:
                out.write({"__key__": name, "jpg": data, "cls": label})
    return root / "shards"


def zip_archive(root: Path, images: Images) -> Path:
    with ZipFile(root / "val.zip", "w") as out:
        for name, label, data in images:
            out.writestr(f"{WNIDS[label]}/{name}.jpg", data)
    return root / "val.zip"


def table(images: Images) -> pa.Table:
    image = [{"bytes": data, "path": f"{name}.jpg"} for name, _, data in images]
    return pa.table({"image": image, "label": [label for _, label, _ in images]})


def parquet(root: Path, images: Images) -> Path:
    """In row groups of 100, as on the hub."""
    pq.write_table(table(images), root / "val.parquet", row_group_size=100)
    return root / "val.parquet"


def arrow(root: Path, images: Images) -> Path:
    """As `datasets.save_to_disk` writes it, in batches of 1000."""
    (root / "saved").mkdir()
    rows, name = table(images), "data-00000-of-00001.arrow"
    with pa.OSFile(str(root / "saved" / name), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as out:
        out.write_table(rows, max_chunksize=1000)
    (root / "saved" / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    (root / "saved" / "dataset_info.json").write_text("{}")
    return root / "saved"


FORMS: tuple[Callable[[Path, Images], Path], ...] = (folder, tar, shards, zip_archive, parquet, arrow, compressed_tar)


class Seconds(NamedTuple):
    opening: float
    loading: float
    loading_cpu: float


def seconds(place: Path, side: int, workers: int) -> Seconds:
    """Seconds to open the set, and to load all its images."""
    begin = time.perf_counter()
    images = open_set(place)
    opened, cpu = time.perf_counter(), time.process_time()
    starts = range(0, len(images.samples), 64)
    stream = [Preprocess(crop_px=side, crop_pct=1.0)]
    count = sum(
        len(batch.samples)
        for batch in loader.batches(images.samples, stream, starts=starts, batch_size=64, workers=workers)
    )
    if count != len(images.samples):
        raise SystemExit(f"{place}: {count} of {len(images.samples)}")
    return Seconds(opened - begin, time.perf_counter() - opened, time.process_time() - cpu)


def spread(values: Iterable[float]) -> str:
    """Median and range."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.2f} [{ordered[0]:.2f}, {ordered[-1]:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 50_000), ("rounds", 5), ("side", 32), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as root:
        images = made(asked.images, asked.side)
        places = {form.__name__: form(Path(root), images) for form in FORMS}
        rounds: list[dict[str, Seconds]] = []
        for number in range(asked.rounds):
            order = random.Random(number).sample(list(places), len(places))
            rounds.append({name: seconds(places[name], asked.side, asked.workers) for name in order})
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
    for name in places:
        own = [taken[name] for taken in rounds]
        opening = statistics.median(one.opening for one in own)
        speed = statistics.median(asked.images / one.loading for one in own)
        cpu_us = statistics.median(1e6 * one.loading_cpu / asked.images for one in own)
        wall = spread(taken["folder"].loading / taken[name].loading for taken in rounds)
        cpu = spread(taken["folder"].loading_cpu / taken[name].loading_cpu for taken in rounds)
        print(
            f"{name:15} opened in {opening:5.2f} s; {speed:6.0f} images/s, {wall} of the folder's; "
            f"{cpu_us:4.0f} us of CPU time per image, {cpu} of the folder's speed"
        )


if __name__ == "__main__":
    main()
