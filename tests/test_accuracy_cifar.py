"""CIFAR's test batches in every version are one set; what is none is refused, and nothing in a pickle is called."""

import pickle
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from resbench.accuracy.labels import CIFAR10, CIFAR100
from resbench.accuracy.layouts import open_set, open_unlabelled
from resbench.accuracy.session import examined, score
from resbench.errors import ResbenchError
from resbench.records import predictions
from resbench.zoo.spec import Preprocess
from tests import planted
from tests.sessions import Contestant, session

SHOWN, LABELS = [3, 0, 9, 5, 5], [3, 0, 8, 6, 1]  # 2 are right, 4 among the five best
PLANES = [np.asarray(Image.new("RGB", (32, 32), planted.colour(k))).transpose(2, 0, 1).tobytes() for k in SHOWN]
ARRAY = np.frombuffer(b"".join(PLANES), np.uint8).reshape(len(PLANES), 3072)
PREPROCESS = Preprocess(crop_px=32, crop_pct=1.0)


def binary(coarse=b""):
    return b"".join(coarse + bytes([label]) + planes for label, planes in zip(LABELS, PLANES, strict=True))


def pickled(key="labels", protocol=2, array=ARRAY, labels=LABELS, encode=str.encode):
    return pickle.dumps({encode("data"): array, encode(key): labels, encode("batch_label"): b"testing"}, protocol)


def by_python_2():
    """The instructions that Python 2 and numpy 1.7 wrote, as in the published files."""
    text = lambda word: b"U" + bytes([len(word)]) + word  # noqa: E731
    data = ARRAY.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85"
        + text(b"b")
        + b"tR(K\x01K\x05M\x00\x0c\x86"
        b"cnumpy\ndtype\n("
        + text(b"u1")
        + b"K\x00K\x01tR(K\x03"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tb\x89T" + struct.pack("<i", len(data)) + data + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in LABELS) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + labels + b"u."


VERSIONS = {
    "binary": ("cifar-10-batches-bin/test_batch.bin", binary()),
    "Python 2": ("cifar-10-batches-py/test_batch", by_python_2()),
    "protocol 2": ("cifar-10-batches-py/test_batch", pickled()),
    "protocol 4": ("cifar-10-batches-py/test_batch", pickled(protocol=4, encode=str)),
    "100, binary": ("cifar-100-binary/test.bin", binary(b"\x13")),
    "100, Python": ("cifar-100-python/test", pickled("fine_labels", 3)),
}


def counts(images):
    own = session()
    usable = examined(images, own, skip=False, streams=[PREPROCESS]).images
    network = planted.Planted(PREPROCESS, images.classes)
    contestant = Contestant(name="planted", identity="0", forward=network, preprocess=PREPROCESS)
    (rows,) = score([contestant], usable, own)
    return len(rows), int(predictions.top1(rows).sum()), int(predictions.top5(rows).sum())


PACKED = [
    pytest.param(version, packing, marks=() if packing == "file" or version == "Python 2" else pytest.mark.nightly)
    for version in VERSIONS
    for packing in ("file", "folder", "parent", "tar.gz", "zip")
]


@pytest.mark.parametrize(("version", "packing"), PACKED)
def test_every_version_is_the_same_set(tmp_path, monkeypatch, version, packing):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name, data = VERSIONS[version]
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    place = {"file": path, "folder": path.parent, "parent": tmp_path / "set"}.get(packing, tmp_path / f"c.{packing}")
    if packing == "zip":
        with zipfile.ZipFile(place, "w") as out:
            out.write(path, name)
    if packing == "tar.gz":
        with tarfile.open(place, "w:gz") as out:
            out.add(path, name)
            out.addfile(tarfile.TarInfo(f"{name.partition('/')[0]}/readme.html"))
    images = open_set(place)
    hundred = version.startswith("100")
    assert (images.name, images.classes) == (("CIFAR-100", 100) if hundred else ("CIFAR-10", 10))
    assert images.fingerprint == open_set(path).fingerprint
    assert counts(images) == (5, 2, 4)
    assert len(open_unlabelled(place).samples) == 5


def test_versions_of_the_same_images_have_one_fingerprint(tmp_path):
    fingerprints = set()
    for version in ("binary", "Python 2", "protocol 4"):
        name, data = VERSIONS[version]
        path = tmp_path / version / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        fingerprints.add(open_set(path).fingerprint)
    assert len(fingerprints) == 1


class Harmful:
    def __reduce__(self):
        return print, ("this must not be called",)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("test_batch.bin", b"\x00" * 3072, "no multiple of 3073"),
        ("test_batch.bin", b"\x0a" * 3073, "a label is 10"),
        ("test.bin", b"\x00" * 3073, "no multiple of 3074"),
        ("test_batch", pickled()[:-1000], "not CIFAR-10's Python batch"),
        ("test_batch", b"\x80", "not CIFAR-10's Python batch"),
        ("test_batch", pickle.dumps({"labels": LABELS, "data": Harmful()}), "it names builtins.print"),
        ("test_batch", pickle.dumps([1]), "not CIFAR-10's Python batch"),
        ("test_batch", pickled(labels=[*LABELS, 1]), "an array of another shape or type"),
        ("test_batch", pickled(array=ARRAY.astype(np.int64)), "an array of another shape or type"),
        ("test_batch", pickled(array=np.asfortranarray(ARRAY)), "an array of another shape or type"),
        ("test_batch", pickled(labels=["3"] * 5), "labels are no numbers"),
        ("test_batch", pickled(labels=[-1] * 5), "a label is -1"),
        ("test", pickled("labels"), r"not CIFAR-100's Python batch \('fine_labels'\)"),
        ("test_batch", b"\x80\x04r\xff\xff\xff\x7f.", "not CIFAR-10's Python batch"),  # a place of 2^31 in the memo
    ],
)
def test_a_file_that_is_no_test_batch_is_refused_in_one_line(tmp_path, capsys, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ResbenchError, match=message) as refused:
        open_set(tmp_path)
    assert "\n" not in str(refused.value)
    assert capsys.readouterr().out == ""


def test_two_batches_in_one_place_are_never_added_up(tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(binary())
    (tmp_path / "test_batch").write_bytes(pickled())
    with pytest.raises(ResbenchError, match=r"several test batches of CIFAR \(test_batch.bin and test_batch\)"):
        open_set(tmp_path)


def test_the_names_of_the_classes_are_the_published_ones():
    assert (len(CIFAR10), len(CIFAR100)) == (10, 100)
    assert list(CIFAR100) == sorted(CIFAR100)  # as in the published file batches.meta and meta
    assert (CIFAR100[0], CIFAR100[49], CIFAR100[99]) == ("apple", "mountain", "worm")
