"""Faster ways to frames: equal to the reference, or as far off as they say."""

import numpy as np
import pytest

from resbench.accuracy.annotations import sample
from resbench.accuracy.dataset import File
from resbench.accuracy.decoders import decoder, difference
from resbench.accuracy.pixels import UNREADABLE
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess
from tests.test_accuracy_pixels import SIZES, photograph


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    found = []
    for index, (size, mode) in enumerate([*((size, "RGB") for size in SIZES), ((300, 200), "L"), ((200, 300), "CMYK")]):
        path = root / f"{index}.jpg"
        path.write_bytes(photograph(*size, mode))
        found.append(sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0))
    return found


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_simplejpeg_gives_the_references_pixels(samples, interpolation):
    assert difference(samples, Preprocess(interpolation=interpolation), decoder("simplejpeg")) == 0


@pytest.mark.parametrize(("interpolation", "levels"), [("bilinear", 1), ("bicubic", 2)])
def test_torchs_resizing_is_off_by_a_level_or_two(samples, interpolation, levels):
    assert 1 <= difference(samples, Preprocess(interpolation=interpolation), decoder("simplejpeg+torch")) <= levels


def test_a_damaged_image_is_unreadable_by_every_way():
    whole = photograph(200, 150)
    for name in ("pillow", "simplejpeg", "simplejpeg+torch"):
        with pytest.raises(UNREADABLE):
            decoder(name).decode(whole[: len(whole) // 2])


def test_other_formats_go_through_the_reference(samples):
    from PIL import Image

    path = samples[0].path.with_suffix(".png")
    Image.open(samples[0].path).save(path)
    other = sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0)
    np.testing.assert_array_equal(decoder("simplejpeg").image(other), np.asarray(decoder("pillow").image(other)))


def test_what_torch_cannot_do_is_refused(samples):
    way = decoder("simplejpeg+torch")
    for preprocess in (Preprocess(interpolation="lanczos"), Preprocess(crop_mode="border")):
        with pytest.raises(ResbenchError, match="choose simplejpeg or pillow"):
            way.frame(way.image(samples[0]), preprocess)
