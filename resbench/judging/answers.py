"""How the answers of two evaluations of the same images differ, from the predictions stored beside their records."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from resbench.errors import ResbenchError
from resbench.records.record import TOP_K, Evaluation

if TYPE_CHECKING:
    from resbench.records.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """How the answers of two evaluations of the same images differ."""

    flips: int  # images in which the first answer differs
    top1: tuple[int, int]  # images that only the old side, and that only the new side got right
    top5: tuple[int, int]


def changed(old: bytes | None, new: bytes | None, before: Evaluation, after: Evaluation) -> Changed | None:
    """Compare the predictions (.npz) of two evaluations; None unless both sides have them for the same images.

    Raises ResbenchError when they are not those of the records.
    """
    if old is None or new is None:
        return None
    from resbench.records import predictions  # needs numpy, which records without predictions do not

    was, now = _predictions(old, before), _predictions(new, after)
    if was.images != now.images:
        return None  # the fingerprints say so too
    lost_gained = {}
    for metric, right in ((metric, {"top1": predictions.top1, "top5": predictions.top5}[metric]) for metric in TOP_K):
        did, does = right(was.rows), right(now.rows)
        lost_gained[metric] = (int((did & ~does).sum()), int((~did & does).sum()))
    flips = int((predictions.first(was.rows) != predictions.first(now.rows)).sum())
    return Changed(flips=flips, **lost_gained)


def mcnemar(lost: int, gained: int, alternative: Literal["two-sided", "greater"] = "two-sided") -> float:
    """Return how likely so uneven a split is if both sides are equally good: McNemar's exact test.

    `lost` images only the one side got right, `gained` only the other. "greater" is the chance of as many lost or more.
    Source: McNemar 1947 (Psychometrika 12:153), with the binomial distribution instead of its approximation.
    """
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + gained, alternative=alternative).pvalue) if lost + gained else 1.0


def _predictions(content: bytes, record: Evaluation) -> "Predictions":
    from resbench.records.predictions import parse_predictions, top1, top5

    stored = parse_predictions(content, f"predictions of {record.weights}")
    if record.predictions_sha256 not in (None, stored.sha256):
        raise ResbenchError(
            f"predictions of {record.weights} come from another run than the record; validate again with --save"
        )
    right = int(top1(stored.rows).sum()), int(top5(stored.rows).sum())
    if right != (record.top1_right, record.top5_right):
        raise ResbenchError(
            f"predictions of {record.weights}: {right[0]} right, the record says {record.top1_right}; "
            "validate again with --save"
        )
    return stored
