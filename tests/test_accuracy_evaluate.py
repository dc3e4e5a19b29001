"""Counting right answers: exact, whatever the batch, the threads, the forward pass."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resbench.accuracy import loader
from resbench.accuracy.dataset import Sample
from resbench.accuracy.evaluate import Contestant, evaluate, images_per_pass, largest_batch
from resbench.accuracy.labels import imagenet
from resbench.accuracy.layouts import open_set
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.predictions import merge_rows, top1, top5
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


def score(images, *models, batch_size=4, workers=2, threads=2, streams=None, among=None):
    """The rows of every model."""
    contestants = [
        Contestant(name="planted", identity="", forward=model, preprocess=stream, among=among)
        for model, stream in zip(models or [planted.Planted()], streams or [planted.SMALL] * 9, strict=False)
    ]
    batches = loader.batches(
        images.samples,
        list(dict.fromkeys(one.preprocess for one in contestants)),
        starts=range(0, len(images.samples), batch_size),
        batch_size=batch_size,
        workers=workers,
    )
    parts = list(evaluate(contestants, batches, device=torch.device("cpu"), batch_size=batch_size, threads=threads))
    return [merge_rows(rows) for rows in zip(*parts, strict=True)]


def test_right_answers_are_counted_exactly(images):
    (rows,) = score(images)
    assert (top1(rows).sum(), top5(rows).sum()) == (4, 8)
    assert rows["place"].tolist() == list(range(len(SHIFTS)))
    shifts = {sample.base: SHIFTS[int(sample.base.split(".")[0])] for sample in images.samples}
    assert (rows["top5"][:, 0] - rows["label"]).tolist() == list(shifts.values())


@pytest.mark.parametrize("batch_size", [1, 2, 3, 11, 64])
@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_depends_on_batch_size_or_workers(images, batch_size, workers):
    (once,), (again,) = score(images), score(images, batch_size=batch_size, workers=workers)
    np.testing.assert_array_equal(once, again)


def test_every_forward_pass_takes_the_same_number_of_images(images):
    seen = []

    class Counting(planted.Planted):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    (rows,) = score(images, Counting(), batch_size=4)
    assert top1(rows).sum() == 4
    assert seen == [4, 4, 4]  # of 11 images


def test_passes_on_the_cpu_share_a_batch_evenly_and_are_at_most_as_large_as_sixteen_images_of_224_px():
    def count(crop_px, batch_size=64, device="cpu"):
        return images_per_pass(Preprocess(crop_px=crop_px), torch.device(device), batch_size)

    assert [count(224), count(288), count(32, 1000), count(224, 3), count(2000)] == [16, 8, 500, 3, 1]
    assert count(224, 50) == 13
    assert count(224, device="meta") == 64


def test_every_core_has_a_pass_to_run_while_the_first_batch_is_dealt_with():
    taken = []

    def batches():
        for start in range(0, 40, 2):
            taken.append(start)
            frames = {planted.SMALL: torch.zeros(2, planted.SMALL.crop_px, planted.SMALL.crop_px, 3, dtype=torch.uint8)}
            yield loader.Batch(
                first=start, samples=(Sample(name="a", path=Path("a"), size_bytes=1, label=0),) * 2, frames=frames
            )

    one = Contestant(name="planted", identity="", forward=planted.Planted(), preprocess=planted.SMALL)
    rows = evaluate([one], batches(), device=torch.device("cpu"), batch_size=2, threads=6)
    next(rows)
    assert len(taken) == 7
    assert len(list(rows)) == 19


def test_logsumexp_turns_logits_into_probabilities(images):
    (rows,) = score(images)
    expected = [
        (-(torch.arange(1000.0) - int(best) - 0.25).abs()).softmax(0).max().item() for best in rows["top5"][:, 0]
    ]
    np.testing.assert_allclose(np.exp(rows["logits"][:, 0] - rows["logsumexp"]), expected, rtol=1e-5)


def test_a_network_of_fewer_than_five_classes_is_counted_too(tmp_path):
    planted.write(tmp_path / WNIDS[0] / "a.JPEG", 1)
    (rows,) = score(open_set(tmp_path), planted.Planted(classes=3))
    assert rows["top5"].tolist() == [[1, 2, 0, -1, -1]]
    assert (top1(rows).sum(), top5(rows).sum()) == (0, 1)


def test_answers_are_chosen_among_the_classes_of_the_set(images):
    among = tuple(sorted({sample.label for sample in images.samples}))
    (rows,) = score(images, among=among)
    assert set(rows["top5"].flat) <= set(among)
    assert top1(rows).sum() == len(SHIFTS)  # the neighbours that were shown instead are not to be chosen


def test_logits_that_are_no_numbers_are_not_counted(images):
    class Broken(planted.Planted):
        def forward(self, x):
            return super().forward(x) * float("nan")

    with pytest.raises(InvalidMeasurementError, match="planted: its logits are not finite"):
        score(images, Broken())


def answered(logits, labels):
    """The rows of a network that gives these logits."""
    samples = tuple(Sample(name="a", path=Path("a"), size_bytes=1, label=label) for label in labels)
    frames = {planted.SMALL: torch.zeros(len(labels), 16, 16, 3, dtype=torch.uint8)}
    one = Contestant(name="x", identity="", forward=lambda _: torch.tensor(logits), preprocess=planted.SMALL)
    batches = [loader.Batch(first=0, samples=samples, frames=frames)]
    ((rows,),) = evaluate([one], batches, device=torch.device("cpu"), batch_size=len(labels))
    return rows


@given(
    st.integers(1, 9).flatmap(
        lambda classes: st.lists(
            st.tuples(st.lists(st.integers(0, 5), min_size=classes, max_size=classes), st.integers(0, classes - 1)),
            min_size=1,
            max_size=16,
        )
    )
)
@settings(deadline=None, max_examples=60)
def test_a_tie_is_never_right_by_the_order_of_the_classes(images):
    logits, labels = zip(*images, strict=True)
    rows = answered([[float(value) for value in row] for row in logits], labels)
    beside = [sum(value >= row[label] for value in row) - 1 for row, label in images]  # others at least as large
    assert top1(rows).tolist() == [others == 0 for others in beside]
    assert top5(rows).tolist() == [others < 5 for others in beside]


def test_a_constant_network_is_right_in_nothing():
    rows = answered([[0.0] * 1000] * 3, [0, 1, 999])
    assert (top1(rows).any(), top5(rows).any(), rows["top5"].max()) == (False, False, -1)


def test_several_networks_in_one_pass_see_what_they_see_alone(images):
    other = Preprocess(crop_px=24, crop_pct=1.0, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)
    models = [planted.Planted(), planted.Planted(other), planted.Planted(classes=400)]
    streams = [planted.SMALL, other, planted.SMALL]
    together = score(images, *models, batch_size=5, streams=streams)
    for rows, model, stream in zip(together, models, streams, strict=True):
        (alone,) = score(images, model, streams=[stream])
        np.testing.assert_array_equal(rows, alone)


def hungry(most):
    class Hungry(planted.Planted):
        def forward(self, x):
            if len(x) > most:
                raise torch.OutOfMemoryError
            return super().forward(x)

    return Contestant(name="x", identity="", forward=Hungry(), preprocess=planted.SMALL)


def test_the_largest_batch_that_memory_allows_is_found():
    assert largest_batch([hungry(500), hungry(40)], torch.device("cpu"), most=256) == 32
    with pytest.raises(ResbenchError, match="out of memory with one image"):
        largest_batch([hungry(0)], torch.device("cpu"), most=4)


def test_running_out_of_memory_is_reported_with_the_batch_that_would_fit(images):
    with pytest.raises(ResbenchError, match="batch 8: out of memory on cpu; --batch-size 4 fits"):
        score(images, hungry(5).forward, batch_size=8)
