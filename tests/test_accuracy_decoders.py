"""Faster decoders: equal to the reference, or as far off as they say."""

import importlib.metadata
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from resbench.accuracy import pixels
from resbench.accuracy.annotations import annotated_sample
from resbench.accuracy.dataset import File
from resbench.accuracy.decoders import CPU, decoder_named, largest_difference, on_device
from resbench.accuracy.loader import UnreadableImagesError, batches
from resbench.accuracy.readable import UNREADABLE
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
        found.append(annotated_sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0))
    return found


@pytest.fixture
def nvimgcodec():
    """The code of the GPU's decoder, with the library's decoder for the CPU."""
    try:
        importlib.metadata.version("nvidia-nvimgcodec-cu12")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs nvImageCodec")
    return on_device(CPU)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_simplejpeg_gives_the_references_pixels(samples, interpolation):
    for crop_mode, crop_px in (("center", 224), ("squash", 224), ("border", 224), ("center", 448)):
        preprocess = Preprocess(interpolation=interpolation, crop_mode=crop_mode, crop_px=crop_px)
        assert largest_difference(samples, preprocess, decoder_named("simplejpeg")) == 0


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_torchs_resizing_is_off_by_a_level_or_two(samples, interpolation):
    assert (
        1
        <= largest_difference(samples, Preprocess(interpolation=interpolation), decoder_named("simplejpeg+torch"))
        <= 2
    )


def test_a_damaged_image_is_unreadable_by_every_way():
    whole = photograph(200, 150)
    for name in ("pillow", "simplejpeg", "simplejpeg+torch"):
        with pytest.raises(UNREADABLE):
            decoder_named(name).decode(whole[: len(whole) // 2])


def test_other_formats_go_through_the_reference(samples):
    from PIL import Image

    path = samples[0].path.with_suffix(".png")
    Image.open(samples[0].path).save(path)
    other = annotated_sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0)
    np.testing.assert_array_equal(
        decoder_named("simplejpeg").image(other), np.asarray(decoder_named("pillow").image(other))
    )


def test_what_torch_cannot_do_is_refused(samples):
    decoder = decoder_named("simplejpeg+torch")
    for preprocess in (Preprocess(interpolation="lanczos"), Preprocess(crop_mode="border")):
        with pytest.raises(ResbenchError, match="choose simplejpeg or pillow"):
            decoder.frame(decoder.image(samples[0]), preprocess)


def test_nvimagecodec_decodes_the_references_pixels(samples, nvimgcodec, monkeypatch):
    expected = [np.asarray(decoder_named("pillow").image(one)) for one in samples]
    *plain, cmyk = range(len(samples))
    np.testing.assert_array_equal(nvimgcodec.image(samples[cmyk]).numpy(), expected[cmyk])
    monkeypatch.setattr(pixels, "decode", None)  # whoever asks Pillow now fails
    for place in plain:
        np.testing.assert_array_equal(nvimgcodec.image(samples[place]).numpy(), expected[place])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resizing_in_floats_is_off_by_a_level_or_two(samples, nvimgcodec, interpolation):
    assert 1 <= largest_difference(samples, Preprocess(interpolation=interpolation), nvimgcodec) <= 2


def test_threads_do_not_get_each_others_pixels_from_nvimagecodec(samples, nvimgcodec):
    alone = [nvimgcodec.image(one) for one in samples]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(nvimgcodec.image, samples * 10))
    assert all(torch.equal(one, other) for one, other in zip(together, alone * 10, strict=True))


def test_frames_on_the_device_are_loaded_as_those_of_the_host_are(samples, nvimgcodec):
    how = Preprocess(crop_px=96)
    (batch,) = batches(samples, [how], starts=[0], batch_size=len(samples), workers=3, decoder=nvimgcodec)
    for one, frame in zip(samples, batch.frames[how], strict=True):
        assert torch.equal(frame, nvimgcodec.frame(nvimgcodec.image(one), how))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9, 0.99])
def test_a_damaged_image_is_unreadable_by_nvimagecodec(samples, nvimgcodec, tmp_path, share, capfd):
    path = tmp_path / "a.jpg"
    whole = samples[0].path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    broken = annotated_sample(File(name=path.name, path=path, size_bytes=path.stat().st_size), 0)
    with pytest.raises(UnreadableImagesError, match=r"1 unreadable image: a\.jpg"):
        list(batches([samples[1], broken], [Preprocess()], starts=[0], batch_size=2, workers=2, decoder=nvimgcodec))
    assert capfd.readouterr().err == ""


def test_what_nvimagecodec_cannot_do_is_refused(samples, nvimgcodec, monkeypatch):
    with pytest.raises(ResbenchError, match="'nvimgcodec': torch has no lanczos; choose simplejpeg or pillow"):
        nvimgcodec.frame(nvimgcodec.image(samples[0]), Preprocess(interpolation="lanczos"))
    with pytest.raises(ResbenchError, match="decodes on CUDA devices, not on cpu; choose simplejpeg"):
        decoder_named("nvimgcodec")
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", None)
    monkeypatch.setitem(sys.modules, "nvidia", None)
    with pytest.raises(ResbenchError, match=r"not installed; pip install 'nvidia-nvimgcodec-cu12"):
        decoder_named("nvimgcodec", torch.device("cuda", 0))


def test_where_nvimagecodec_decodes_nothing_it_is_refused(nvimgcodec):
    if torch.cuda.is_available():
        pytest.skip("needs a machine without a CUDA device")
    with pytest.raises(ResbenchError, match="decodes nothing on cuda:0; pip install"):
        decoder_named("nvimgcodec", torch.device("cuda", 0))


def test_the_record_names_nvimagecodec_with_its_version(nvimgcodec):
    version = importlib.metadata.version("nvidia-nvimgcodec-cu12")
    named = nvimgcodec.name.partition(",")[0]
    assert version.startswith(named.removeprefix("nvimgcodec "))
