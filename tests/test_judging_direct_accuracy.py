"""Judgements of accuracies at their boundaries, worked out by hand."""

import math
from dataclasses import replace

import pytest

from resbench.judging.accuracy import (
    accuracies,
    bare_counts,
    contrast,
    newcombe,
    paired_counts,
    paired_interval,
    points,
    reproduction_findings,
)
from resbench.judging.answers import Changed, mcnemar
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from tests.examples import EVALUATION
from tests.test_judging_claims import GLUON

BLANK = Finding(record="r", metric="m", before=None, after=None, verdict=Verdict.INVALID, why="")


def bare(before, after, images, **limits):
    return bare_counts(replace(BLANK, before=before, after=after), images, Limits(**limits)).verdict


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (800, 797, Verdict.INCONCLUSIVE),  # 0.3 points of 1,000 images: the limit itself is permitted, but not certain
        (800, 796, Verdict.REGRESSED),  # 0.4 points
        (800, 801, Verdict.OK),  # better, by less than chance
        (800, 800, Verdict.OK),
        (800, 900, Verdict.IMPROVED),
        (0, 0, Verdict.OK),
        (0, 1, Verdict.OK),
        (1000, 999, Verdict.INCONCLUSIVE),
    ],
)
def test_bare_counts_at_the_permitted_drop(before, after, verdict):
    assert bare(before, after, 1000) == verdict


def test_a_certain_drop_counts_below_any_finite_limit_and_never_without_one():
    assert bare(900, 700, 1000, accuracy_drop=0.5) == Verdict.REGRESSED
    assert bare(900, 700, 1000, accuracy_drop=math.inf) == Verdict.OK


@pytest.mark.parametrize(
    ("lost", "gained", "images", "verdict"),
    [
        (30, 5, 50_000, Verdict.REGRESSED),  # 25 of 50,000 images are 0.05 points, p = 1e-5
        (29, 5, 50_000, Verdict.OK),  # 24 of them: as significant, but smaller
        (5, 30, 50_000, Verdict.IMPROVED),
        (5, 29, 50_000, Verdict.OK),
        (5, 2, 1000, Verdict.INCONCLUSIVE),  # 0.3 points are permitted; p = 0.23
        (6, 2, 1000, Verdict.REGRESSED),  # 0.4 points are not
        (10, 10, 1000, Verdict.OK),
        (1, 0, 50_000, Verdict.OK),
    ],
)
def test_pairs_at_the_smallest_and_the_permitted_drop(lost, gained, images, verdict):
    assert paired_counts(BLANK, lost, gained, images, Limits()).verdict == verdict


def test_the_interval_of_a_paired_change_is_that_of_the_share_of_gains():
    # Clopper-Pearson of 2 of 8, from tables: 0.0319 to 0.6509; (2 * share - 1) * 8 / 1000
    found = paired_counts(BLANK, 6, 2, 1000, Limits())
    assert (found.points_low, found.points_high) == pytest.approx((-0.0074896, 0.0024144), abs=2e-6)


@pytest.mark.parametrize(
    ("sides", "bounds"),
    [
        ((0, 100), (0.94768, 1)),  # Wilson: 0 of 100 may be up to 0.03699, and 100 at least 0.96301; sqrt(2) * 0.03699
        ((100, 0), (-1, -0.94768)),
        ((50, 50), (-0.13569, 0.13569)),  # 50 of 100: 0.40383 to 0.59617; sqrt(2) * 0.09617 = 0.13600
    ],
)
def test_bare_counts_have_newcombes_interval(sides, bounds):
    found = bare_counts(replace(BLANK, before=sides[0], after=sides[1]), 100, Limits())
    assert (found.points_low, found.points_high) == pytest.approx(bounds, abs=4e-4)


def test_the_detectable_drop_of_counts_and_of_pairs():
    found = bare_counts(replace(BLANK, before=50, after=50), 100, Limits())
    assert found.detectable == pytest.approx(3.242 * math.sqrt(0.005))  # 2 * 0.5 * 0.5 / 100
    assert paired_counts(BLANK, 6, 2, 1000, Limits()).detectable == pytest.approx(3.608 * math.sqrt(8) / 1000)
    assert paired_counts(BLANK, 1, 0, 50_000, Limits()).detectable == 0.0005
    unchanged = paired_counts(BLANK, 0, 0, 50_000, Limits())
    assert (unchanged.points_low, unchanged.points_high, unchanged.detectable) == (0, 0, 0.0005)


def test_an_interval_that_ends_at_the_permitted_drop_is_within_it():
    low, _ = newcombe(800, 1000, 797, 1000)
    assert bare(800, 797, 1000, accuracy_drop=-low) == Verdict.OK
    low, _ = paired_interval(5, 2, 1000)
    assert paired_counts(BLANK, 5, 2, 1000, Limits(accuracy_drop=-low)).verdict == Verdict.OK


def test_points_are_hundredths():
    assert [points(change) for change in (0.5, -0.0035, 0)] == ["+50.00 points", "-0.35 points", "+0.00 points"]


def accuracy_findings(after=EVALUATION, changed=None, **limits):
    return list(accuracies(EVALUATION, after, "r", Limits(**limits), changed))


@pytest.mark.parametrize(
    ("flips", "limit", "verdict"),
    [(0, 0.0, Verdict.OK), (1, 0.0, Verdict.REGRESSED), (2, 0.01, Verdict.OK), (3, 0.01, Verdict.REGRESSED)],
)
def test_predictions_may_change_in_as_many_of_200_images_as_permitted(flips, limit, verdict):
    moved = Changed(flips=flips, top1=(0, 0), top5=(0, 0))
    top1, top5, flipped = accuracy_findings(changed=moved, flips=limit)
    assert [(found.metric, found.before, found.after) for found in (top1, top5, flipped)] == [
        ("top1 right", 158, 158), ("top5 right", 190, 190), ("predictions changed", 0, flips)
    ]  # fmt: skip
    assert (flipped.verdict, flipped.limit, flipped.detectable) == (verdict, limit, limit)


def test_predictions_may_change_where_the_batch_size_did():
    moved = Changed(flips=9, top1=(0, 0), top5=(0, 0))
    flipped = accuracy_findings(replace(EVALUATION, batch_size=16), moved)[-1]
    assert (flipped.verdict, flipped.limit, flipped.detectable) == (Verdict.OK, None, None)
    assert "not judged, since these differ: batch size 8 -> 16" in flipped.why


def test_predictions_of_one_side_only_are_inconclusive_and_of_none_nothing():
    kept = replace(EVALUATION, top1_right=157, predictions_sha256="ef" * 32)
    assert accuracy_findings(kept)[-1].verdict == Verdict.INCONCLUSIVE
    assert [found.metric for found in accuracy_findings(replace(kept, predictions_sha256=None))] == [
        "top1 right", "top5 right"
    ]  # fmt: skip
    assert len(accuracy_findings()) == 2


def test_accuracies_on_other_images_are_not_compared():
    other = replace(EVALUATION, dataset=replace(EVALUATION.dataset, fingerprint="ee" * 32))
    (found,) = accuracy_findings(other)
    assert (found.metric, found.verdict) == ("accuracy", Verdict.NOT_COMPARABLE)
    assert len(accuracy_findings(replace(EVALUATION, pixels=replace(EVALUATION.pixels, decoder="turbo")))) == 2


def test_two_validations_are_contrasted_by_what_differs():
    other = replace(EVALUATION, batch_size=16, settings=replace(EVALUATION.settings, threads=2))
    assert contrast(EVALUATION, other) == "batch size 8 -> 16, threads 1 -> 2"
    assert contrast(EVALUATION, replace(EVALUATION, network="resnet34")) == "network resnet18 -> resnet34"
    assert contrast(EVALUATION, EVALUATION) == ""


GOOD, BAD, WORSE = (replace(GLUON, top1_right=right) for right in (39_960, 39_000, 38_000))
UNPUBLISHED = replace(BAD, weights="own.pth")


@pytest.mark.parametrize(
    ("before", "after", "verdict", "words"),
    [
        (GOOD, GOOD, Verdict.OK, "reproduces:"),
        (UNPUBLISHED, GOOD, Verdict.OK, "reproduces:"),
        (BAD, GOOD, Verdict.IMPROVED, "reproduces now:"),
        (BAD, WORSE, Verdict.INCONCLUSIVE, "differs as the baseline did:"),
        (BAD, BAD, Verdict.OK, "differs as the baseline did:"),  # nothing was validated since
        (GOOD, BAD, Verdict.REGRESSED, "reproduces no longer:"),
        (UNPUBLISHED, BAD, Verdict.REGRESSED, "reproduces no longer:"),
    ],
)
def test_a_published_accuracy_is_judged_by_what_the_baseline_said_to_it(before, after, verdict, words):
    found = next(reproduction_findings(before, after, "r", Limits()))
    assert (found.metric, found.before, found.after) == ("top1 published", 39_960, after.top1_right)
    assert found.verdict == verdict
    assert found.why.startswith(words)


def test_what_was_not_published_is_not_judged():
    assert list(reproduction_findings(GOOD, UNPUBLISHED, "r", Limits())) == []
    assert len(list(reproduction_findings(GOOD, GOOD, "r", Limits()))) == 2


@pytest.mark.parametrize(
    ("lost", "gained", "alternative", "chance"),
    [
        (8, 2, "two-sided", 2 * (45 + 10 + 1) / 1024),  # 8, 9 or 10 of 10 heads, or as many tails
        (8, 2, "greater", (45 + 10 + 1) / 1024),
        (2, 8, "greater", 1 - (1 + 10) / 1024),
        (5, 5, "greater", 638 / 1024),  # 252 + 210 + 120 + 45 + 10 + 1
        (0, 0, "two-sided", 1),
        (1, 0, "greater", 0.5),
    ],
)
def test_mcnemars_chance_is_that_of_so_many_heads(lost, gained, alternative, chance):
    assert mcnemar(lost, gained, alternative) == pytest.approx(chance)
