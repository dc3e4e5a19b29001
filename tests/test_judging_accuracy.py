import contextlib
import io
import math
import warnings
from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resbench.errors import ResbenchError
from resbench.judging.accuracy import newcombe, paired_counts
from resbench.judging.answers import changed, mcnemar
from resbench.judging.compare import compare, compare_folders
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from resbench.zoo.find import find_weights
from tests.examples import EVALUATION


def findings(before, after, **limits):
    return {finding.metric: finding for finding in compare(before, after, "x", Limits(**limits))}


def right(count, images=200):
    return replace(EVALUATION, images=images, top1_right=count)


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(158, Verdict.OK), (157, Verdict.REGRESSED), (100, Verdict.REGRESSED), (159, Verdict.OK), (199, Verdict.IMPROVED)],
)
def test_accuracy_on_the_same_images(count, verdict):
    # One of 200 images is 0.5 points: beyond the permitted drop of 0.3.
    assert findings(EVALUATION, right(count))["top1 right"].verdict == verdict


def test_a_small_drop_of_bare_counts_is_inconclusive_and_the_detectable_one_is_said():
    found = findings(right(38_000, 50_000), right(37_950, 50_000))["top1 right"]
    assert found.verdict == Verdict.INCONCLUSIVE
    # Half of the mistakes: 2.8 standard errors for 80 % power give 0.76 points, 3.24 for 90 % give 0.88.
    assert found.detectable == pytest.approx(0.00876, abs=2e-5)
    assert findings(right(38_000, 50_000), right(37_849, 50_000))["top1 right"].verdict == Verdict.REGRESSED


@pytest.mark.parametrize(
    "after",
    [
        replace(EVALUATION, dataset=replace(EVALUATION.dataset, fingerprint="ef" * 32)),
        replace(EVALUATION, pixels=replace(EVALUATION.pixels, resize_px=232)),
        right(158, 199),
    ],
)
def test_accuracy_on_other_images_is_not_comparable(after):
    found = findings(EVALUATION, after)
    assert found["accuracy"].verdict == Verdict.NOT_COMPARABLE
    assert "top1 right" not in found


def test_another_decoder_is_comparable_for_that_is_what_one_wants_to_know():
    after = replace(EVALUATION, pixels=replace(EVALUATION.pixels, decoder="turbojpeg 3"))
    assert findings(EVALUATION, after)["top1 right"].verdict == Verdict.OK


def test_no_images_are_invalid():
    assert findings(right(0, 0), right(0, 0))["top1 right"].verdict == Verdict.INVALID


def test_newcombe_gives_the_intervals_printed_in_the_paper():
    # Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10, examples (a) and (c).
    assert newcombe(48, 80, 56, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(2, 7, 6, 7) == pytest.approx((0.0582, 0.8062), abs=5e-5)


def judge(lost, gained, images=50_000):
    blank = Finding(record="x", metric="top1", before=40_000, after=40_000 + gained - lost, verdict=Verdict.OK, why="")
    return paired_counts(blank, lost, gained, images, Limits())


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [
        (0, 0, Verdict.OK),
        (500, 500, Verdict.OK),
        (30, 3, Verdict.REGRESSED),  # 0.054 points, p = 7e-7
        (27, 3, Verdict.OK),  # as significant, but 0.048 points, and certainly not 0.3
        (130, 100, Verdict.OK),  # 0.06 points, p = 0.03
        (500, 400, Verdict.REGRESSED),
        (3000, 2900, Verdict.INCONCLUSIVE),  # 0.2 points, p = 0.1: 0.3 cannot be excluded
        (3, 30, Verdict.IMPROVED),
        (600, 440, Verdict.REGRESSED),  # 0.32 points: beyond the limit
    ],
)
def test_the_same_images_are_judged_in_pairs(lost, gained, verdict):
    assert judge(lost, gained).verdict == verdict


def test_mcnemar_is_exact():
    # The one-sided binomial tail, summed by hand, decides at 1 %; the more images are gained, the less it can.
    for lost in (26, 30, 35, 44, 60, 75, 90, 120):  # from 75 on more than 25 lost are not enough
        tails = [sum(comb(lost + n, k) for k in range(n + 1)) / 2 ** (lost + n) for n in range(lost)]
        significant = [tail < 0.01 and lost - n >= 25 for n, tail in enumerate(tails)]
        least = significant.index(False)
        for gained in {0, least - 1, least, lost - 1}:
            assert (judge(lost, gained).verdict == Verdict.REGRESSED) == significant[gained], (lost, gained)


def published(metric="top1", off=0, weights="resnext50-32x4d_8xb32_in1k"):
    checkpoint = find_weights(weights)
    known = {
        f"{m}_right": round(checkpoint.claim(m).value * 50_000) + (off if m == metric else 0) for m in ("top1", "top5")
    }
    return replace(
        EVALUATION, network=checkpoint.network, weights=weights, images=50_000, **known,
        dataset=replace(EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000),
        pixels=replace(
            EVALUATION.pixels, crop_px=checkpoint.preprocess.crop_px, resize_px=checkpoint.preprocess.resize_px
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0, 0, Verdict.OK),
        (0, 27, Verdict.OK),  # 0.054 points: 0.05 and half the last printed digit
        (0, 28, Verdict.REGRESSED),
        (0, -100, Verdict.REGRESSED),
        (-100, -100, Verdict.INCONCLUSIVE),
        (-100, 0, Verdict.IMPROVED),
    ],
)
def test_a_published_accuracy_is_reproduced_within_the_tolerance(before, after, verdict):
    earlier = replace(published().run, started="2025-01-01T00:00:00+00:00")
    found = findings(replace(published(off=before), run=earlier), published(off=after))
    assert found["top1 published"].verdict == verdict
    assert found["top5 published"].verdict == Verdict.OK


def test_a_part_of_the_validation_set_says_nothing_about_the_published_figure():
    part = replace(
        published(), dataset=replace(published().dataset, name="val"), images=200, top1_right=150, top5_right=190
    )
    assert "top1 published" not in findings(part, part)


def stored(answers, labels, names="abcdefgh"):
    """Predictions as `validate --save` lays them beside a record; `answers` are the first ones, the rest is wrong."""
    top5 = np.full((len(labels), 5), 999, np.int16)
    top5[:, 0] = answers
    file = io.BytesIO()
    columns = {"label": np.array(labels, np.int16), "names": np.frombuffer("\n".join(names).encode(), np.uint8)}
    logits = np.tile(np.arange(5, 0, -1, np.float32), (len(labels), 1))
    np.savez_compressed(file, top5=top5, logits=logits, logsumexp=logits[:, 0], **columns)
    return file.getvalue()


def evaluated(answers, labels=(0, 1, 2, 3, 4, 5, 6, 7), **changes):
    right = sum(a == b for a, b in zip(answers, labels, strict=True))
    record = replace(EVALUATION, images=len(labels), top1_right=right, top5_right=right, **changes)
    return record, stored(answers, labels)


def compared(old, new):
    found = compare_folders(
        {"m/a.json": [old[0]]}, {"m/a.json": new[0]}, predictions=lambda path: (old[1], new[1])
    )  # fmt: skip
    return {finding.metric: finding for finding in found}


ANSWERS = (0, 1, 2, 3, 4, 5, 6, 0)


def test_a_prediction_that_flips_is_seen_though_the_accuracy_is_equal():
    found = compared(evaluated(ANSWERS), evaluated((0, 1, 2, 3, 4, 5, 6, 1)))
    assert (found["predictions changed"].verdict, found["predictions changed"].after) == (Verdict.REGRESSED, 1)
    assert found["top1 right"].verdict == Verdict.OK
    assert compared(evaluated(ANSWERS), evaluated(ANSWERS))["predictions changed"].verdict == Verdict.OK


def test_predictions_may_flip_where_there_is_a_reason():
    half = replace(EVALUATION.settings, dtype="bf16")
    found = compared(evaluated(ANSWERS), evaluated((0, 1, 2, 3, 4, 5, 6, 1), settings=half))
    assert found["predictions changed"].verdict == Verdict.OK
    assert "dtype fp32 -> bf16" in found["predictions changed"].why


def test_lost_and_gained_images_are_counted_apart():
    found = compared(evaluated(ANSWERS), evaluated((1, 1, 2, 3, 4, 5, 6, 7)))
    assert "1 lost, 1 gained" in found["top1 right"].why


def test_predictions_of_another_run_are_refused():
    record, _ = evaluated(ANSWERS)
    for wrong, says in ((stored((1,) * 8, range(8)), "the record says 7"), (b"PK", "not readable")):
        with pytest.raises(ResbenchError, match=says):
            compared((record, wrong), evaluated(ANSWERS))


@settings(deadline=None)
@given(st.data())
def test_damaged_predictions_are_refused_or_harmless(data):
    record, whole = evaluated((0, 1, 2, 3, 9, 9, 9, 9))
    damaged = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ResbenchError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed(whole, bytes(damaged), record, record)


def test_predictions_without_answers_are_refused():
    record, whole = evaluated((0, 1, 2, 3, 9, 9, 9, 9))
    columns = dict(np.load(io.BytesIO(whole)))
    file = io.BytesIO()
    np.savez(file, **columns | {"top5": columns["top5"][:, :0]})
    with pytest.raises(ResbenchError, match="top5 has the shape"):
        changed(whole, file.getvalue(), record, record)


@pytest.mark.parametrize("side", [0, 1])
def test_predictions_that_a_record_promises_and_nobody_has_are_never_ok(side):
    hashes = ("ab" * 32, "cd" * 32)
    sides = [evaluated((0, 1, 2, 3, 9, 9, 9, 9), predictions_sha256=sha256) for sha256 in hashes]
    sides[side] = (sides[side][0], None)
    assert compared(*sides)["predictions changed"].verdict == Verdict.INCONCLUSIVE


def test_accuracies_that_are_switched_off_convict_nobody():
    off = Limits(accuracy_drop=math.inf, flips=math.inf, reproduction=math.inf)
    worse = replace(published(), top1_right=20_000)
    assert {finding.verdict for finding in compare(published(), worse, "r", off)} == {Verdict.OK}
    blank = findings(published(), published())["top1 right"]
    assert paired_counts(blank, 5000, 10, 50_000, off).verdict == Verdict.OK


def test_without_predictions_on_both_sides_bare_counts_are_judged():
    old, new = evaluated(ANSWERS), evaluated((0, 1, 2, 3, 4, 5, 6, 1))
    assert "predictions changed" not in compared((old[0], None), new)


def test_the_files_that_validation_writes_are_understood(tmp_path):
    predictions = pytest.importorskip("resbench.records.predictions")
    rows = np.zeros(8, predictions.ROW)
    rows["top5"], rows["label"] = -1, range(8)
    rows["top5"][:, 0] = ANSWERS
    rows["logits"][:, 0] = 1
    predictions.save_predictions(predictions.Predictions(names=tuple("abcdefgh"), rows=rows), tmp_path / "a.npz")
    old = evaluated(ANSWERS)
    assert compared((old[0], (tmp_path / "a.npz").read_bytes()), old)["predictions changed"].verdict == Verdict.OK


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (3, 9), (9, 3), (40, 41)])
def test_mcnemars_exact_test_is_its_definition(lost, gained):
    split = lost + gained
    at_least = sum(comb(split, k) for k in range(lost, split + 1)) / 2**split
    at_most = sum(comb(split, k) for k in range(lost + 1)) / 2**split
    assert mcnemar(lost, gained, "greater") == pytest.approx(at_least)
    assert mcnemar(lost, gained) == pytest.approx(min(1.0, 2 * min(at_least, at_most)))
