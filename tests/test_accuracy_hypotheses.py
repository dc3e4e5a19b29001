"""Labels that cannot be right are named, and right ones are not suspected."""

import re

import numpy as np
import pytest
import torch

from resbench.accuracy.distributed import Ranks
from resbench.accuracy.evaluate import Contestant
from resbench.accuracy.hypotheses import mislabelled, unexplained
from resbench.accuracy.labels import class_of, devkit, validation
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import Session, score
from resbench.errors import ResbenchError
from resbench.records.predictions import ROW
from tests import planted


def rows(labels, seen):
    found = np.zeros(len(labels), ROW)
    found["place"] = np.arange(len(labels))
    found["label"], found["top5"][:, 0] = labels, seen
    return found


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
    assert re.search(message, mislabelled(rows(wrong(true), seen), 1000) or "")


def test_folders_sorted_as_text_are_recognised():
    true, _ = answers()
    assert "sorted as text" in (mislabelled(rows(true, AS_TEXT[true]), 1000) or "")


def test_a_few_hundred_images_suffice_for_a_shift():
    true, seen = answers(images=256, sharpness=0.5)
    assert "one too high" in (mislabelled(rows((true + 1) % 1000, seen), 1000) or "")


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
    true, seen = answers(sharpness=0)
    assert re.match(r"\d of 2000 right is no more than guessing", unexplained(rows(true, seen), 1000) or "")
    assert unexplained(rows(true, true), 1000) is None


def test_ten_classes_are_judged_by_their_own_chance():
    true, seen = answers(classes=10, sharpness=0.9)
    assert "one too low" in (mislabelled(rows((true - 1) % 10, seen), 10) or "")


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
    network = Contestant(name="planted", identity="0", forward=planted.Planted(), preprocess=planted.SMALL)
    session = Session(device=torch.device("cpu"), batch_size=210, workers=1, threads=1, group=Ranks())
    with pytest.raises(ResbenchError, match=rf"planted: \d of 210 right.*{message}.*100% would be right.*--labels"):
        score([network], open_set(tmp_path / "val"), session)
