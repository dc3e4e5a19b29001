"""The planted network has the same counts whatever container the images come in."""

import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset

from resbench.accuracy.distributed import Ranks
from resbench.accuracy.doctor import diagnose
from resbench.accuracy.journal import EvaluationInterrupted
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import examined, score
from resbench.records import predictions
from tests import packed, planted
from tests.sessions import checked, contestant, interrupted_after, session

BATCHES = -(-packed.IMAGES // 4)
COUNTS = (packed.IMAGES, packed.RIGHT_AT_1, packed.RIGHT_AT_5)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The place of each form, written once."""
    places = {}

    def place(form):
        if form not in places:
            places[form] = form(tmp_path_factory.mktemp(form.__name__))
        return places[form]

    return place


class Meeting:
    """Where threads give one another their values, as ranks do by gloo."""

    def __init__(self, size):
        self.barrier, self.values = threading.Barrier(size, timeout=60), [None] * size


@dataclass(frozen=True, kw_only=True)
class InThreads(Ranks):
    meeting: Meeting = field(default_factory=lambda: Meeting(1))

    def gather(self, value):
        self.meeting.values[self.rank] = value
        self.meeting.barrier.wait()
        values = list(self.meeting.values)
        self.meeting.barrier.wait()
        return values


def rows_of_ranks(place, size):
    """The rows of every rank, and how many batches they have evaluated together."""
    meeting, rows_of, seen = Meeting(size), {}, {}

    def run(rank):
        def on_progress(stage, done, total, right):
            if stage == "evaluating":
                seen.setdefault(rank, {})[done] = total

        own = session(group=InThreads(rank=rank, size=size, meeting=meeting), on_progress=on_progress)
        images = examined(open_set(place), own, skip=False, streams=[planted.SMALL]).images
        (rows_of[rank],) = score([contestant()], images, own)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [rows_of[rank] for rank in range(size)], sum(map(len, seen.values()))


def counts(rows):
    return len(rows), int(predictions.top1(rows).sum()), int(predictions.top5(rows).sum())


def grid():
    """Every form on 1, 2 and 3 ranks; the plain run has each form once, and each number of ranks five times."""
    for place, form in enumerate(packed.FORMS):
        for size in (1, 2, 3):
            marks = () if size == 1 + place % 3 else (pytest.mark.nightly,)
            yield pytest.param(form, size, marks=marks, id=f"{form.__name__}-{size}")


@pytest.mark.parametrize(("form", "size"), list(grid()))
def test_an_interrupted_run_ends_with_the_same_counts_on_any_number_of_ranks(made, form, size):
    place = made(form)
    images = checked(place)
    with pytest.raises(EvaluationInterrupted) as stopped:
        score([contestant(interrupted_after(17))], images, session())
    ranks, evaluated = rows_of_ranks(place, size)
    assert [counts(rows) for rows in ranks] == [COUNTS] * size
    assert evaluated == BATCHES - stopped.value.kept // 4 < BATCHES
    for rows in ranks[1:]:
        np.testing.assert_array_equal(rows, ranks[0])


NAMED = [form for form in packed.FORMS if form is not packed.plain_parquet]  # which keeps no names of images


@pytest.mark.parametrize("form", NAMED, ids=lambda form: form.__name__)
def test_every_form_has_the_fingerprint_and_the_health_of_the_folder(made, form):
    packed_set, known = open_set(made(form)), open_set(made(packed.folder))
    assert packed_set.fingerprint == known.fingerprint
    assert sorted((sample.base, sample.label) for sample in packed_set.samples) == sorted(
        (sample.base, sample.label) for sample in known.samples
    )
    diagnosis = diagnose(packed_set, workers=2)
    assert (diagnosis.healthy, diagnosis.fewest, diagnosis.most) == (True, 1, 1)


def test_a_run_on_a_folder_goes_on_in_an_archive_of_it(made):
    images = checked(made(packed.folder))
    with pytest.raises(EvaluationInterrupted) as stopped:
        score([contestant(interrupted_after(17))], images, session())
    _, evaluated = rows_of_ranks(made(packed.deflated_zip), 1)
    assert evaluated == BATCHES - stopped.value.kept // 4


def test_frames_of_a_folder_serve_every_other_form(made, tmp_path):
    own = session(cache=tmp_path / "frames")
    for form in (packed.folder, packed.shards, packed.deflated_zip):
        images = examined(open_set(made(form)), own, skip=False, streams=[planted.SMALL]).images
        (rows,) = score([contestant()], images, own)
        assert counts(rows) == COUNTS
    assert len(list((tmp_path / "frames").rglob("*.frames"))) == 1


def test_unpacked_shards_are_read_too(made, tmp_path):
    for shard in made(packed.shards).glob("*.tar"):
        shutil.unpack_archive(shard, tmp_path / "out", filter="data")
    images = open_set(tmp_path / "out")
    assert images.layout == "own labels"
    assert images.fingerprint == open_set(made(packed.folder)).fingerprint
    assert images.left_out == ()


LOAD = """
import re, sys, torch
from pathlib import Path
from resbench.accuracy import loader
from resbench.accuracy.layouts import open_set
from tests import planted
torch.set_num_threads(1)
images = open_set(Path(sys.argv[1]))
starts = range(0, len(images.samples), 64)
loaded = loader.batches(images.samples, [planted.SMALL], starts=starts, batch_size=64, workers=2)
count = sum(len(batch.samples) for batch in loaded)
print(count, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def many(root, form, count):
    """Small images, 1000 of a kind, written as the library of the form does."""
    kinds = [planted.encoded(label) for label in range(0, 1000, 20)]
    root.mkdir()
    if form == "parquet":
        rows = [(f"{number:06d}.jpg", number % 50 * 20, kinds[number % 50]) for number in range(count)]
        pq.write_table(packed.table(rows), root / "val.parquet", row_group_size=100)
        return root / "val.parquet"
    for start in range(0, count, 1000):
        with webdataset.TarWriter(str(root / f"val-{start // 1000:03d}.tar")) as out:
            for number in range(start, start + 1000):
                out.write({"__key__": f"{number:06d}", "jpg": kinds[number % 50], "cls": number % 50 * 20})
    return root


@pytest.mark.nightly
@pytest.mark.parametrize("form", ["parquet", "shards"])
def test_50000_images_take_little_more_memory_than_5000(tmp_path, form):
    """At most 2 KiB for each image: its name, place and class, and for shards its line in the archive's listing."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's peak of a process")
    peak_kib = {}
    for count in (5_000, 50_000):
        words = [sys.executable, "-c", LOAD, many(tmp_path / str(count), form, count)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        loaded, peak_kib[count] = map(int, done.stdout.split())
        assert loaded == count
    assert peak_kib[50_000] - peak_kib[5_000] < 2 * 45_000
