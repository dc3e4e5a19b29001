"""The accuracy that goes with a speed.

A profile knows no accuracy. Its row has the one that goes with its network, checkpoint, input size and number format:
that of an evaluation on the images that published figures are about; else the published one; else that of an evaluation
on other images, of the most images. `top1_source` says which, `top1_checkpoint` whose it is.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from resbench.bench.columns import Row
from resbench.judging.claims import published_images
from resbench.records.record import TopK
from resbench.zoo.find import checkpoints, find_weights
from resbench.zoo.spec import Weights

ON_PUBLISHED_IMAGES = "of the published set"  # a column while rows are joined: the images that figures are about
_BORROWED = ("top1", "top1_low", "top1_high", "top5", "top1_checkpoint", "published_top1", "dataset", "images")


class MeasuredAccuracies:
    """The evaluations of a table, for the profiles that they belong to."""

    def __init__(self, evaluations: Iterable[Row]) -> None:
        self._evaluations: dict[tuple[Any, ...], list[Row]] = {}
        for row in evaluations:
            own = row.pop(ON_PUBLISHED_IMAGES)
            if row["images"] and own is not None:  # averages of views go with no speed
                self._evaluations.setdefault(_inputs(row), []).append({ON_PUBLISHED_IMAGES: own, **row})

    def beside(self, profile: Row) -> Row:
        """Return the columns of the accuracy that goes with `profile`."""
        fitting = [
            row
            for row in self._evaluations.get(_inputs(profile), ())
            if profile["weights_sha256"] in (None, row["weights_sha256"])
        ]
        best = max(fitting, key=lambda row: (row[ON_PUBLISHED_IMAGES], row["images"], row["top1"]), default=None)
        if best and best[ON_PUBLISHED_IMAGES]:
            return _borrowed(best)
        published = published_accuracy(
            profile["network"], profile["checkpoint"], (profile["input_px"], profile["input_width_px"])
        )
        return published or (_borrowed(best) if best else {})


def _inputs(row: Row) -> tuple[Any, ...]:
    """Return what must agree before an accuracy goes with a speed."""
    return row["network"], row["input_px"], row["input_width_px"], row["dtype"]


def _borrowed(evaluation: Row) -> Row:
    return {name: evaluation[name] for name in _BORROWED} | {"top1_source": "measured"}


@lru_cache(maxsize=4096)
def published_accuracy(network: str, checkpoint: str | None, size_px: tuple[int, int]) -> Row:
    """Return the columns of the published accuracy of a checkpoint at this size, or of the network's best."""
    weights = find_weights(checkpoint) if checkpoint else None
    among = (weights,) if weights else () if checkpoint else checkpoints(network)
    fitting = [own for own in among if size_px == (own.preprocess.crop_px,) * 2]
    best = max(fitting, key=lambda own: _claimed(own, "top1") or 0.0, default=None)
    top1 = best and _claimed(best, "top1")
    if best is None or top1 is None:
        return {}
    top5 = _claimed(best, "top5")
    facts = {"top1_checkpoint": best.name, "dataset": published_images(best), "top1_source": "published"}
    return {"top1": top1, "top5": top5, "published_top1": top1, **facts}


def _claimed(weights: Weights, metric: TopK) -> float | None:
    """Return a published accuracy in per cent; None where there is none, or it is known to be false."""
    claim = weights.sound_claim(metric)
    return round(100 * claim.value, 3) if claim else None
