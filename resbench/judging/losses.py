"""What int8 loses: accuracies of a network in int8 and in fp32 on the same images, against what is permitted."""

from dataclasses import dataclass

from resbench.judging.accuracy import paired_interval
from resbench.judging.answers import mcnemar
from resbench.judging.finding import Verdict
from resbench.records.record import PairedLoss

# MLPerf Inference, closed division: a network in int8 has at least 99 % of the accuracy that it has in fp32.
PERMITTED_SHARE = 0.01
COLLAPSED = 0.10  # a loss of ten points, which no sound int8 has


@dataclass(frozen=True, slots=True, kw_only=True)
class LossJudgement:
    """How much less accurate int8 is, as fractions of all images with a 95 % interval, and whether that may be."""

    change: float  # negative: a loss
    low: float
    high: float
    p_value: float  # of McNemar's exact test
    permitted: float  # the loss
    verdict: Verdict


def judge_loss(loss: PairedLoss, images: int, max_loss: float | None = None) -> LossJudgement:
    """Judge a loss on `images`; `max_loss` is the one permitted, as a fraction of them, by default that of MLPerf.

    Source of the interval: Clopper and Pearson's for the images that only one side got right, as in McNemar's test.
    """
    lost, gained = loss.top1
    low, high = paired_interval(lost, gained, images)
    permitted = PERMITTED_SHARE * loss.fp32_top1_right / images if max_loss is None else max_loss
    verdict = Verdict.OK if low >= -permitted else Verdict.REGRESSED if high < -permitted else Verdict.INCONCLUSIVE
    return LossJudgement(
        change=(gained - lost) / images,
        low=low,
        high=high,
        p_value=mcnemar(lost, gained),
        permitted=permitted,
        verdict=verdict,
    )


def has_collapsed(loss: PairedLoss, images: int) -> bool:
    """Tell whether int8 certainly lost more than COLLAPSED."""
    return paired_interval(*loss.top1, images)[1] < -COLLAPSED
