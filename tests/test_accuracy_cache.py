"""Frames on disk are those of the images as they are now, or are made anew."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from resbench.accuracy.cache import open_cache
from resbench.accuracy.dataset import File
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import examined, score
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.sessions import contestant, session

WNIDS = list(imagenet())
IMAGES = 9


@pytest.fixture(autouse=True)
def unfinished(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    for place in range(IMAGES):
        planted.write(tmp_path / "val" / WNIDS[place * 16] / f"{place}.JPEG", place * 16 + place % 4)
    return tmp_path / "val"


def test_a_cache_gives_the_same_rows_and_the_second_run_decodes_nothing(folder, tmp_path, monkeypatch):
    images, streams = open_set(folder), [planted.SMALL]
    (expected,) = score([contestant()], images, session())
    with_cache = session(cache=tmp_path / "frames")
    (rows,) = score([contestant()], images, with_cache)
    np.testing.assert_array_equal(rows, expected)
    monkeypatch.setattr(File, "read", None)  # whoever reads a file now fails
    examined(images, with_cache, skip=False, streams=streams)
    (rows,) = score([contestant()], images, with_cache)
    np.testing.assert_array_equal(rows, expected)
    other = Preprocess(crop_px=24, crop_pct=1.0)
    with pytest.raises(TypeError):
        examined(images, with_cache, skip=False, streams=[*streams, other])


def test_a_cache_that_was_cut_off_is_completed(folder, tmp_path):
    images = open_set(folder)
    cache = open_cache(tmp_path, images, planted.SMALL, "pillow")
    assert cache.load(3) is None
    frame = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    cache.store(3, frame)
    again = open_cache(tmp_path, images, planted.SMALL, "pillow")
    np.testing.assert_array_equal(again.load(3), frame)
    assert [place for place in range(IMAGES) if again.load(place) is not None] == [3]


@pytest.fixture
def two_files(tmp_path):
    """A set of two images, and another image for the second of them, equal in size."""
    planted.write(tmp_path / "val" / WNIDS[7] / "a.bmp", 7, kind="BMP")
    path = planted.write(tmp_path / "val" / WNIDS[8] / "b.bmp", 8, kind="BMP")
    other = planted.write(tmp_path / "other.bmp", 9, kind="BMP")
    assert path.stat().st_size == other.stat().st_size
    return path, other


def test_a_cache_does_not_know_a_file_that_replaced_another_of_its_name_and_size(two_files, tmp_path):
    path, other = two_files
    with_cache = session(cache=tmp_path / "frames")
    (before,) = score([contestant()], open_set(tmp_path / "val"), with_cache)
    other.replace(path)
    images = open_set(tmp_path / "val")
    cache = open_cache(tmp_path / "frames", images, planted.SMALL, with_cache.way.name)
    assert [cache.load(place) is None for place in range(2)] == [one.base == "b.bmp" for one in images.samples]
    (after,) = score([contestant()], images, with_cache)
    assert [sorted(rows["top5"][:, 0]) for rows in (before, after)] == [[7, 8], [7, 9]]
    assert all(cache.load(place) is not None for place in range(2))


def test_frames_that_stay_on_a_device_are_not_cached(folder, tmp_path):
    way = replace(session().way, device=torch.device("cpu"))
    with pytest.raises(ResbenchError, match="--cache keeps frames on disk, this --decoder on the device"):
        examined(open_set(folder), session(cache=tmp_path, way=way), skip=False, streams=[planted.SMALL])


def test_a_cache_without_room_is_refused_beforehand(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(ResbenchError, match=r"10 B free, the frames take 6.75 KiB; choose another --cache folder"):
        open_cache(tmp_path, open_set(folder), planted.SMALL, "pillow")
    (tmp_path / "file").touch()
    with pytest.raises(ResbenchError, match="choose another --cache folder"):
        open_cache(tmp_path / "file" / "x", open_set(folder), planted.SMALL, "pillow")
