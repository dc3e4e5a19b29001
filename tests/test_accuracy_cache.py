"""Frames on disk are those of the images as they are now, or are made anew."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from resbench.accuracy import pixels
from resbench.accuracy.cache import open_cache
from resbench.accuracy.dataset import digest_of
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import examined, score
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.sessions import contestant, interrupted_after, session

WNIDS = list(imagenet())
IMAGES = 9


@pytest.fixture(autouse=True)
def unfinished(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def score_set(folder, plan, network=None):
    """The rows of a network on a folder, as a validation gets them."""
    images = examined(open_set(folder), plan, skip=False, streams=[planted.SMALL]).images
    return score([network or contestant()], images, plan)


@pytest.fixture
def folder(tmp_path):
    for place in range(IMAGES):
        planted.write(tmp_path / "val" / WNIDS[place * 16] / f"{place}.JPEG", place * 16 + place % 4)
    return tmp_path / "val"


def test_a_cache_gives_the_same_rows_and_the_second_run_decodes_nothing(folder, tmp_path, monkeypatch):
    (expected,) = score_set(folder, session())
    with_cache = session(cache=tmp_path / "frames")
    (rows,) = score_set(folder, with_cache)
    np.testing.assert_array_equal(rows, expected)
    monkeypatch.setattr(Image, "open", None)  # whoever parses or decodes a file now fails
    (rows,) = score_set(folder, with_cache)
    np.testing.assert_array_equal(rows, expected)
    other = Preprocess(crop_px=24, crop_pct=1.0)
    with pytest.raises(TypeError):
        examined(open_set(folder), with_cache, skip=False, streams=[planted.SMALL, other])


def test_a_cache_that_was_cut_off_is_completed(tmp_path):
    digest, frame = digest_of(b"x"), np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    cache = open_cache(tmp_path, planted.SMALL, "pillow")
    assert cache.load(digest) is None
    cache.store(digest, frame)
    with (cache.folder / f"{cache.own}.frames").open("ab") as stream:
        stream.write(frame.tobytes()[:-1])
    np.testing.assert_array_equal(open_cache(tmp_path, planted.SMALL, "pillow").load(digest), frame)
    with (cache.folder / f"{cache.own}.digests").open("ab") as stream:
        stream.write(digest_of(b"y") + b"half of one")
    again = open_cache(tmp_path, planted.SMALL, "pillow")
    assert list(again.kept) == [digest]
    other = open_cache(tmp_path, planted.SMALL, "pillow")
    other.store(digest_of(b"z"), frame + 1)
    found = open_cache(tmp_path, planted.SMALL, "pillow")
    np.testing.assert_array_equal(found.load(digest_of(b"z")), frame + 1)
    np.testing.assert_array_equal(found.load(digest), frame)


def test_a_cache_does_not_know_a_file_that_replaced_another_of_its_name_size_and_time(tmp_path):
    planted.write(tmp_path / "val" / WNIDS[7] / "a.bmp", 7, kind="BMP")
    path = planted.write(tmp_path / "val" / WNIDS[8] / "b.bmp", 8, kind="BMP")
    before, with_cache = path.stat(), session(cache=tmp_path / "frames")
    (rows,) = score_set(tmp_path / "val", with_cache)
    assert sorted(rows["top5"][:, 0]) == [7, 8]
    planted.write(path, 9, kind="BMP")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    (rows,) = score_set(tmp_path / "val", with_cache)
    assert sorted(rows["top5"][:, 0]) == [7, 9]


def test_another_layout_of_the_same_images_takes_their_frames(folder, tmp_path, monkeypatch):
    with_cache = session(cache=tmp_path / "frames")
    score_set(folder, with_cache)
    for path in folder.iterdir():
        path.rename(folder / str(WNIDS.index(path.name)))
    monkeypatch.setattr(pixels, "decode", None)  # whoever decodes now fails
    (rows,) = score_set(folder, with_cache)
    assert len(rows) == IMAGES


CONTENTS = 4  # images that differ, of one size
permutations = st.permutations([k % CONTENTS for k in range(2 * CONTENTS)])


def laid_out(root, shown, folders):
    """Images with one base name, size and time each: the class of folder k shows `shown[k]`."""
    for place, content in enumerate(shown):
        path = planted.write(root / folders[place] / "0.bmp", content, kind="BMP")
        os.utime(path, (1, 1))
    return root


@settings(max_examples=15, deadline=None, database=None, derandomize=True)
@given(permutations, permutations, st.booleans(), st.booleans(), st.integers(0, 2 * CONTENTS), st.integers(1, 3))
def test_any_two_layouts_after_any_interruption_give_the_rows_of_a_fresh_run(
    first, second, numbered, same, stop, batch_size
):
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        root = Path(temporary)
        folders = [str(k) for k in range(2 * CONTENTS)], WNIDS
        before = laid_out(root / "a", first, folders[numbered])
        after = laid_out(root / "b", second, folders[numbered == same])
        patch.setenv("XDG_CACHE_HOME", str(root / "fresh"))
        (expected,) = score_set(after, session(batch_size=batch_size))
        patch.setenv("XDG_CACHE_HOME", str(root / "shared"))
        with_cache = session(batch_size=batch_size, cache=root / "frames")
        with suppress(KeyboardInterrupt):
            score_set(before, with_cache, contestant(interrupted_after(stop)))
        (rows,) = score_set(after, with_cache)
    np.testing.assert_array_equal(rows, expected)
    assert rows["top5"][:, 0].tolist() == [second[label] for label in rows["label"]]  # what each image shows


def test_frames_that_stay_on_a_device_are_not_cached(folder, tmp_path):
    decoder = replace(session().decoder, device=torch.device("cpu"))
    with pytest.raises(ResbenchError, match="--cache keeps frames on disk, this --decoder on the device"):
        examined(open_set(folder), session(cache=tmp_path, decoder=decoder), skip=False, streams=[planted.SMALL])


def test_a_cache_without_room_is_refused_beforehand(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(ResbenchError, match=r"10 B free, the frames take 6.75 KiB; choose another --cache folder"):
        score_set(folder, session(cache=tmp_path / "frames"))
    (tmp_path / "file").touch()
    with pytest.raises(ResbenchError, match="choose another --cache folder"):
        open_cache(tmp_path / "file" / "x", planted.SMALL, "pillow")
