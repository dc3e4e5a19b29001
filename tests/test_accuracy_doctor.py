"""The doctor finds what is wrong with a set, and damaged files never crash or replace anything."""

import errno
import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from resbench.accuracy import doctor, inspection, loader, pixels, readable
from resbench.accuracy.dataset import File, Sample
from resbench.accuracy.labels import imagenet, validation
from resbench.accuracy.layouts import open_set
from resbench.cli.app import app
from resbench.errors import ResbenchError
from tests import planted

WNIDS = list(imagenet())


def diagnosis(root, labels=None):
    return doctor.diagnose(open_set(root, labels), workers=2)


def symptoms(root):
    return {symptom.what: symptom for symptom in diagnosis(root).symptoms}


@pytest.fixture
def healthy(tmp_path):
    for shown in range(4):
        planted.write(tmp_path / WNIDS[shown] / f"{shown}.JPEG", shown, size=(40 + shown, 30))
    return tmp_path


def test_a_healthy_part_of_imagenet_is_called_one(healthy):
    found = diagnosis(healthy)
    assert found.healthy
    assert (found.fewest, found.most) == (1, 1)
    assert [symptom.what for symptom in found.symptoms] == ["images of 4 of the 1000 classes"]


def test_damaged_files_are_fatal_and_sorted_by_what_is_wrong(healthy):
    (healthy / WNIDS[0] / "0.JPEG").write_bytes(b"")
    (healthy / WNIDS[1] / "1.JPEG").write_bytes(b"404 not found")
    whole = planted.encoded(2, size=(400, 300))
    (healthy / WNIDS[2] / "2.JPEG").write_bytes(whole[: len(whole) * 2 // 3])
    found = diagnosis(healthy)
    assert not found.healthy
    fatal = {symptom.what: symptom.files for symptom in found.symptoms if symptom.fatal}
    assert fatal["unreadable: empty file"] == (f"{WNIDS[0]}/0.JPEG",)
    assert fatal["unreadable: not an image"] == (f"{WNIDS[1]}/1.JPEG",)
    assert sum("runcated" in what or "truncated" in what for what in fatal) == 1
    assert found.symptoms[0].fatal
    assert not found.symptoms[-1].fatal


def test_the_remedy_is_that_of_the_fault(healthy, monkeypatch):
    Image.new("RGB", (1, 3000)).save(healthy / WNIDS[0] / "long.png")

    def refused(file):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (healthy / WNIDS[1] / "1.JPEG").write_bytes(b"404 not found")
    assert [str(one).rpartition(";")[2] for one in diagnosis(healthy).symptoms if one.fatal] == [
        " replace them by smaller ones, or leave them out with --skip-unreadable",
        " replace them by intact files, or leave them out with --skip-unreadable",
    ]
    monkeypatch.setattr(File, "read", refused)
    (fatal,) = (one for one in diagnosis(healthy).symptoms if one.fatal)
    assert fatal.what == "unreadable: Permission denied"
    assert fatal.remedy.startswith("give yourself permission to read them (chmod +r), or leave")


def test_damages_of_one_kind_are_one_finding(healthy):
    whole = planted.encoded(2, size=(400, 300))
    for place in range(6):
        (healthy / WNIDS[2] / f"cut{place}.JPEG").write_bytes(whole[: 700 + 97 * place])
    (healthy / WNIDS[2] / "gone.JPEG").symlink_to("nowhere")
    fatal = {symptom.what: len(symptom.files) for symptom in diagnosis(healthy).symptoms if symptom.fatal}
    assert fatal == {"unreadable: image file is truncated": 6, "unreadable: link to nothing": 1}


def test_pictures_of_cameras_that_hold_several_are_jpegs(healthy):
    stream, picture = io.BytesIO(), Image.new("RGB", (30, 20))
    picture.save(stream, "MPO", save_all=True, append_images=[picture])
    (healthy / WNIDS[0] / "camera.jpg").write_bytes(stream.getvalue())
    assert list(symptoms(healthy)) == ["images of 4 of the 1000 classes"]


def test_odd_files_are_told_and_evaluated(healthy):
    planted.write(healthy / WNIDS[5] / "png.JPEG", 5, kind="PNG")
    planted.write(healthy / WNIDS[6] / "cmyk.JPEG", 6, mode="CMYK")
    deep = Image.fromarray(np.array([[0, 255, 256, 60_000]], np.uint16))
    deep.save(healthy / WNIDS[0] / "deep.png")
    levels = np.asarray(pixels.decode((healthy / WNIDS[0] / "deep.png").read_bytes()))
    assert levels[0, :, 0].tolist() == [0, 255, 255, 255]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), planted.colour(7)).save(healthy / WNIDS[0] / "turned.jpg", exif=exif)
    found = symptoms(healthy)
    assert found["PNG under the name of another format"].files == (f"{WNIDS[5]}/png.JPEG",)
    assert found["CMYK instead of RGB or grey"].files == (f"{WNIDS[6]}/cmyk.JPEG",)
    assert str(found["more than 8 bits per level"]).startswith(
        f"more than 8 bits per level (1: {WNIDS[0]}/deep.png); levels above 255 are clipped, as torchvision and timm do"
    )
    assert found["rotated by EXIF"].files == (f"{WNIDS[0]}/turned.jpg",)
    assert diagnosis(healthy).healthy


def test_strays_and_duplicates_are_told(healthy):
    (healthy / "Thumbs.db").write_bytes(b"x")
    first = (healthy / WNIDS[0] / "0.JPEG").read_bytes()
    (healthy / WNIDS[0] / "again.JPEG").write_bytes(first)
    second = (healthy / WNIDS[1] / "1.JPEG").read_bytes()
    (healthy / WNIDS[2] / "elsewhere.JPEG").write_bytes(second)
    found = symptoms(healthy)
    assert found["no part of the set"].files == ("Thumbs.db",)
    assert found["equal content: 1 group of files"].files[0].count(" = ") == 1
    assert WNIDS[2] in found["equal content in different classes: 1 group of files"].files[0]


def test_missing_official_images_are_told(tmp_path):
    for number in (1, 2, 4):
        planted.write(tmp_path / f"ILSVRC2012_val_{number:08d}.JPEG", validation()[number - 1])
    found = symptoms(tmp_path)["49,997 of the 50,000 official images are not there"]
    assert (found.files[0], len(found.files)) == ("ILSVRC2012_val_00000003.JPEG", 49_997)
    assert str(found).startswith("49,997 of the 50,000 official images are not there (49,997: ILSVRC2012_val_00000003")


def test_the_command_prints_the_diagnosis_and_exits_by_it(healthy):
    result = CliRunner().invoke(app, ["data", "check", str(healthy)])
    assert result.exit_code == 0, result.output
    assert "4 images of 4 classes (1 each), wnid folders" in result.stdout
    assert "can be evaluated" in result.stdout
    (healthy / WNIDS[1] / "1.JPEG").write_bytes(b"")
    result = CliRunner().invoke(app, ["data", "check", str(healthy), "--json"])
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert not told["healthy"]
    assert told["symptoms"][0]["files"] == [f"{WNIDS[1]}/1.JPEG"]


def test_processes_find_what_threads_find(healthy, monkeypatch):
    (healthy / WNIDS[1] / "1.JPEG").write_bytes(b"404 not found")
    monkeypatch.setattr(inspection, "FEWEST_FOR_PROCESSES", 2)
    samples, seen = open_set(healthy).samples, []
    assert inspection.inspect(samples, workers=2, processes=True, on_image=seen.append) == inspection.inspect(
        samples, workers=2
    )
    assert seen == [1, 2, 3, 4]


def test_a_process_that_ends_is_one_line(healthy, monkeypatch):
    monkeypatch.setattr(inspection, "FEWEST_FOR_PROCESSES", 2)
    monkeypatch.setattr(inspection, "leave_interrupts", os.abort)
    with pytest.raises(ResbenchError, match="give fewer --workers"):
        inspection.inspect(open_set(healthy).samples, workers=2, processes=True)


def test_looking_at_images_imports_no_torch(healthy):
    code = f"import sys; sys.argv = ['', 'data', 'check', {str(healthy)!r}]; from resbench.__main__ import main; main()"
    code = f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["False"]


@pytest.mark.parametrize(("size", "fault"), [((1, 3000), "pixels when its 1 x 3,000 are resized"), ((2, 2400), None)])
def test_an_image_too_long_for_a_network_is_unreadable(healthy, size, fault):
    planted.write(healthy / WNIDS[0] / "long.PNG", 0, size=size, kind="PNG")
    fatal = [symptom for symptom in diagnosis(healthy).symptoms if symptom.fatal]
    assert [symptom.remedy for symptom in fatal] == (
        ["replace them by smaller ones, or leave them out with --skip-unreadable"] if fault else []
    )
    assert all(fault in symptom.what for symptom in fatal)


def test_permission_denied_is_no_damage(healthy, monkeypatch):
    def read(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Sample, "read", read)
    (fatal,) = [symptom for symptom in diagnosis(healthy).symptoms if symptom.fatal]
    assert fatal.what == "unreadable: Permission denied"
    assert fatal.remedy.startswith("give yourself permission to read them (chmod +r)")


def photograph(kind="JPEG", **options):
    y, x = np.mgrid[:60, :80]
    values = np.stack([(x * 3 + y) % 256, (x * y) % 256, (x - y) % 256], axis=-1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def judged(data, tmp_path, name="a.JPEG"):
    """What becomes of `data`: (reason of the doctor or None, pixels or None); anything else raises."""
    path = tmp_path / name
    path.write_bytes(data)
    file = File(name=name, path=path, size_bytes=len(data))
    from resbench.accuracy.annotations import annotated_sample

    one = annotated_sample(file, 0)
    (found,) = inspection.inspect([one], workers=1)
    try:
        (batch,) = loader.batches([one], [planted.SMALL], starts=[0], batch_size=1, workers=1)
    except loader.UnreadableImagesError:
        return found.fault, None
    return found.fault, batch.frames[planted.SMALL]


@pytest.mark.parametrize(
    "options", [{"quality": 90}, {"quality": 90, "progressive": True}], ids=["baseline", "progressive"]
)
def test_a_jpeg_truncated_anywhere_is_found_before_it_is_evaluated(tmp_path, options):
    whole = photograph(**options)
    for share in range(100):
        fault, frames = judged(whole[: len(whole) * share // 100], tmp_path)
        assert fault is not None, share
        assert frames is None, share
    assert judged(whole, tmp_path)[0] is None


def test_a_bomb_is_refused_without_being_unpacked(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    fault, frames = judged(bomb, tmp_path, "a.png")
    assert frames is None
    assert "exceeds limit" in fault


def test_other_formats_are_no_images(tmp_path):
    assert judged(photograph("GIF"), tmp_path)[0] == "not an image"
    assert judged(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", tmp_path)[0] == "not an image"
    assert "GIF" not in readable.FORMATS
