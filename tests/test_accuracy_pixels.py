"""Pixels: equal to torchvision's and timm's, bit for bit (-m reference), and refusals."""

import io

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings, strategies
from PIL import Image

from resbench.accuracy import pixels, readable
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess

SIZES = [(500, 375), (333, 500), (68, 68), (200, 97), (224, 224), (256, 256), (1203, 801), (97, 640)]


def photograph(width, height, mode="RGB"):
    """A JPEG with edges, gradients and noise at every frequency."""
    noise = np.random.default_rng(width * 7919 + height)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / k) * np.cos(y / (k + 3)) * 90 + 128 for k in (3, 11, 41)], axis=-1)
    values = np.clip(waves + noise.normal(0, 30, waves.shape), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).convert(mode).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def test_grey_and_cmyk_images_become_three_channels():
    for mode in ("L", "CMYK"):
        assert pixels.frame(pixels.decode(photograph(300, 260, mode)), Preprocess()).shape == (224, 224, 3)


def test_normalising_is_subtraction_and_division_in_float32():
    frames = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 16, 16, 3)
    preprocess = Preprocess(crop_px=16)
    expected = (np.float32(frames.numpy()) / np.float32(255) - np.float32(preprocess.mean)) / np.float32(preprocess.std)
    np.testing.assert_array_equal(pixels.normalise(frames, preprocess).permute(0, 2, 3, 1).numpy(), expected)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"interpolation": "nearest"}, "interpolation 'nearest': unknown; choose from bilinear, bicubic, lanczos"),
        ({"crop_mode": "fit"}, "crop_mode 'fit': unknown; choose from center, squash, border"),
        ({"std": (0.2, 0.0, 0.2)}, r"std \(0.2, 0.0, 0.2\): not above 0"),
        ({"crop_pct": 1.5}, "crop_pct 1.5: not a share of the image"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused(asked, message):
    with pytest.raises(ResbenchError, match=message):
        pixels.adapt(Preprocess(), **asked)


def test_what_is_asked_for_replaces_the_checkpoints_own():
    adapted = pixels.adapt(Preprocess(), crop_px=288, crop_pct=0.95, interpolation=None)
    assert (adapted.resize_px, adapted.crop_px, adapted.interpolation) == (303, 288, "bilinear")


EDGES = strategies.integers(1, 400)


@settings(max_examples=150, deadline=None)
@given(
    strategies.tuples(EDGES, EDGES),
    strategies.sampled_from([16, 31, 64, 97]),
    strategies.floats(0.3, 1),
    strategies.sampled_from(["bilinear", "bicubic", "lanczos"]),
    strategies.sampled_from(["center", "squash", "border"]),
)
def test_what_the_crop_drops_is_not_computed_and_changes_no_pixel(size, crop_px, crop_pct, interpolation, crop_mode):
    """Fails on a version of Pillow that resizes in another order than assumed."""
    assume(max(size) <= 12 * min(size))
    how = Preprocess(crop_px=crop_px, crop_pct=crop_pct, interpolation=interpolation, crop_mode=crop_mode)
    noise = np.random.default_rng(size).choice(np.array([0, 90, 255], np.uint8), (*size, 3))
    image = Image.fromarray(noise)
    larger = image.resize(readable.resized(image.size, how), Image.Resampling[interpolation.upper()])
    assume(min(larger.size) >= crop_px)
    left, top = (round((edge - crop_px) / 2) for edge in larger.size)
    whole = np.asarray(larger.crop((left, top, left + crop_px, top + crop_px)))
    np.testing.assert_array_equal(pixels.frame(image, how), whole)


@pytest.mark.reference
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
@pytest.mark.parametrize("crop_px", [224, 256, 288, 299])
def test_input_equals_torchvisions_and_timms_bit_for_bit(interpolation, crop_pct, crop_px):
    transforms = pytest.importorskip("torchvision.transforms")
    create_transform = pytest.importorskip("timm.data").create_transform
    presets = pytest.importorskip("torchvision.transforms._presets")
    preprocess = Preprocess(crop_px=crop_px, crop_pct=crop_pct, interpolation=interpolation)
    torchvisions = presets.ImageClassification(
        crop_size=crop_px,
        resize_size=preprocess.resize_px,
        interpolation=transforms.InterpolationMode(interpolation),
    )
    timms = create_transform(crop_px, interpolation=interpolation, crop_pct=crop_pct)
    for size in SIZES:
        image = pixels.decode(photograph(*size))
        frames = torch.from_numpy(pixels.frame(image, preprocess).copy())
        ours = pixels.normalise(frames[None], preprocess)[0]
        assert torch.equal(ours, torchvisions(image)), size
        assert torch.equal(ours, timms(image)), size


@pytest.mark.reference
@pytest.mark.parametrize("crop_mode", ["squash", "border"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
def test_squashed_and_bordered_input_equals_timms_bit_for_bit(crop_mode, interpolation, crop_pct):
    create_transform = pytest.importorskip("timm.data").create_transform
    preprocess = Preprocess(crop_px=224, crop_pct=crop_pct, interpolation=interpolation, crop_mode=crop_mode)
    timms = create_transform(224, interpolation=interpolation, crop_pct=crop_pct, crop_mode=crop_mode)
    for size in SIZES:
        image = pixels.decode(photograph(*size))
        frames = torch.from_numpy(pixels.frame(image, preprocess).copy())
        assert torch.equal(pixels.normalise(frames[None], preprocess)[0], timms(image)), size


def test_a_border_has_the_mean_colour():
    image = Image.new("RGB", (40, 20), (255, 255, 255))
    found = pixels.frame(image, Preprocess(crop_px=40, crop_pct=1.0, crop_mode="border"))
    assert found[0, 0].tolist() == [124, 116, 104]
    assert found[20, 0].tolist() == [255, 255, 255]
    assert (found == 255).all(-1).sum() == 40 * 20
