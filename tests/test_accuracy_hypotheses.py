"""Labels that cannot be right are named, and right ones are not suspected."""

import re

import numpy as np
import pytest

from resbench.accuracy.hypotheses import collapsed, mislabelled, ties, unexplained
from resbench.accuracy.labels import class_of, devkit, validation
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import score
from resbench.errors import ResbenchError
from resbench.records.predictions import ROW
from tests import planted
from tests.sessions import contestant, session


def rows(labels, seen):
    found = np.zeros(len(labels), ROW)
    found["place"] = np.arange(len(labels))
    found["label"], found["top5"][:, 0] = labels, seen
    found["logits"] = np.arange(5, 0, -1)
    found["logits"][:, 0] += np.arange(len(labels)) % 3  # as logits of images that differ do
    return found


def what(rows, classes):
    found = mislabelled(rows, classes)
    return found.what if found else ""


def answers(classes=1000, images=2000, sharpness=0.7, seed=0):
    """The true classes of random images, and what a network of that accuracy sees."""
    chance = np.random.default_rng(seed)
    true = chance.integers(0, classes, images)
    return true, np.where(chance.random(images) < sharpness, true, chance.integers(0, classes, images))


PERMUTATION = np.random.default_rng(7).permutation(1000)
AS_TEXT = np.argsort(np.argsort([str(number) for number in range(1000)]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda true: (true - 1) % 1000, "the labels are one too low.*(6|7)[0-9]% would be right"),
        (lambda true: (true + 1) % 1000, "the labels are one too high.*1001"),
        (lambda true: AS_TEXT[true], "the labels are places in the order of folder names sorted as text"),
        (lambda true: PERMUTATION[true], "the classes are permuted"),
    ],
)
def test_the_labels_that_would_fit_are_named(wrong, message):
    true, seen = answers()
    assert re.search(message, what(rows(wrong(true), seen), 1000))


def test_folders_sorted_as_text_are_recognised():
    true, _ = answers()
    assert "sorted as text" in what(rows(true, AS_TEXT[true]), 1000)


@pytest.mark.parametrize("images", [30, 100, 256])
def test_a_few_images_suffice_for_a_shift(images):
    true, seen = answers(images=images, sharpness=0.5)
    found = mislabelled(rows((true + 1) % 1000, seen), 1000)
    assert "one too high" in found.what
    assert found.correction == "subtract 1 from every class"


def test_a_shift_is_told_from_chance_where_the_images_are_of_few_classes():
    chance = np.random.default_rng(3)
    labels, other = chance.integers(0, 4, (2, 400))
    assert "one too high" in what(rows(labels + 1, np.where(chance.random(400) < 0.8, labels, other)), 1000)
    assert what(rows(labels + 4, other + 3), 1000) == ""  # a quarter of them would be right by chance


@pytest.mark.parametrize("sharpness", [0.05, 0.3, 0.9])
def test_right_labels_are_not_suspected(sharpness):
    assert mislabelled(rows(*answers(sharpness=sharpness)), 1000) is None
    assert mislabelled(rows(*answers(classes=10, sharpness=0.3)), 10) is None


def test_a_network_that_knows_nothing_is_not_blamed_on_the_labels():
    assert mislabelled(rows(*answers(sharpness=0.0)), 1000) is None
    true, _ = answers()
    assert mislabelled(rows(true, np.full(len(true), 42)), 1000) is None  # always the same answer
    assert mislabelled(rows(true, true % 2), 1000) is None  # one of two answers
    assert mislabelled(rows([], []), 1000) is None


def test_what_is_near_chance_to_the_end_is_said_so():
    for images in (30, 100):
        true, seen = answers(images=images, sharpness=0)
        assert unexplained(rows((seen + 1) % 1000, seen), 1000).startswith(f"0 of {images} right is no more than")
    true, seen = answers(sharpness=0)
    assert re.match(r"\d of 2000 right is no more than guessing", unexplained(rows(true, seen), 1000) or "")
    assert unexplained(rows(true, true), 1000) is None


def test_ten_classes_are_judged_by_their_own_chance():
    true, seen = answers(classes=10, sharpness=0.9)
    assert "one too low" in what(rows((true - 1) % 10, seen), 10)


def test_the_development_kit_numbers_the_classes_as_its_ground_truth_does():
    ground_truth = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164, 649]  # its first lines, as published
    assert [devkit()[number - 1] for number in ground_truth] == list(validation()[: len(ground_truth)])
    assert devkit()[:2] == (class_of()["n02119789"], class_of()["n02100735"])  # kit fox, English setter
    assert sorted(devkit()) == list(range(1000))


@pytest.mark.parametrize(("begin", "message"), [(1, "ILSVRC2012_ID\\), which"), (0, "ILSVRC2012_ID\\) less one")])
def test_folders_numbered_as_in_the_development_kit_are_recognised(tmp_path, monkeypatch, begin, message):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for place in range(210):
        planted.write(tmp_path / "val" / str(4 * place + begin) / "a.JPEG", devkit()[4 * place])
    with pytest.raises(
        ResbenchError, match=rf"planted: \d of 210 right.*{message}.*100% would be right.*--labels FILE"
    ):
        score([contestant()], open_set(tmp_path / "val"), session(batch_size=210))


def test_a_network_that_answers_alike_is_said_to_and_the_labels_are_not_blamed():
    labels = np.repeat([0, 1, 2], 70)
    alike = rows(labels, 1)
    assert collapsed(alike) == "its answer is class 1 for all 210 images"
    constant = rows(labels, 1)
    constant["logits"] = (5, 4, 3, 2, 1)
    assert collapsed(constant) == "its largest logits are the same for all 210 images"
    tied = rows(labels, 1)
    tied["logits"][:, 1] = tied["logits"][:, 0]
    assert collapsed(tied).startswith("several classes share the largest logit in each of the 210 images")
    for found in (alike, constant, tied):
        assert mislabelled(found, 1000) is None
        assert unexplained(found, 1000).endswith("is damaged, was not trained, or does not fit this network")


def test_a_network_that_is_right_on_images_of_one_class_is_not_called_collapsed():
    assert collapsed(rows([7] * 50, 7)) is None
    assert collapsed(rows([7] * 45 + [8] * 5, 7)) is None  # most of them are of that class
    assert collapsed(rows([1, 2, 3], 7)) is None  # three images say little
    assert collapsed(rows([], [])) is None


def test_ties_are_counted():
    found = rows([1, 2, 3], [1, 2, 4])
    assert ties(found) is None
    found["logits"][1:, 1] = found["logits"][1:, 0]
    assert ties(found) == "2 of 3 images have several classes with the largest logit; such a tie is not right"


def test_a_file_of_labels_that_is_off_by_one_is_to_be_corrected(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = []
    for place in range(40):
        planted.write(tmp_path / "val" / f"{place}.JPEG", 25 * place)
        lines.append(f"{place}.JPEG {25 * place + 1}\n")
    (tmp_path / "labels.txt").write_text("".join(lines))
    images = open_set(tmp_path / "val", tmp_path / "labels.txt")
    with pytest.raises(ResbenchError, match=r"0 of 40 right: .* one too high.*; subtract 1 from every"):
        score([contestant()], images, session(batch_size=40))
