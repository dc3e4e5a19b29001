"""Files of labels in every form that people have, and those that do not fit."""

from pathlib import Path

import numpy as np
import pytest

from resbench.accuracy.annotations import annotate
from resbench.accuracy.dataset import File
from resbench.accuracy.labels import validation
from resbench.errors import ResbenchError


def files(names):
    return [File(name=name, path=Path(name), size_bytes=1) for name in names]


NUMBERED = files(f"{number}.jpg" for number in range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg 3\n", r"no class for 7 of 8 images \(2.jpg, 3.jpg, 4.jpg\)"),
        ("".join(f"{n}.jpg 1000\n" for n in range(1, 9)), "'1000' is no class"),
        ("3\n4\n", "2 classes for 8 images"),
        ("image class\n1.jpg\n", "line 2: no class for '1.jpg'"),
        ("image class\nno class here\n", "line 2: 'class' is no class"),
        ("1.jpg tench\n2.jpg 4\n", "line 1: 'tench' is no class"),
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
    with pytest.raises(ResbenchError, match="'1000' is no class"):
        annotate(official, truth)
