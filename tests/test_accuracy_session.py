"""One pass, however it is interrupted and shared: the same rows."""

import multiprocessing
import os
import random
import shutil
import socket
import time

import numpy as np
import pytest

from resbench.accuracy.distributed import Ranks
from resbench.accuracy.journal import EvaluationInterrupted, Journal, expire, rows_of
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.loader import UnreadableImagesError
from resbench.accuracy.session import examined, score, scored
from resbench.errors import ResbenchError
from resbench.records import predictions
from tests import planted, sessions
from tests.sessions import checked, contestant, interrupted_after, session

WNIDS = list(imagenet())
STREAMS = [planted.SMALL]
IMAGES = 59  # divisible by neither the batch nor 2 nor 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("val")
    for place in range(IMAGES):
        planted.write(root / WNIDS[place * 16] / f"{place}.JPEG", place * 16 + place % 4)
    return root


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sessions"])  # imports torch once for all
    return context


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        (rows,) = score([contestant()], open_set(folder), session())
    assert predictions.top1(rows).sum() == 15
    assert predictions.top5(rows).sum() == 45
    return rows


@pytest.mark.parametrize("kills", [8, pytest.param(40, marks=pytest.mark.nightly)])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_rows(
    processes, folder, cache, expected, tmp_path, kills
):
    chance = random.Random(5)
    variables = {"XDG_CACHE_HOME": str(cache)}
    for run in range(kills):
        out = tmp_path / f"{run}.npy"
        process = processes.Process(target=sessions.run, args=(folder, out, variables))
        process.start()
        while process.is_alive() and not out.with_suffix(".begun").exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.join()
        if out.exists() and out.with_suffix(".evaluated").exists():
            np.testing.assert_array_equal(np.load(out)[0], expected)
    out = tmp_path / "last.npy"
    sessions.run(folder, out, variables)
    np.testing.assert_array_equal(np.load(out)[0], expected)
    resumed = sum(
        int(path.read_text()) < -(-IMAGES // 4) for path in tmp_path.glob("*.evaluated") if path.stat().st_size
    )
    assert resumed, "no run took up where another had been killed"
    assert not list(cache.glob("resbench/unfinished/*"))


def test_progress_counts_what_was_kept_and_the_share_of_this_process(folder, expected):
    images, told = checked(folder), []

    def on_progress(stage, done, total, right):
        told.append((done, total, right))
        if (done, total) == (12, IMAGES):
            raise KeyboardInterrupt

    with pytest.raises(EvaluationInterrupted) as stopped:
        score([contestant()], images, session(on_progress=on_progress))
    assert (stopped.value.kept, stopped.value.failure) == (12, "")

    class First(Ranks):
        def gather(self, value):
            return [value]

    kept = told[-1]
    told.clear()
    score([contestant()], images, session(on_progress=on_progress, group=First(rank=0, size=2)))
    places = range(12 + 6 * 4)  # of the 12 batches that are missing the first rank has 6
    right = np.cumsum(predictions.top1(expected)[places]).tolist()
    assert told == [(done, len(places), right[done - 1]) for done in range(12, len(places) + 1, 4)]
    assert told[0][0] == kept[0]  # as the run resumes


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_share_the_images_exactly(processes, folder, cache, expected, tmp_path, size):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = []
    for rank in range(size):
        variables = {
            "XDG_CACHE_HOME": str(cache),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        process = processes.Process(target=sessions.run, args=(folder, tmp_path / f"{rank}.npy", variables, 2))
        process.start()
        started.append(process)
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    for rank in range(size):
        np.testing.assert_array_equal(np.load(tmp_path / f"{rank}.npy")[0], expected)
    evaluated = [int((tmp_path / f"{rank}.evaluated").read_text()) for rank in range(size)]
    assert sum(evaluated) == -(-IMAGES // 4)
    assert max(evaluated) - min(evaluated) <= 1


def test_after_ctrl_c_only_what_is_missing_is_evaluated(folder, expected):
    images, seen = checked(folder), []

    class Interrupting(planted.Planted):
        def forward(self, x):
            seen.append(len(x))
            if len(seen) == 6:
                raise KeyboardInterrupt
            return super().forward(x)

    with pytest.raises(KeyboardInterrupt):
        score([contestant(Interrupting())], images, session())
    first = len(seen)
    (rows,) = score([contestant(Interrupting())], images, session())
    np.testing.assert_array_equal(rows, expected)
    assert first <= 8  # passes that were under way may end
    assert len(seen) < first + -(-IMAGES // 4)


def test_two_runs_at_once_do_not_disturb_each_other(folder, expected):
    images = open_set(folder)
    inner = []

    class Nesting(planted.Planted):
        def forward(self, x):
            if not inner:
                inner.append(None)
                inner[0] = score([contestant()], images, session())[0]
            return super().forward(x)

    (outer,) = score([contestant(Nesting())], images, session())
    np.testing.assert_array_equal(outer, expected)
    np.testing.assert_array_equal(inner[0], expected)


def test_a_journal_is_taken_up_only_for_the_same_weights_and_images(folder, tmp_path):
    images, asked = checked(folder), []

    class Stopping(planted.Planted):
        def forward(self, x):
            asked.append(len(x))
            if len(asked) == 5:
                raise KeyboardInterrupt
            return super().forward(x)

    with pytest.raises(KeyboardInterrupt):
        score([contestant(Stopping())], images, session())
    begun = len(asked)
    score([contestant(Stopping(), identity="other weights")], images, session())
    assert len(asked) - begun == -(-IMAGES // 4)
    shutil.copytree(folder, tmp_path / "val")
    planted.write(tmp_path / "val" / WNIDS[0] / "0.JPEG", 3, size=(90, 90))
    before = len(asked)
    score([contestant(Stopping())], checked(tmp_path / "val"), session())
    assert len(asked) - before == -(-IMAGES // 4)


def test_a_row_that_was_cut_off_is_left_out(tmp_path, folder, expected):
    journal = Journal(folder=tmp_path / "j")
    samples = checked(folder).samples
    journal.add(expected[:4], samples[:4])
    path = journal.folder / journal.own
    path.write_bytes(path.read_bytes()[:-1])
    np.testing.assert_array_equal(rows_of(journal.read(), samples), expected[:3])
    journal.remove()
    assert len(journal.read()) == 0


def test_a_journal_that_cannot_be_written_stops_nothing_and_says_so(folder, expected, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (found,) = scored([contestant()], checked(folder), session())
    np.testing.assert_array_equal(found.rows, expected)
    assert found.journal.failure == f"{found.journal.folder}: Not a directory"
    with pytest.raises(EvaluationInterrupted) as stopped:
        score([contestant(interrupted_after(20))], checked(folder), session())
    assert stopped.value.failure == found.journal.failure


def test_rows_of_refused_runs_are_removed_and_old_ones_expire(tmp_path, cache):
    for place in range(40):
        planted.write(tmp_path / "val" / WNIDS[place * 3] / f"{place}.png", place * 3 + 1, size=(16, 16), kind="PNG")
    with pytest.raises(ResbenchError, match="one too low"):
        score([contestant()], checked(tmp_path / "val"), session(batch_size=40))
    kept = cache / "resbench" / "unfinished"
    assert list(kept.iterdir()) == []
    for name, days in (("old", 31), ("new", 29)):
        (kept / name).mkdir()
        os.utime(kept / name, (time.time() - days * 24 * 3600,) * 2)
    expire(kept)
    assert [path.name for path in kept.iterdir()] == ["new"]
    expire(tmp_path / "nowhere")


def test_a_labels_file_that_counts_from_one_is_named_with_its_correction(tmp_path):
    for place in range(40):
        planted.write(tmp_path / "set" / f"{place}.png", place * 3, size=(16, 16), kind="PNG")
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{place}.png {place * 3 + 1}\n" for place in range(40)))
    with pytest.raises(ResbenchError, match=r"one too high.*; subtract 1 from every class in .*labels\.txt"):
        score([contestant()], open_set(tmp_path / "set", labels), session(batch_size=40))


def test_labels_that_cannot_be_right_stop_the_run(tmp_path):
    for place in range(250):
        planted.write(tmp_path / WNIDS[place * 3] / f"{place}.png", place * 3 + 1, size=(16, 16), kind="PNG")
    with pytest.raises(
        ResbenchError,
        match=r"planted: 0 of \d\d right: the labels are one too low.*give the classes with --labels FILE",
    ):
        score([contestant()], open_set(tmp_path), session(batch_size=16))


def test_unreadable_images_are_skipped_only_when_asked(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "val")
    for place in (3, 5):
        (tmp_path / "val" / WNIDS[place * 16] / f"{place}.JPEG").write_bytes(b"x")
    images = open_set(tmp_path / "val")
    with pytest.raises(UnreadableImagesError, match="2 unreadable images"):
        examined(images, session(), skip=False, streams=STREAMS)
    found = examined(images, session(), skip=True, streams=STREAMS)
    assert found.skipped == (f"{WNIDS[48]}/3.JPEG", f"{WNIDS[80]}/5.JPEG")
    (rows,) = score([contestant()], found.images, session())
    assert len(rows) == IMAGES - 2
    assert predictions.top1(rows).sum() == 15


def test_ranks_that_see_other_images_are_refused(folder):
    class Apart(Ranks):
        def gather(self, value):
            return [value, "another"]

    with pytest.raises(ResbenchError, match="not the same images on every machine"):
        examined(open_set(folder), session(group=Apart()), skip=False, streams=STREAMS)


def test_a_set_of_unreadable_images_only_is_refused_even_then(tmp_path):
    (tmp_path / WNIDS[0]).mkdir()
    (tmp_path / WNIDS[0] / "a.JPEG").write_bytes(b"x")
    with pytest.raises(UnreadableImagesError):
        examined(open_set(tmp_path), session(), skip=True, streams=STREAMS)


def test_no_variable_of_torchrun_means_one_rank():
    from resbench.accuracy.distributed import ranks

    assert "WORLD_SIZE" not in os.environ
    with ranks() as group:
        assert (group.rank, group.size, group.gather("x")) == (0, 1, ["x"])


def test_a_run_does_not_go_on_with_what_it_saw_in_files_that_were_replaced_since(tmp_path):
    for label in range(5):
        planted.write(tmp_path / "val" / WNIDS[label] / f"{label}.bmp", label, kind="BMP")
    network, passes = planted.Planted(), []

    def cut_off(inputs):
        passes.append(inputs)
        if len(passes) == 4:
            raise KeyboardInterrupt
        return network(inputs)

    images = checked(tmp_path / "val")
    with pytest.raises(KeyboardInterrupt):
        score([contestant(cut_off)], images, session(batch_size=1))
    planted.write(images.samples[0].path, 9, kind="BMP")
    with pytest.raises(UnreadableImagesError, match="changed since it was checked"):
        score([contestant()], images, session(batch_size=2))
    (rows,) = score([contestant()], checked(tmp_path / "val"), session(batch_size=1))
    assert rows["top5"][:, 0].tolist() == [9, *(sample.label for sample in images.samples[1:])]
