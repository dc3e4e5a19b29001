"""Archives and shards that are damaged, incomplete or contradict themselves are named; nothing is lost in silence."""

import gzip
import io
import json
import random
import tarfile
import zipfile

import pytest

from resbench.accuracy import archives, braces, dataset, forms, zips
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.readable import UnreadableImagesError
from resbench.accuracy.session import examined
from resbench.accuracy.streams import InOrder
from resbench.errors import ResbenchError
from tests import packed, planted
from tests.sessions import session

WNIDS = list(imagenet())


def shard(path, *members):
    """A tar archive of (name, content)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as out:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            out.addfile(header, io.BytesIO(data))
    return path


def said(images):
    return {symptom.what: symptom.files for symptom in images.left_out}


IMAGE = planted.encoded(3)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("0.jpg", IMAGE), ("0.cls", b"cat")], r"a.tar: 'cat' is not a class \(0.jpg\); give numbers from 0 to 999"),
        ([("0.jpg", IMAGE), ("0.cls", b"1000")], r"'1000' is not a class \(0.jpg\)"),
        ([("0.jpg", IMAGE), ("0.cls", b"-1")], r"-1 stands for a class that was not published"),
        ([("0.jpg", IMAGE), ("0.cls", b"")], r"0.cls is empty"),
        ([("0.jpg", IMAGE), ("0.cls", b"3" * 101)], r"0.cls is too long for a class \(101 bytes\)"),
        ([("0.jpg", IMAGE), ("0.cls", b"\xff\x1b[31m")], r"'\\\\xff\\x1b\[31m' is not a class"),
        ([("0.jpg", IMAGE), ("0.cls", b"3"), ("1.jpg", IMAGE)], r"no class for 1 of 2 images \(1.jpg\)"),
        ([("0.jpg", IMAGE), ("0.cls", b"3"), ("0.png", IMAGE)], r"two images of one name, 0 \(0.jpg and 0.png\)"),
        ([("0.jpg", IMAGE), ("0.cls", b"3"), ("0.cls", b"4")], r"1 classes are there twice \(0.cls\)"),
        ([("0.jpg", IMAGE), ("0.cls", b"3"), ("0.json", b'{"label": 4}')], r"two classes for 0 \(3 in 0.cls and 4 in"),
        ([("0.jpg", IMAGE), ("0.json", b"{")], r"0.json is not JSON"),
        ([("0.jpg", IMAGE), ("0.json", b"[" * 100_000)], r"0.json is not JSON"),
    ],
)
def test_a_shard_that_contradicts_itself_is_refused_in_one_line(tmp_path, members, message):
    with pytest.raises(ResbenchError, match=message) as refused:
        open_set(shard(tmp_path / "a.tar", *members))
    assert "\n" not in str(refused.value)


def test_a_class_whose_image_is_missing_is_named(tmp_path):
    images = open_set(shard(tmp_path / "a.tar", ("0.jpg", IMAGE), ("0.cls", b"3"), ("1.cls", b"4"), ("1.txt", b"x")))
    assert said(images)["classes without an image"] == ("1.cls",)
    assert said(images)["no part of the set"] == ("1.txt",)
    assert len(images.samples) == 1


def test_captions_and_descriptions_beside_an_image_are_no_symptom(tmp_path):
    members = [("d/0.jpg", IMAGE), ("d/0.cls", b"3\n"), ("d/0.json", b'{"label": 3, "w": 1}'), ("d/0.txt", b"a fish")]
    images = open_set(shard(tmp_path / "a.tar", *members))
    assert (images.left_out, images.layout, images.name) == ((), "own labels in a tar archive", "a")
    assert [(one.name, one.label) for one in images.samples] == [("d/0.jpg", 3)]


def test_shards_of_several_splits_are_never_added_up(tmp_path):
    for split, label in (("train", b"1"), ("validation", b"2")):
        for number in range(2):
            name = f"imagenet1k-{split}-{number:02d}.tar"
            shard(tmp_path / name, (f"{number}.jpg", IMAGE), (f"{number}.cls", label))
    images = open_set(tmp_path)
    assert {sample.label for sample in images.samples} == {2}
    assert said(images)["imagenet1k-validation/ is evaluated, not what lies beside it"] == (
        "imagenet1k-train/ (2 files)",
    )
    shard(tmp_path / "other-00.tar", ("0.jpg", IMAGE), ("0.cls", b"3"))
    with pytest.raises(ResbenchError, match=r"never added up; move one of them to a folder of its own"):
        open_set(tmp_path)


def test_equal_names_in_several_shards_are_several_images(tmp_path):
    for number in range(2):
        shard(tmp_path / f"val-{number}.tar", ("0.jpg", IMAGE), ("0.cls", b"3"))
    assert [one.name for one in open_set(tmp_path).samples] == ["val-0.tar/0.jpg", "val-1.tar/0.jpg"]


def test_shards_that_are_not_there_are_named(tmp_path):
    for number in (0, 1, 3):
        shard(tmp_path / f"val-{number:05d}-of-00004.tar", (f"{number}.jpg", IMAGE), (f"{number}.cls", b"3"))
    assert said(open_set(tmp_path))["1 of 4 shards are not there"] == ("val-00002-of-00004.tar",)
    with pytest.raises(ResbenchError, match=r"val-00002-of-00004.tar: no such file"):
        open_set(tmp_path / "val-{00000..00003}-of-00004.tar")


def test_two_kinds_of_containers_are_refused(tmp_path):
    shard(tmp_path / "a.tar", ("0.jpg", IMAGE), ("0.cls", b"3"))
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    with pytest.raises(ResbenchError, match="images in tar archives and zip archives; give one kind"):
        open_set(tmp_path)


def test_braces_stand_for_what_bash_makes_of_them():
    assert braces.expanded("a{08..11}.tar") == ["a08.tar", "a09.tar", "a10.tar", "a11.tar"]
    assert braces.expanded("{a,b}{2..1}") == ["a2", "a1", "b2", "b1"]
    assert braces.expanded("a{}b{x}") == ["a{}b{x}"]
    for text in ("{0..999999}", "{0..999}{0..999}"):
        with pytest.raises(ResbenchError, match="more than 100,000 files"):
            braces.expanded(text)


@pytest.mark.parametrize("make", [packed.compressed_tar, packed.xz_tar])
def test_a_compressed_archive_that_is_cut_or_changed_anywhere_is_refused(tmp_path, make):
    path = make(tmp_path)
    whole, chance = path.read_bytes(), random.Random(1)
    for _ in range(20):
        path.write_bytes(whole[: chance.randrange(100, len(whole) - 1)])
        with pytest.raises(ResbenchError, match=r"damaged or cut off|the archive is cut off|no tar archive"):
            open_set(path)
        changed = bytearray(whole)
        changed[chance.randrange(20, len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(ResbenchError, match=r"the archive is|no tar archive|no images"):
            open_set(path)


def test_what_is_compressed_but_no_archive_is_named(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(IMAGE))
    with pytest.raises(ResbenchError, match="compressed, but no tar archive"):
        open_set(tmp_path / "a.tar.gz")
    images = open_set(packed.compressed_tar(tmp_path))
    assert archives.SLOWER in images.left_out


def test_a_zip_archive_that_is_cut_anywhere_is_refused(tmp_path):
    path = packed.zip_archive(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 611):
        path.write_bytes(whole[:length])
        with pytest.raises(ResbenchError, match="damaged or cut off"):
            open_set(path)


def test_members_of_a_zip_archive_are_read_or_named(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(f"{WNIDS[3]}/a.jpg", b"old")
        out.writestr(f"./{WNIDS[3]}/a.jpg", IMAGE)
        out.writestr(f"{WNIDS[3]}\\b.jpg", IMAGE)
        out.writestr("../c.jpg", IMAGE)
        out.writestr("/d/", b"")
        link = zipfile.ZipInfo(f"{WNIDS[3]}/link.jpg")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "a.jpg")
        out.writestr("__MACOSX/._a.jpg", b"x")
    data = bytearray(path.read_bytes())
    secret = data.index(f"{WNIDS[3]}\\b.jpg".encode(), data.index(b"PK\x01\x02"))
    data[secret - 46 + 8] |= 1  # encrypted, by the central directory
    path.write_bytes(data)
    images = open_set(path)
    assert [(one.name, one.read()) for one in images.samples] == [(f"{WNIDS[3]}/a.jpg", IMAGE)]
    assert said(images) == {
        "earlier members that a later one of the same name replaces": (f"{WNIDS[3]}/a.jpg",),
        "encrypted members of the archive": (f"{WNIDS[3]}/b.jpg",),
        "links, pipes and devices in the archive": (f"{WNIDS[3]}/link.jpg",),
        "members whose names lead out of the folder": ("../c.jpg",),
        "hidden files and system folders": ("__MACOSX/",),
    }


def test_changed_zip_archives_give_the_images_as_they_were_or_none(tmp_path):
    path, originals = packed.deflated_zip(tmp_path), {data for _, _, data in packed.images()}
    whole, chance, refused, faulty = path.read_bytes(), random.Random(2), 0, 0
    for _ in range(60):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            images = open_set(path)
        except ResbenchError:
            refused += 1
            continue
        named = sum(len(symptom.files) for symptom in images.left_out)
        assert len(images.samples) + named >= packed.IMAGES
        for sample in images.samples:
            try:
                assert sample.read() in originals
            except OSError:
                faulty += 1
    assert refused
    assert refused + faulty > 20


def test_a_damaged_member_is_an_unreadable_image(tmp_path):
    path = packed.zip_archive(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\xff\xd8") + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableImagesError, match=r"1 unreadable image: .*000.JPEG \(Bad CRC-32"):
        examined(open_set(path), session(), skip=False, streams=[planted.SMALL])


def test_a_member_that_declares_more_than_an_image_can_have_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "MOST_BYTES", 1 << 20)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{WNIDS[3]}/a.png", bytes((1 << 20) + 1))
    images = open_set(path)
    monkeypatch.setattr(images.samples[0].reader, "archive", None)
    with pytest.raises(UnreadableImagesError, match=r"a.png \(1,048,577 bytes, more than 1,048,576\)"):
        examined(images, session(), skip=False, streams=[planted.SMALL])


def test_a_table_of_numpy_is_no_zip_archive_of_images(tmp_path):
    zipfile.ZipFile(tmp_path / "val.npz", "w").close()
    with pytest.raises(ResbenchError, match="a NumPy array"):
        forms.form_at(tmp_path / "val.npz")
    (tmp_path / "val.zip").write_bytes(b"nothing")
    with pytest.raises(ResbenchError, match="File is not a zip file"):
        zips.zip_members(tmp_path / "val.zip")


def test_pieces_are_read_once_where_they_are_asked_for_about_in_order():
    read = []

    def read_at(number):
        read.append(number)
        return b"%d" % number

    stream = InOrder(read_at)
    asked = [3, 0, 2, 1, 7, 5, 4, 6, 5000, 4900, 5001]
    assert [stream.piece(number) for number in asked] == [b"%d" % number for number in asked]
    assert len(read) == len(set(read)) == 8 + 256 + 2
    assert stream.piece(3) == b"3"  # a second time: read anew


def test_a_piece_that_cannot_be_read_fails_for_those_alone_who_ask_for_it():
    def read_at(number):
        if number == 1:
            raise OSError("damaged")
        return b"x"

    stream = InOrder(read_at)
    assert stream.piece(3) == b"x"
    with pytest.raises(OSError, match="damaged"):
        stream.piece(1)
    assert stream.piece(2) == b"x"


def test_labels_of_json_may_have_other_keys(tmp_path):
    values = [("cls", 3), ("class", WNIDS[3]), ("target", "3")]
    members = [(f"{k}{end}", data) for k, (key, value) in enumerate(values)
               for end, data in ((".webp", IMAGE), (".json", json.dumps({key: value}).encode()))]  # fmt: skip
    assert {one.label for one in open_set(shard(tmp_path / "a.tar", *members)).samples} == {3}
