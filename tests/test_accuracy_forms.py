"""The planted network has the same counts whatever container the images come in."""

import shutil
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

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


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("form", packed.FORMS, ids=lambda form: form.__name__)
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
