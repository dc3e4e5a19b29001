"""Scores of probabilities from stored predictions, against those of whole logits, and scikit-learn's."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from resbench.accuracy import calibration
from resbench.accuracy.evaluate import _best, _rows
from resbench.accuracy.loader import Batch
from resbench.records import predictions
from resbench.records.predictions import Predictions
from tests.sessions import contestant

CLASSES, IMAGES = 40, 3000


class Shown:
    def __init__(self, label):
        self.label = label


def logits(sharpness):
    """Logits of images and their classes: probabilities are right at sharpness 1, too sure above."""
    chance = np.random.default_rng(3)
    own = chance.normal(0, 2, (IMAGES, CLASSES)).astype(np.float32)
    labels = [chance.choice(CLASSES, p=row) for row in softmax(own.astype(float), axis=1)]
    return own * np.float32(sharpness), np.array(labels)


def stored(values, labels):
    """The rows that a validation keeps of these logits."""
    network = contestant(lambda inputs: inputs)
    best = _best(network, [torch.from_numpy(values)], labels.tolist())
    batch = Batch(first=0, samples=tuple(map(Shown, labels.tolist())), frames={})
    return _rows(best, batch, network)


@pytest.fixture(scope="module", params=[0.7, 1.0, 2.2], ids=["unsure", "right", "too sure"])
def case(request):
    values, labels = logits(request.param)
    return request.param, values.astype(float), labels, stored(values, labels)


def test_brier_and_likelihood_are_those_of_all_probabilities(case):
    _, values, labels, rows = case
    scores = calibration.calibration(rows)
    sure = softmax(values, axis=1)
    assert scores.nll == pytest.approx(-log_softmax(values, axis=1)[np.arange(IMAGES), labels].mean(), rel=1e-5)
    assert scores.brier == pytest.approx(((sure - np.eye(CLASSES)[labels]) ** 2).sum(1).mean(), rel=1e-5)


def test_the_temperature_is_that_of_whole_logits(case):
    sharpness, values, labels, rows = case
    half = slice(0, None, 2)

    def loss(temperature):
        chosen = log_softmax(values[half] / temperature, axis=1)[np.arange(IMAGES // 2), labels[half]]
        return -chosen.mean()

    expected = minimize_scalar(loss, bounds=(0.25, 4), method="bounded").x
    fit = calibration.calibration(rows).tempered
    assert fit.temperature == pytest.approx(expected, rel=0.005)
    assert fit.temperature == pytest.approx(sharpness, rel=0.06)  # planted
    rest = np.arange(1, IMAGES, 2)
    after = -log_softmax(values[rest] / fit.temperature, axis=1)[np.arange(len(rest)), labels[rest]].mean()
    assert fit.nll[1] == pytest.approx(after, rel=1e-3)
    assert fit.images == IMAGES // 2
    assert fit.calibration_error[1] < 0.04
    if sharpness != 1:
        assert fit.nll[1] < fit.nll[0] - 0.01
        assert fit.calibration_error[1] < fit.calibration_error[0]


def test_between_the_stored_temperatures_probabilities_are_exact_to_a_hundredth(case):
    _, values, _, rows = case
    for step in np.linspace(-2, 2, 29):
        expected = softmax(values * 2**step, axis=1).max(1)
        off = np.abs(calibration.confidence(rows, step) - expected)
        assert off.max() < 0.01
        assert off.mean() < 0.001


def test_surest_images_are_counted(case):
    _, values, labels, rows = case
    sure, right = softmax(values, axis=1).max(1), values.argmax(1) == labels
    for part, share in zip(calibration.calibration(rows).coverage, calibration.COVERAGES, strict=True):
        kept = np.argsort(-sure)[: part.images]
        assert part.images == round(share * IMAGES)
        assert part.right == right[kept].sum()
        assert part.confidence == pytest.approx(sure[kept].min(), rel=1e-4)


def test_bins_of_equal_numbers_by_hand():
    """15 images in 15 bins: the error is the mean distance of each confidence from right or wrong."""
    values = np.log(np.array([[k / 20 + 0.12, 0.88 - k / 20] for k in range(15)], np.float32))
    labels = np.arange(15) % 2
    sure = np.exp(values.max(1))
    right = values.argmax(1) == labels
    assert calibration.equal_mass_error(stored(values, labels)) == pytest.approx(np.abs(right - sure).mean(), rel=1e-5)


def test_predictions_of_version_0_1_are_scored_as_far_as_they_go(tmp_path, case):
    rows = case[3]
    content = {name: rows[name] for name in ("label", "top5", "logits", "logsumexp")}
    names = tuple(f"{place}.jpg" for place in range(IMAGES))
    np.savez_compressed(tmp_path / "old.npz", names=np.frombuffer("\n".join(names).encode(), np.uint8), **content)
    old = predictions.load_predictions(tmp_path / "old.npz")
    scores = calibration.calibration(old.rows)
    assert (scores.brier, scores.nll, scores.tempered) == (None, None, None)
    assert scores.equal_mass == calibration.calibration(rows).equal_mass
    answer = np.dtype([("p", "<i4"), ("l", "<i2"), ("t", "<i2", 5), ("g", "<f4", 5), ("s", "<f4")])
    as_before = np.array([tuple(row)[:5] for row in rows], answer)  # the columns and the hash of version 0.1
    from hashlib import sha256

    assert old.sha256 == sha256("\n".join(names).encode() + b"\0" + as_before.tobytes()).hexdigest()
    predictions.save_predictions(Predictions(names=names, rows=rows), tmp_path / "new.npz")
    new = predictions.load_predictions(tmp_path / "new.npz")
    np.testing.assert_array_equal(new.rows, rows)
    assert new.sha256 != old.sha256


@pytest.mark.reference
def test_scores_are_scikit_learns(case):
    metrics = pytest.importorskip("sklearn.metrics")
    from sklearn.calibration import calibration_curve

    _, values, labels, rows = case
    scores, sure = calibration.calibration(rows), softmax(values, axis=1)
    classes = list(range(CLASSES))
    assert scores.nll == pytest.approx(metrics.log_loss(labels, sure, labels=classes), rel=1e-5)
    per_class = [metrics.brier_score_loss(labels == label, sure[:, label]) for label in classes]
    assert scores.brier == pytest.approx(sum(per_class), rel=1e-5)
    right, first = values.argmax(1) == labels, sure.max(1)
    for strategy, error in (("uniform", scores.equal_width), ("quantile", scores.equal_mass)):
        accurate, confident = calibration_curve(right, first, n_bins=calibration.BINS, strategy=strategy)
        edges = np.linspace(0, 1, 16) if strategy == "uniform" else np.percentile(first, np.linspace(0, 100, 16))
        sizes = np.bincount(np.searchsorted(edges[1:-1], first), minlength=15)
        sizes = sizes[sizes > 0]
        assert error == pytest.approx((sizes * np.abs(accurate - confident)).sum() / IMAGES, abs=1e-3)
