"""Whether an accuracy lies below what is published or usual, and which twin of the checkpoint explains that."""

from dataclasses import dataclass

from resbench.judging.accuracy import wilson
from resbench.judging.answers import mcnemar
from resbench.judging.claims import reproduction
from resbench.records.record import Evaluation, Gap, TwinFigure
from resbench.zoo.find import checkpoints

WRONGLY_NAMED = 0.01  # of naming a twin wrongly
# Images on which networks are less accurate than on those that claims are about.
_OTHER_IMAGES = ("ImageNet-A", "ImageNet-C", "ImageNet-R", "ImageNet-Sketch", "ImageNet-V2")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualRange:
    """The top-1 accuracies that were published of the checkpoints of one network."""

    low: float  # fractions
    high: float
    checkpoints: int


def usual_range(record: Evaluation) -> UsualRange | None:
    """Return what is usual for the network where nothing was published of the checkpoint itself.

    None also for images that no claim is about: those of another task, or another size.
    """
    other = record.dataset.among or record.pixels.tta or record.dataset.name.startswith(_OTHER_IMAGES)
    if other or reproduction(record, "top1"):
        return None
    rows = [weights for weights in checkpoints(record.network) if record.pixels.crop_px == weights.preprocess.crop_px]
    values = [claim.value for weights in rows if (claim := weights.sound_claim("top1"))]
    return UsualRange(low=min(values), high=max(values), checkpoints=len(values)) if values else None


def falls_short(record: Evaluation) -> bool:
    """Tell whether the accuracy lies clearly below the published one, or below what is usual for the network."""
    if claimed := reproduction(record, "top1"):
        return claimed.missed and (claimed.difference or 0) < 0
    usual = usual_range(record)
    return usual is not None and wilson(record.top1_right, record.images)[1] < usual.low


def better(twin: TwinFigure, gap: Gap) -> bool:
    """Tell whether a twin does better by more than chance, corrected for the number of twins that were tried."""
    return twin.gained > twin.lost and mcnemar(twin.lost, twin.gained) < WRONGLY_NAMED / (len(gap.twins) + 1)


def restoring(gap: Gap) -> TwinFigure | None:
    """Return the twin that explains a gap: the best, if it is better than the checkpoint as it was asked for."""
    return next((twin for twin in gap.twins if better(twin, gap)), None)
