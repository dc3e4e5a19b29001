"""Two evaluations on the same images, and one evaluation against the published figure of its checkpoint."""

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from statistics import NormalDist, fmean

from resbench.judging import claims
from resbench.judging.answers import Changed, mcnemar
from resbench.judging.claims import Reproduction
from resbench.judging.exact import differences, incomparable, run_facts
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Limits
from resbench.records.record import TOP_K, Corruptions, Evaluation

SIGNIFICANT = 0.01  # one-sided, of McNemar's exact test
SMALLEST_DROP = 0.0005  # a significant change below this share of the images is let pass
CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_SIDED = 2.326 + 1.282  # normal quantiles of SIGNIFICANT and of 90 % power
_TWO_SIDED = 1.960 + 1.282


def accuracies(
    before: Evaluation, after: Evaluation, record: str, limits: Limits, changed: Changed | None = None
) -> Iterator[Finding]:
    """Yield a finding per accuracy; refused when the images or what was done to them differ.

    Bare counts are judged conservatively; `changed` tells how the images behind them moved.
    """
    obstacle = differences(_subject(before), _subject(after))
    if obstacle:
        yield incomparable(record, after.network, f"scored on other images: {obstacle}", metric="accuracy")
        return
    for metric in TOP_K:
        old, new = before.right(metric), after.right(metric)
        blank = Finding(
            record=record,
            network=after.network,
            metric=f"{metric} right",
            before=old,
            after=new,
            verdict=Verdict.INVALID,
            why="no images were scored",
            limit=limits.accuracy_drop,
        )
        if not after.images:
            yield blank
        elif changed:
            lost, gained = getattr(changed, metric)
            yield paired_counts(blank, lost, gained, after.images, limits)
        else:
            yield bare_counts(blank, after.images, limits)
    yield from _corrupted(before, after, record, limits)
    if changed:
        yield _flips(changed.flips, after, record, _reason_to_flip(before, after), limits)
    elif before != after and (before.predictions_sha256 or after.predictions_sha256):
        yield Finding(
            record=record,
            network=after.network,
            metric="predictions changed",
            before=None,
            after=None,
            verdict=Verdict.INCONCLUSIVE,
            why="not both sides have the predictions beside the record; keep the .npz files with the records",
        )


def _corrupted(before: Evaluation, after: Evaluation, record: str, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where corrupted images were evaluated: of the mean count, as if it were one of clean images."""
    metric, sides = "corrupted top1 right", (before.corruptions, after.corruptions)
    old, new = sides
    if old is None and new is None:
        return
    if old is None or new is None or _corrupted_images(old) != _corrupted_images(new):
        why = "other corrupted images, or made by another version; give equal --corruptions, or save a new baseline"
        yield incomparable(record, after.network, why, metric=metric)
        return
    counts = [round(fmean(figure.top1_right for figure in side.figures)) for side in (old, new)]
    blank = Finding(
        record=record,
        network=after.network,
        metric=metric,
        before=counts[0],
        after=counts[1],
        verdict=Verdict.INVALID,
        why="",
        limit=limits.accuracy_drop,
    )
    yield bare_counts(blank, min(figure.images for figure in new.figures), limits)


def _corrupted_images(side: Corruptions) -> object:
    kinds = [(figure.kind, figure.severity, figure.images) for figure in side.figures]
    return side.source, side.side_px, kinds


def reproduction_findings(before: Evaluation, after: Evaluation, record: str, limits: Limits) -> Iterator[Finding]:
    """Yield a finding per published accuracy that this evaluation, on the whole set, should reproduce.

    A figure that the baseline did not reproduce either is no news: inconclusive, not regressed.
    """
    for metric in TOP_K:
        was, now = (claims.reproduction(side, metric, limits) for side in (before, after))
        if now is None or now.difference is None:
            continue
        verdict, why = _reproduced(was, now)
        if before == after and verdict == Verdict.INCONCLUSIVE:  # nothing was validated since
            verdict = Verdict.OK
        yield Finding(
            record=record,
            network=after.network,
            metric=f"{metric} published",
            before=round(now.published * after.images),
            after=after.right(metric),
            verdict=verdict,
            why=f"{why}: {points(now.difference)} from the published {now.published:.2%}",
            limit=limits.reproduction,
            detectable=limits.reproduction,
        )


def bare_counts(blank: Finding, images: int, limits: Limits) -> Finding:
    """Judge two numbers of right answers without knowing which images they are: conservatively."""
    old, new = int(blank.before or 0), int(blank.after or 0)
    change = (new - old) / images
    low, high = newcombe(old, images, new, images)
    share = old / images
    judged = replace(
        blank,
        points_low=low,
        points_high=high,
        detectable=_TWO_SIDED * math.sqrt(2 * share * (1 - share) / images),
    )
    interval = f"{points(change)} of {images:,} images"
    if old == new:
        return replace(judged, verdict=Verdict.OK, why=f"equal, of {images:,} images")
    if (high < 0 and limits.accuracy_drop < math.inf) or change < -limits.accuracy_drop:
        return replace(judged, verdict=Verdict.REGRESSED, why=interval)
    if low > 0:
        return replace(judged, verdict=Verdict.IMPROVED, why=interval)
    if change > 0 or low >= -limits.accuracy_drop:
        return replace(judged, verdict=Verdict.OK, why=interval)
    return replace(judged, verdict=Verdict.INCONCLUSIVE, why=f"{interval}; counts alone do not decide")


def paired_counts(blank: Finding, lost: int, gained: int, images: int, limits: Limits) -> Finding:
    """Judge by the images that only one side got right (`lost` by the new one, `gained`), with McNemar's exact test."""
    changed = lost + gained
    change = (gained - lost) / images
    judged = replace(
        blank,
        points_low=change,
        points_high=change,
        detectable=max(SMALLEST_DROP, _SIDED * math.sqrt(changed) / images),
    )
    if not changed:
        return replace(judged, verdict=Verdict.OK, why=f"the same {images:,} images right or wrong")
    low, high = paired_interval(lost, gained, images)
    judged = replace(judged, points_low=low, points_high=high)
    worse, better = (mcnemar(*split, "greater") < SIGNIFICANT for split in ((lost, gained), (gained, lost)))
    why = f"{points(change)} of {images:,} images: {lost} lost, {gained} gained"
    significant = worse and change <= -SMALLEST_DROP and limits.accuracy_drop < math.inf
    if significant or change < -limits.accuracy_drop:
        return replace(judged, verdict=Verdict.REGRESSED, why=why)
    if better and change >= SMALLEST_DROP:
        return replace(judged, verdict=Verdict.IMPROVED, why=why)
    if change >= 0 or low >= -limits.accuracy_drop:
        return replace(judged, verdict=Verdict.OK, why=why)
    return replace(judged, verdict=Verdict.INCONCLUSIVE, why=f"{why}; too few changed to tell")


def paired_interval(lost: int, gained: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of the change of an accuracy, from the images that only one side got right."""
    from scipy import stats

    changed = lost + gained
    if not changed:
        return 0.0, 0.0
    bounds = stats.binomtest(gained, changed).proportion_ci(CONFIDENCE, method="exact")
    low, high = ((2 * float(share) - 1) * changed / images for share in (bounds.low, bounds.high))
    return low, high


def wilson(right: int, images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy: how far other images of the same kind would scatter."""
    share, scale = right / images, _Z**2 / images
    centre = (share + scale / 2) / (1 + scale)
    half = _Z / (1 + scale) * math.sqrt(share * (1 - share) / images + scale / (4 * images))
    return (0.0 if right == 0 else centre - half), (1.0 if right == images else centre + half)


def newcombe(before: int, before_of: int, after: int, after_of: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of proportions, after - before; conservative on the same images.

    Source: Newcombe 1998 (Statistics in Medicine 17:873), method 10: from the Wilson intervals of both.
    """
    (old_low, old_high), (new_low, new_high) = wilson(before, before_of), wilson(after, after_of)
    old, new = before / before_of, after / after_of
    low = new - old - math.hypot(new - new_low, old_high - old)
    high = new - old + math.hypot(new_high - new, old - old_low)
    return low, high


def points(change: float) -> str:
    """Return a difference of fractions as percentage points: "-0.35 points"."""
    return f"{100 * change:+.2f} points"


def _flips(flips: int, after: Evaluation, record: str, reason: str, limits: Limits) -> Finding:
    """Judge predictions that should be the same to the last: numerics change long before an accuracy does.

    Where there is a `reason` for them to differ, the accuracies alone are judged.
    """
    permitted = reason or flips <= limits.flips * after.images
    why = f"not judged, since these differ: {reason}" if reason else "weights, images, settings and machine are equal"
    return Finding(
        record=record,
        network=after.network,
        metric="predictions changed",
        before=0,
        after=flips,
        verdict=Verdict.OK if permitted else Verdict.REGRESSED,
        why=f"of {after.images:,} images; {why}",
        limit=None if reason else limits.flips,
        detectable=None if reason else limits.flips,
    )


def contrast(before: Evaluation, after: Evaluation) -> str:
    """Return in what two validations differ besides their answers: "weights ... -> ..., dtype fp32 -> bf16"."""

    def conditions(side: Evaluation) -> dict[str, object]:
        images = {"images": f"{side.images} of {side.dataset.name}", "fingerprint": side.dataset.fingerprint[:8]}
        names = {"network": side.network, "checkpoint": side.weights}
        return names | _conditions(side) | images | asdict(side.pixels) | {"torch": side.environment.machine.torch}

    return differences(conditions(before), conditions(after))


def _reason_to_flip(before: Evaluation, after: Evaluation) -> str:
    return differences(_conditions(before), _conditions(after))


def _conditions(side: Evaluation) -> dict[str, object]:
    own = {"weights": side.weights_sha256[:8], "batch size": side.batch_size, "decoder": side.pixels.decoder}
    return own | run_facts(side)


def _subject(evaluation: Evaluation) -> dict[str, object]:
    """Return what must agree before two accuracies may be compared; decoders may differ, that is what is judged."""
    pixels = {key: value for key, value in asdict(evaluation.pixels).items() if key != "decoder"}
    images = {"dataset": evaluation.dataset.fingerprint, "classes to choose from": evaluation.dataset.among}
    return {**images, "images": evaluation.images, **pixels}


def _reproduced(was: Reproduction | None, now: Reproduction) -> tuple[Verdict, str]:
    missed_before = was is not None and was.missed
    if now.reproduces:
        return (Verdict.IMPROVED, "reproduces now") if missed_before else (Verdict.OK, "reproduces")
    if missed_before:
        return Verdict.INCONCLUSIVE, "differs as the baseline did"
    return Verdict.REGRESSED, "reproduces no longer"
