"""Files of labels in every form that people have, and those that do not fit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from resbench.accuracy.annotations import annotate
from resbench.accuracy.dataset import File
from resbench.accuracy.labels import devkit, imagenet, validation
from resbench.accuracy.layouts import open_set
from resbench.errors import ResbenchError
from tests import planted


def files(names):
    return [File(name=name, path=Path(name), size_bytes=1) for name in names]


NUMBERED = files(f"{number}.jpg" for number in range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg 3\n", r"no class for 7 of 8 images \(2.jpg, 3.jpg, 4.jpg\)"),
        ("".join(f"{n}.jpg 1000\n" for n in range(1, 9)), "'1000' is not a class"),
        ("3\n4\n", "2 classes for 8 images"),
        ("image class\n1.jpg\n", "line 2: no class for '1.jpg'"),
        ("image class\nno class here\n", "line 2: 'class' is not a class"),
        ("1.jpg tench\n2.jpg 4\n", "line 1: 'tench' is not a class"),
        ("1.jpg 3\n2.jpg 4\n1.jpg 5\n", "'1.jpg' has two classes"),
        (f'1.jpg,"{"x" * 200_000}"\n', "line 1 is longer than 4,096 characters"),
        ("9" * 5000 + "\n", "line 1 is longer than 4,096 characters"),
        ("1.jpg " + "9" * 3000 + "\n", "line 1: '9999"),
        ("\n \n", "no labels in it"),
    ],
)
def test_a_labels_file_that_does_not_fit_is_refused(tmp_path, text, message):
    (tmp_path / "labels").write_text(text)
    with pytest.raises(ResbenchError, match=message):
        annotate(NUMBERED, tmp_path / "labels")


@pytest.mark.parametrize(
    "line", ["{name} {label}", "{name}  {label} 0.5 x", '"{name}",{label}', "{name};{label};x", "{name}\t{label}"]
)
def test_names_with_blanks_are_read_whole(tmp_path, line):
    names = {f"my photo{label} of all.jpg": label for label in (3, 14)}
    (tmp_path / "labels").write_text("".join(line.format(name=name, label=names[name]) + "\n" for name in names))
    assert {one.name: one.label for one in annotate(files(names), tmp_path / "labels")[0]} == names


def test_a_labels_file_that_is_missing_or_no_text_is_refused(tmp_path):
    (tmp_path / "labels").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ResbenchError, match="not a text file"):
        annotate(NUMBERED, tmp_path / "labels")
    with pytest.raises(ResbenchError, match="No such file"):
        annotate(NUMBERED, tmp_path / "none.txt")


def test_the_development_kits_ground_truth_is_known_by_its_agreement(tmp_path):
    other = np.random.default_rng(0).permutation(1000) + 1  # the kit numbers the classes in an order of its own
    truth = tmp_path / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{other[shown]}\n" for shown in validation()))
    official = files(f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 50_001))
    assert tuple(sample.label for sample in annotate(official, truth)[0]) == validation()
    truth.write_text("".join(f"{other[shown]}\n" for shown in (*validation()[1:], validation()[0])))
    with pytest.raises(ResbenchError, match="'1000' is not a class"):
        annotate(official, truth)


def annotated(names, text, tmp_path):
    """The classes of files of these names by a file of labels of this text, and what is said of it."""
    path = tmp_path / "labels"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    samples, notes = annotate(files(names), path)
    return {one.name: one.label for one in samples}, [note.removeprefix(f"{path}: ") for note in notes]


AS_PATHS = [
    "./val/a.jpg,3",
    "/data/set/val/a.jpg,3",
    "set/val/a.jpg,3",
    "val\\a.jpg,3",
    "val//a.jpg,3",
    "a.jpg,3",
    "x/a.jpg,3",
]


@pytest.mark.parametrize("line", AS_PATHS)
def test_names_with_other_folders_mean_the_image_with_the_same_end(tmp_path, line):
    classes, notes = annotated(["val/a.jpg", "val/b.jpg"], f"{line}\nval/b.jpg,4\n", tmp_path)
    assert classes == {"val/a.jpg": 3, "val/b.jpg": 4}
    exact = line in ("./val/a.jpg,3", "val\\a.jpg,3", "val//a.jpg,3")
    assert notes == ([] if exact else ["1 image matched by the end of the path"])


@pytest.mark.parametrize(
    ("word", "how"),
    [("A.JPG", ", in another case"), ("val/a", ", without the suffix"), ("a.PNG", ", without the suffix")],
)
def test_names_in_another_case_or_with_another_suffix_are_matched_and_named(tmp_path, word, how):
    classes, notes = annotated(["val/a.jpg"], f"{word} 3\n", tmp_path)
    assert classes == {"val/a.jpg": 3}
    assert notes == [f"1 image matched by the end of the path{how}"]


def test_names_in_both_unicode_forms_and_in_no_unicode_are_one(tmp_path):
    composed, decomposed = "caf\u00e9.jpg", "cafe\u0301.jpg"
    assert annotated([decomposed], f"{composed} 3\n", tmp_path) == ({decomposed: 3}, [])
    assert annotated(["caf\\xe9.jpg"], b"caf\xe9.jpg 3\n", tmp_path) == ({"caf\\xe9.jpg": 3}, [])
    assert annotated(["a.jpg"], "a.jpg\t3\n".encode("utf-16"), tmp_path) == ({"a.jpg": 3}, [])


def test_a_longer_end_of_the_path_decides_between_equal_file_names(tmp_path):
    names = ["a/1.jpg", "b/1.jpg"]
    assert annotated(names, "/x/a/1.jpg 3\n/x/b/1.jpg 4\n", tmp_path)[0] == {"a/1.jpg": 3, "b/1.jpg": 4}
    with pytest.raises(ResbenchError, match=r"no class for 2 of 2 images .*it has '1.jpg', which may mean several"):
        annotated(names, "1.jpg 3\n", tmp_path)
    with pytest.raises(
        ResbenchError, match=r"no class for 1 of 1 images .*it has '(x|y)/1.jpg', which may mean several"
    ):
        annotated(["1.jpg"], "x/1.jpg 3\ny/1.jpg 4\n", tmp_path)


def test_names_of_another_kind_are_shown_beside_the_images_own(tmp_path):
    with pytest.raises(ResbenchError, match=r"its names are like 'img-01.png'; write them as 'img_1.jpg'"):
        annotated(["img_1.jpg"], "zebra.png 3\nimg-01.png 4\n", tmp_path)


def test_lines_without_an_image_are_counted(tmp_path):
    classes, notes = annotated(["a.jpg"], "a.jpg 3\nb.jpg 4\nc.jpg 4\n", tmp_path)
    assert classes == {"a.jpg": 3}
    assert notes == ["2 lines of images that are not there (as b.jpg)"]


@pytest.mark.parametrize(
    "header",
    ["image,url,label", "ImageId;URL;Class", "file_name\tsize\tclass_index", "label,score,path", "wnid,label,img"],
)
def test_columns_are_found_by_their_titles(tmp_path, header):
    mark = next(mark for mark in ",;\t" if mark in header)
    titles = header.split(mark)
    cells = {"url": "x", "size": "40", "score": "0.5", "wnid": list(imagenet())[3]}
    if "wnid" in titles:
        cells |= {"label": "77"}  # of another numbering
    row = mark.join(cells.get(t.lower(), "a.jpg" if t.lower() in NAMES else "3") for t in titles)
    assert annotated(["a.jpg"], f"{header}\n{row}\n", tmp_path) == ({"a.jpg": 3}, [])


NAMES = ("image", "imageid", "file_name", "path", "img")


def test_a_title_above_classes_alone_is_skipped(tmp_path):
    assert annotated(["a.jpg", "b.jpg"], "label\n3\n4\n", tmp_path)[0] == {"a.jpg": 3, "b.jpg": 4}


def test_the_true_labels_of_the_nips_2017_data_set_count_from_one(tmp_path):
    classes, notes = annotated(["0c7a.png"], "ImageId,TrueLabel,TargetClass\n0c7a,306,779\n", tmp_path)
    assert classes == {"0c7a.png": 305}
    assert "column TrueLabel is taken as numbered from 1" in notes[0]
    assert annotated(["a.png", "b.png"], "ImageId,TrueLabel\na,0\nb,9\n", tmp_path)[0] == {"a.png": 0, "b.png": 9}


def test_numbers_up_to_1000_are_said_to_count_from_one(tmp_path):
    with pytest.raises(ResbenchError, match=r"line 1: '1000' is not a class: .*count from 1.*; subtract 1 from"):
        annotated(["a.jpg", "b.jpg"], "a.jpg 1000\nb.jpg 1\n", tmp_path)


def test_lines_without_names_in_an_order_that_may_be_meant_otherwise_are_named(tmp_path):
    classes, notes = annotated([f"{n}.jpg" for n in (1, 10, 2)], "5\n6\n7\n", tmp_path)
    assert classes == {"1.jpg": 5, "10.jpg": 6, "2.jpg": 7}
    assert "its lines are taken in the order of names as text (10 before 2)" in notes[0]


@pytest.fixture
def official_images(tmp_path):
    for number in range(1, 9):
        planted.write(tmp_path / "set" / f"ILSVRC2012_val_{number:08d}.JPEG", 0)
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda n, c: c + 1, "they count from 1; subtract 1 from .*labels, or leave --labels out"),
        (lambda n, c: c - 1, "they are one too low; add 1 in"),
        (lambda n, c: devkit().index(c) + 1, r"the development kit's numbers \(ILSVRC2012_ID\); leave --labels out"),
        (lambda n, c: devkit().index(c), "the development kit's numbers less one"),
        (lambda n, c: (7 * n) % 1000, "it seems to belong to other images; leave --labels out"),
    ],
    ids=["from one", "too low", "kit", "kit less one", "others"],
)
def test_labels_that_contradict_the_official_ones_are_refused_with_what_they_seem_to_be(
    official_images, given, message
):
    labels = official_images.parent / "labels"
    rows = (f"ILSVRC2012_val_{n:08d}.JPEG {given(n, validation()[n - 1])}\n" for n in range(1, 9))
    labels.write_text("".join(rows))
    with pytest.raises(ResbenchError, match=f"8 of 8 labels contradict the official ones .*{message}"):
        open_set(official_images, labels)


def test_few_labels_that_contradict_the_official_ones_are_counted(official_images):
    labels = official_images.parent / "labels"
    given = [*validation()[:7], 0]
    labels.write_text("".join(f"{label}\n" for label in given))
    images = open_set(official_images, labels)
    assert "1 of 8 labels contradict the official ones (ILSVRC2012_val_00000008.JPEG is 0 there" in images.notes[0]
    labels.write_text("".join(f"{label}\n" for label in validation()[:8]))
    assert open_set(official_images, labels).notes == ()


LINES = st.lists(
    st.tuples(st.sampled_from(["1.jpg", "x/2.jpg", "image", "", "a b"]), st.sampled_from(' ,;\t\n"'), st.text())
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), LINES.map(lambda lines: "\n".join(map("".join, lines)).encode("utf-8", "replace"))))
@example(b"a" + b" " * 4000 + b"x\n")
@example(b"/".join([b"a"] * 2000) + b" 3\n")
@example(b"9" * 5000)
@example(b"\x01\r,")
@example(b"\xff\xfe3")
def test_any_labels_file_is_read_or_refused_in_one_line(tmp_path, data):
    (tmp_path / "labels").write_bytes(data)
    try:
        samples, _ = annotate(NUMBERED, tmp_path / "labels")
    except ResbenchError:
        return
    assert len(samples) == len(NUMBERED)


def test_a_file_of_deep_paths_takes_little_time_and_memory(tmp_path):
    deep = "/".join(["a"] * 2000)
    rows = "".join(f"{deep}/{number}.jpg 3\n" for number in range(1, 500))
    assert set(annotated([file.name for file in NUMBERED], rows, tmp_path)[0].values()) == {3}
