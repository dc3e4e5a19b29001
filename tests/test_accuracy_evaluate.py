"""Counting right answers: exact, whatever the batch, the threads, the forward pass."""

import numpy as np
import pytest
import torch

from resbench.accuracy import loader
from resbench.accuracy.dataset import open_set
from resbench.accuracy.evaluate import Contestant, evaluate, join
from resbench.accuracy.labels import imagenet
from resbench.errors import InvalidMeasurementError
from resbench.zoo.spec import Preprocess
from tests import planted

WNIDS = list(imagenet())
SHIFTS = [0, 0, 0, 1, -1, 2, -2, 3, -3, 10, 0]  # 4 seen first, 8 among five


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("val")
    for place, shift in enumerate(SHIFTS):
        label = 37 * place + 100
        planted.write(root / WNIDS[label] / f"{place}.JPEG", label + shift, size=(40 + place, 30))
    return open_set(root)


def predictions(images, *, batch_size=4, workers=2, forward_images=4, model=None, preprocess=planted.SMALL):
    contestant = Contestant(name="planted", model=model or planted.Planted(), preprocess=preprocess)
    batches = loader.batches(images.samples, [preprocess], batch_size=batch_size, workers=workers)
    parts = evaluate([contestant], batches, device=torch.device("cpu"), forward_images=forward_images)
    return join([part for (part,) in parts])


def test_right_answers_are_counted_exactly(images):
    found = predictions(images)
    assert (found.top1_right, found.top5_right) == (4, 8)
    assert found.top5.shape == (len(SHIFTS), 5)
    assert [int(row[0] - label) for row, label in zip(found.top5, found.labels, strict=True)] == SHIFTS


@pytest.mark.parametrize("batch_size", [1, 2, 3, 11, 64])
@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_depends_on_batch_size_or_workers(images, batch_size, workers):
    once, again = predictions(images), predictions(images, batch_size=batch_size, workers=workers)
    for name in ("labels", "top5", "logits", "logsumexp"):
        np.testing.assert_array_equal(getattr(once, name), getattr(again, name))


def test_every_forward_pass_takes_the_same_number_of_images(images):
    seen = []

    class Counting(planted.Planted):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    assert predictions(images, batch_size=6, forward_images=4, model=Counting()).top1_right == 4
    assert set(seen) == {4}


def test_logsumexp_turns_logits_into_probabilities(images):
    found = predictions(images)
    logits = planted.Planted()(torch.zeros(1, 3, 16, 16))
    assert torch.logsumexp(logits, 1).shape == (1,)
    confidence = np.exp(found.logits[:, 0] - found.logsumexp)
    expected = [(-(torch.arange(1000.0) - int(row[0]) - 0.25).abs()).softmax(0).max().item() for row in found.top5]
    np.testing.assert_allclose(confidence, expected, rtol=1e-5)


def test_a_network_of_fewer_than_five_classes_is_counted_too(tmp_path):
    planted.write(tmp_path / WNIDS[0] / "a.JPEG", 1)
    found = predictions(open_set(tmp_path), model=planted.Planted(classes=3))
    assert found.top5.shape == (1, 3)
    assert (found.top1_right, found.top5_right) == (0, 1)


def test_logits_that_are_no_numbers_are_not_counted(images):
    class Broken(planted.Planted):
        def forward(self, x):
            return super().forward(x) * float("nan")

    with pytest.raises(InvalidMeasurementError, match="planted: its logits are not finite"):
        predictions(images, model=Broken())


def test_several_networks_in_one_pass_see_what_they_see_alone(images):
    other = Preprocess(crop_px=24, crop_pct=1.0, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)
    contestants = [
        Contestant(name="a", model=planted.Planted(), preprocess=planted.SMALL),
        Contestant(name="b", model=planted.Planted(other), preprocess=other),
        Contestant(name="c", model=planted.Planted(classes=400), preprocess=planted.SMALL),
    ]
    batches = loader.batches(images.samples, [planted.SMALL, other], batch_size=5, workers=2)
    parts = list(evaluate(contestants, batches, device=torch.device("cpu"), forward_images=4))
    for place, contestant in enumerate(contestants):
        together = join([row[place] for row in parts])
        alone = predictions(images, model=contestant.model, preprocess=contestant.preprocess)
        np.testing.assert_array_equal(together.top5, alone.top5)
        np.testing.assert_array_equal(together.logits, alone.logits)
