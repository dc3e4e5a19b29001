"""Figures from stored predictions, against definitions written out another way."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resbench.accuracy import figures
from resbench.errors import NotComparableError, ResbenchError
from resbench.records import predictions
from resbench.records.predictions import ROW, Predictions


def rows(labels, seen, confidence=0.5):
    found = np.zeros(len(labels), ROW)
    found["place"], found["label"] = np.arange(len(labels)), labels
    found["top5"] = -1
    found["top5"][:, 0] = seen
    found["logits"] = -np.inf
    found["logits"][:, 0] = np.log(confidence)
    return found


def named(found, folder=""):
    return Predictions(names=tuple(f"{folder}{place}.jpg" for place in found["place"]), rows=found)


def test_classes_are_counted_worst_first():
    found = figures.per_class(rows([1, 1, 1, 2, 2, 0], [1, 2, 2, 2, 2, 1]))
    assert [(one.label, one.images, one.top1_right) for one in found] == [(0, 1, 0), (1, 3, 1), (2, 2, 2)]


def test_confusions_are_counted_most_frequent_first():
    found = figures.confusions(rows([1, 1, 1, 2, 0], [2, 2, 0, 2, 0]))
    assert [(one.label, one.seen, one.images) for one in found] == [(1, 2, 2), (1, 0, 1)]


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.booleans()), min_size=1, max_size=60))
def test_calibration_error_is_its_definition(answers):
    confidence = np.array([share for share, _ in answers], dtype=np.float32)
    right = np.array([was for _, was in answers])
    found = rows(np.zeros(len(right)), np.where(right, 0, 1), confidence)
    exact = np.exp(np.log(confidence).astype(np.float64))
    expected, edges = 0.0, np.linspace(0, 1, figures.BINS + 1)
    for low, high in pairwise(edges):
        inside = (exact >= low) & ((exact < high) | (high == 1))
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - exact[inside].mean())
    assert figures.calibration_error(found) == pytest.approx(expected, abs=0.02)


def test_a_calibrated_network_has_no_error():
    assert figures.calibration_error(rows([0] * 4, [0, 0, 1, 1], 0.5)) == pytest.approx(0, abs=1e-6)
    assert figures.calibration_error(rows([0] * 4, [0, 0, 0, 0], 0.25)) == pytest.approx(0.75)


def test_two_checkpoints_are_compared_image_by_image():
    labels = [5] * 20
    before = named(rows(labels, [5] * 12 + [1] * 8))
    after = named(rows(labels, [5] * 10 + [2] * 2 + [5] * 7 + [3]), "val/n1/")  # another layout of the same files
    found = figures.image_by_image(before, after)
    assert (found.both, len(found.lost), len(found.gained), found.neither) == (10, 2, 7, 1)
    assert found.lost[0] == figures.Flip(name="10.jpg", label=5, before=5, after=2)
    assert found.changed == 10
    assert found.p_value == stats.binomtest(2, 9).pvalue
    assert figures.image_by_image(before, before).p_value == 1.0


def test_predictions_of_other_images_are_not_compared():
    one = rows([1, 2], [1, 2])
    with pytest.raises(NotComparableError, match="different images"):
        figures.image_by_image(named(one), Predictions(names=("0.jpg", "x.jpg"), rows=one))
    with pytest.raises(NotComparableError, match="different images"):
        figures.image_by_image(named(one), named(rows([1, 3], [1, 2])))


def test_predictions_are_stored_and_read_back(tmp_path):
    chance = np.random.default_rng(0)
    found = rows(chance.integers(0, 1000, 50), chance.integers(0, 1000, 50), chance.random(50))
    found["logsumexp"] = chance.random(50)
    written = Predictions(names=tuple(f"ä/{k}'s.jpg" for k in range(50)), rows=found)
    predictions.save_predictions(written, tmp_path / "a" / "b.npz")
    read = predictions.load_predictions(tmp_path / "a" / "b.npz")
    assert read.names == written.names
    np.testing.assert_array_equal(read.rows, written.rows)
    assert read.sha256 == written.sha256
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.npz"]
    first = (tmp_path / "a" / "b.npz").read_bytes()
    predictions.save_predictions(written, tmp_path / "a" / "b.npz")
    assert (tmp_path / "a" / "b.npz").read_bytes() == first


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello"])
def test_what_are_no_predictions_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ResbenchError, match="not readable predictions"):
        predictions.load_predictions(tmp_path / "a.npz")
    with pytest.raises(ResbenchError, match="no predictions beside the record"):
        predictions.load_predictions(tmp_path / "b.npz")
