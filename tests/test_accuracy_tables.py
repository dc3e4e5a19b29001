"""Images in Parquet and Arrow: what is damaged, missing or unclear is named, and memory does not grow with the file."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resbench.accuracy import tables
from resbench.accuracy.labels import CIFAR10, imagenet
from resbench.accuracy.layouts import open_set
from resbench.accuracy.readable import UnreadableImagesError
from resbench.accuracy.session import examined, score
from resbench.errors import ResbenchError
from resbench.records import predictions
from tests import packed, planted
from tests.sessions import contestant, session

IMAGE = planted.encoded(3)
ROWS = [("a.JPEG", 3, IMAGE), ("b.JPEG", 4, IMAGE)]
OWN = [f"kind {number}" for number in range(3)]


def saved(path, table, **options):
    pq.write_table(table, path, **options)
    return path


def labels_of(path):
    return {sample.base: sample.label for sample in open_set(path).samples}


@pytest.mark.parametrize(
    ("names", "classes", "labels", "name"),
    [
        (None, 1000, [3, 4], "v"),
        (list(imagenet()), 1000, [3, 4], "v"),
        (["n01443537", "n01440764", "n02123045", "n01484850", "n07753592"],
         1000, [2, 954], "v"),  # in an order of its own
        (["tench", "English springer", "cassette player", "Chain_saw", "church"], 1000, [491, 497], "v"),
        (list(CIFAR10), 10, [3, 4], "CIFAR-10"),
        ([*OWN, "x", "y"], 5, [3, 4], "v"),
    ],
    ids=["ImageNet", "wnids", "some wnids", "some names", "CIFAR-10", "own classes"],
)  # fmt: skip
def test_labels_mean_what_the_names_of_the_classes_say(tmp_path, names, classes, labels, name):
    images = open_set(saved(tmp_path / "v.parquet", packed.table(ROWS, names)))
    assert (images.classes, images.name) == (classes, name)
    assert {sample.base: sample.label for sample in images.samples} == dict(
        zip(["a.JPEG", "b.JPEG"], labels, strict=True)
    )
    assert any("classes of its own" in note for note in images.notes) == (classes == 5)


def test_without_labels_the_names_of_the_images_tell_their_classes(tmp_path):
    rows = packed.table(
        [("ILSVRC2012_val_00000001_n01751748.JPEG", 0, IMAGE), ("ILSVRC2012_val_00000002.png", 0, IMAGE)]
    )
    images = open_set(saved(tmp_path / "v.parquet", rows.drop_columns("label")))
    assert images.layout == "official names in a Parquet file"
    assert labels_of(tmp_path / "v.parquet") == {
        "ILSVRC2012_val_00000001_n01751748.JPEG": 65,
        "ILSVRC2012_val_00000002.png": 970,
    }


def test_labels_that_contradict_the_official_ones_are_refused(tmp_path):
    rows = packed.table([("ILSVRC2012_val_00000001.JPEG", 64, IMAGE)])
    with pytest.raises(ResbenchError, match="contradict the official labels"):
        open_set(saved(tmp_path / "v.parquet", rows))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"x": [1], "label": [3]}), r"no column of images among x, label; give files with a column image"),
        (pa.table({"image": ["a.jpg"], "label": [3]}), "no column of images"),
        (packed.table([("a.JPEG", 1000, IMAGE)]), r"'1000' is not a class \(a.JPEG\); give numbers from 0 to 999"),
        (packed.table([("a.JPEG", 3, IMAGE)], OWN), r"'3' is not a class \(a.JPEG\); give numbers from 0 to 2"),
        (packed.table([("a.JPEG", -1, IMAGE)]), "-1 stands for a class that was not published"),
        (pa.table({"image": [IMAGE, IMAGE], "label": [3, None]}), r"no class for 1 of 2 images \(00000001.jpg\)"),
        (pa.table({"image": [IMAGE]}), "nothing says what the images show"),
        (pa.table({"image": pa.array([], pa.binary())}), "empty"),
    ],
)
def test_a_table_that_cannot_be_evaluated_is_refused_in_one_line(tmp_path, table, message):
    with pytest.raises(ResbenchError, match=message) as refused:
        open_set(saved(tmp_path / "v.parquet", table))
    assert "\n" not in str(refused.value)


def test_tables_that_name_their_classes_otherwise_are_never_mixed(tmp_path):
    saved(tmp_path / "v-0.parquet", packed.table(ROWS[:1]))
    saved(tmp_path / "v-1.parquet", packed.table(ROWS[:1], [*OWN, "cat"]))
    with pytest.raises(ResbenchError, match=r"v-1.parquet: names its classes otherwise than .*v-0.parquet"):
        open_set(tmp_path)


def test_an_empty_cell_is_an_unreadable_image(tmp_path):
    images = open_set(saved(tmp_path / "v.parquet", packed.table([*ROWS, ("c.JPEG", 3, None)])))
    with pytest.raises(UnreadableImagesError, match=r"1 unreadable image: c.JPEG \(empty file\)"):
        examined(images, session(), skip=False, streams=[planted.SMALL])


def test_equal_names_in_a_table_are_told_apart(tmp_path):
    rows = [("a.JPEG", 3, IMAGE), ("a.JPEG", 4, IMAGE), ("../x", 3, IMAGE), (None, 3, planted.encoded(3, kind="PNG"))]
    images = open_set(saved(tmp_path / "v.parquet", packed.table(rows)))
    assert {sample.name for sample in images.samples} == {"a.JPEG", "00000001/a.JPEG", "x.jpg", "00000003.png"}


def test_a_table_that_is_cut_off_is_refused(tmp_path):
    for make in (packed.plain_parquet, packed.arrow_file, packed.arrow):
        root = tmp_path / make.__name__
        root.mkdir()
        place = make(root)
        path = place if place.is_file() else place / "validation" / "data-00000-of-00001.arrow"
        whole = path.read_bytes()
        for length in [*range(0, len(whole), len(whole) // 15), len(whole) - 1, len(whole) - 8]:
            path.write_bytes(whole[:length])
            with pytest.raises(ResbenchError, match=r"damaged or cut off \(.*; copy or download it again"):
                open_set(place)


@pytest.mark.parametrize("make", [packed.plain_parquet, packed.arrow_file])
def test_changed_tables_are_refused_or_give_every_image(tmp_path, make):
    """No other exception, no image less; what changed within an image is for the decoder, as in a folder."""
    path, chance, refused = make(tmp_path), random.Random(3), 0
    whole = path.read_bytes()
    for _ in range(60):
        changed = bytearray(whole)
        tail = chance.random() < 0.5  # where the structure is described
        changed[chance.randrange(len(whole) - 3000 if tail else 0, len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            images = open_set(path)
        except ResbenchError:
            refused += 1
            continue
        assert len(images.samples) == packed.IMAGES
        for sample in images.samples:
            try:
                sample.read()
            except OSError:
                refused += 1
    assert refused


def test_rows_that_unpack_to_far_more_than_they_are_are_refused(tmp_path, monkeypatch):
    path = saved(tmp_path / "v.parquet", pa.table({"image": [bytes(1 << 20)], "label": [3]}), compression="zstd")
    assert len(open_set(path).samples) == 1
    monkeypatch.setattr(tables, "_SUSPECT_BYTES", 1 << 19)
    with pytest.raises(ResbenchError, match=r"\d+ bytes of it unpack to 1,\d+,\d+, more than images can"):
        open_set(path)


def test_without_pyarrow_the_next_step_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "v.parquet", packed.table(ROWS))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ResbenchError, match="pip install pyarrow"):
        open_set(path)


def test_missing_parts_of_a_split_are_named(tmp_path):
    place = packed.parquet(tmp_path)
    (place / "data" / "validation-00001-of-00002.parquet").unlink()
    shown = {symptom.what: symptom.files for symptom in open_set(place).left_out}
    assert shown["1 of 2 shards are not there"] == ("data/validation-00001-of-00002.parquet",)


MEASURE = """
import re, sys
from pathlib import Path
from resbench.accuracy.layouts import open_set
images = open_set(Path(sys.argv[1]))
total = sum(len(sample.read()) for sample in images.samples)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(len(images.samples), total, peak)
"""


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("rows", "dictionary", "most_mib"),
    [(100, True, 300), (1000, True, 550), (1_000_000, False, 250)],
    ids=["as the hub", "large groups with dictionaries", "one group"],
)
def test_a_table_of_400_mib_is_read_in_bounded_memory(tmp_path, rows, dictionary, most_mib):
    """In one row group too, which nobody may read at once. An interpreter with these libraries takes 150 MiB.

    A page has to be held, packed and unpacked, as has a dictionary: 100 MB each in groups of 1000 rows, because pyarrow
    begins another page after write_batch_size rows at the earliest.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's peak of a process")
    chance = random.Random(1)
    noise = [IMAGE + chance.randbytes(100_000) for _ in range(4096)]
    options = {"row_group_size": rows, "use_dictionary": dictionary, "write_batch_size": 1024 if dictionary else 16}
    saved(tmp_path / "v.parquet", pa.table({"image": noise, "label": [3] * 4096}), **options)
    words = [sys.executable, "-c", MEASURE, tmp_path / "v.parquet"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    count, total, peak_kib = map(int, done.stdout.split())
    assert (count, total) == (4096, sum(map(len, noise)))
    assert peak_kib < most_mib * 1024


def test_a_table_sorted_by_class_does_not_make_its_first_class_look_mislabelled(tmp_path, monkeypatch):
    """The network takes all images of the class that happens to come first for the next class."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def written(odd):
        kinds = [planted.encoded(label + (label == odd)) for label in range(40)]
        rows = [(f"{label:02d}-{number:02d}.jpg", label, kinds[label]) for label in range(40) for number in range(32)]
        return open_set(saved(tmp_path / "v.parquet", packed.table(rows), row_group_size=32))

    images = written(written(None).samples[0].label)
    assert {sample.label for sample in images.samples[:32]} == {images.samples[0].label}
    own = session(batch_size=32)
    (rows,) = score([contestant()], examined(images, own, skip=False, streams=[planted.SMALL]).images, own)
    assert int(predictions.top1(rows).sum()) == 39 * 32
