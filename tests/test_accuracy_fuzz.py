"""Whatever is in an image file: the doctor and every decoder agree on whether it can be read, and nothing crashes."""

import io
import random
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from resbench.accuracy import inspection, loader, readable
from resbench.accuracy.dataset import Sample
from resbench.accuracy.decoders import decoder_named
from resbench.zoo.spec import Preprocess
from tests import planted

DECODERS = ("pillow", "simplejpeg", "simplejpeg+torch")
PICTURE = np.random.default_rng(3).integers(0, 255, (5, 7, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
AS = {  # kind -> how it is written: (mode, options)
    "JPEG": [("RGB", {"quality": 90}), ("RGB", {"progressive": True}), ("L", {}), ("CMYK", {}), ("RGB", {"exif": 1})],
    "PNG": [("RGB", {}), ("P", {}), ("RGBA", {}), ("I;16", {}), ("1", {})],
    "BMP": [("RGB", {}), ("P", {}), ("1", {}), ("RGBA", {})],
    "WEBP": [("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {})],
    "PPM": [("RGB", {}), ("L", {}), ("1", {}), ("I", {})],
    "TIFF": [
        ("RGB", {}),
        ("RGB", {"compression": "tiff_lzw"}),
        ("L", {"compression": "tiff_adobe_deflate"}),
        ("F", {}),
    ],
}


def written(kind, mode, options):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    picture = Image.fromarray(PICTURE)
    picture = picture.convert("L").convert("I;16") if mode == "I;16" else picture.convert(mode)
    stream = io.BytesIO()
    picture.save(stream, kind, **(options | ({"exif": exif} if "exif" in options else {})))
    return stream.getvalue()


def mutated(data, other, chance):
    """The bytes of a file, damaged in one to three ways, most of them near its beginning or anywhere."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place = chance.randrange(max(1, min(len(damaged), chance.choice((16, 64, 10**9)))))
        size = chance.choice((1, 2, 4, 30, len(data) // 3))
        match chance.randrange(7):
            case 0:
                damaged[place : place + size] = chance.randbytes(size)
            case 1:
                del damaged[place:]
            case 2:
                del damaged[place : place + size]
            case 3:
                damaged[place:place] = damaged[place : place + size]
            case 4:
                damaged[place : place + size] = bytes(size)
            case 5:
                number = chance.choice((0, 1, 0x7FFF, 0xFFFF, 70_000, 0x7FFFFFFF, 0xFFFFFFFF))
                damaged[place : place + 4] = struct.pack(chance.choice("<>") + "I", number)
            case 6:
                damaged[place:] = other[place:]
    return bytes(damaged)


def faults(files, folder, name, streams=(planted.SMALL,)):
    """The names of files that the doctor, and of those that a decoder cannot read."""
    samples = []
    for number, data in enumerate(files):
        path = folder / f"{number}.img"
        path.write_bytes(data)
        samples.append(Sample(name=path.name, path=path, size_bytes=len(data), label=0))
    seen = inspection.inspect(samples, workers=2, streams=streams)
    try:
        list(
            loader.batches(
                samples, streams, starts=[0], batch_size=len(samples), workers=2, decoder=decoder_named(name)
            )
        )
    except loader.UnreadableImagesError as error:
        failed = {image.name for image in error.images}
    else:
        failed = set()
    return {one.name for one in seen if one.fault}, failed


def check_mutations(kind, count, seed, folder):
    chance = random.Random(f"{kind} {seed}")
    whole = [written(kind, mode, options) for mode, options in AS[kind]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Pillow's, of damaged metadata
        for done in range(0, count, 50):
            files = [mutated(chance.choice(whole), chance.choice(whole), chance) for _ in range(min(50, count - done))]
            for name in DECODERS:
                told, failed = faults(files, folder, name)
                assert told == failed, (name, done)


@pytest.mark.parametrize("kind", AS)
def test_unharmed_images_of_every_kind_are_read(kind, tmp_path):
    for name in DECODERS:
        assert faults([written(kind, *how) for how in AS[kind]], tmp_path, name) == (set(), set())


@pytest.mark.parametrize("kind", AS)
def test_doctor_and_decoders_agree_on_damaged_images(kind, tmp_path):
    check_mutations(kind, 50, 0, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", AS)
def test_doctor_and_decoders_agree_on_ten_thousand_damaged_images(kind, tmp_path):
    check_mutations(kind, 1_700, 1, tmp_path)


@pytest.mark.parametrize("name", DECODERS)
def test_images_that_would_fill_the_memory_when_resized_are_unreadable(name, tmp_path):
    files = []
    for kind, size in (("JPEG", (1, 65_500)), ("JPEG", (65_000, 3)), ("PNG", (1, 400_000)), ("PPM", (2, 20_000))):
        stream = io.BytesIO()
        Image.new("RGB", size).save(stream, kind)
        files.append(stream.getvalue())
    streams = [Preprocess()]
    told, failed = faults(files, tmp_path, name, streams)
    assert told == failed == {"0.img", "1.img", "2.img", "3.img"}
    (found,) = inspection.inspect([sample_of(tmp_path / "0.img")], workers=1)
    assert found.fault == ("256 x 16,768,000 pixels when its 1 x 65,500 are resized, more than 89,478,485 in all")


def sample_of(path):
    return Sample(name=path.name, path=path, size_bytes=path.stat().st_size, label=0)


@pytest.mark.parametrize("name", DECODERS)
def test_images_of_too_many_pixels_are_unreadable_by_their_header_alone(name, tmp_path):
    jpeg = bytearray(planted.encoded(7, size=(64, 64)))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 9_600, 9_600)
    files = [jpeg, b"P6 90000000 1 255\n"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        told, failed = faults(files, tmp_path, name)
        (found,) = inspection.inspect([sample_of(tmp_path / "0.img")], workers=1)
    assert told == failed == {"0.img", "1.img"}
    assert found.fault == "9,600 x 9,600 pixels, more than 89,478,485 in all"


def test_the_limit_is_that_of_the_documentation():
    assert readable.resized((1, 1_365), Preprocess()) == (256, 349_440)
    with pytest.raises(ValueError, match="more than 89,478,485 in all"):
        readable.resized((1, 1_366), Preprocess())
    readable.check_size((9_459, 9_459))
    with pytest.raises(ValueError):
        readable.check_size((9_460, 9_460))
