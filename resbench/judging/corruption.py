"""What a network's errors on corrupted images come to: plain means, and ImageNet-C's mCE."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from resbench.records.corruptions import COMMON_KINDS, SEVERITIES, CorruptedFigure, Corruptions

# AlexNet's top-1 errors, each a mean over the five severities, as the authors of ImageNet-C published them with their
# code (github.com/hendrycks/robustness; quoted in imagenet.py of github.com/google-research/augmix).
ALEXNET_ERRORS = {
    "gaussian_noise": 0.886428, "shot_noise": 0.894468, "impulse_noise": 0.922640,
    "defocus_blur": 0.819880, "glass_blur": 0.826268, "motion_blur": 0.785948, "zoom_blur": 0.798360,
    "snow": 0.866816, "frost": 0.826572, "fog": 0.819324, "brightness": 0.564592,
    "contrast": 0.853204, "elastic_transform": 0.646056, "pixelate": 0.717840, "jpeg_compression": 0.606500,
}  # fmt: skip
# Of torchvision's AlexNet on the clean images, the network that the errors above are of: 56.522 % right.
ALEXNET_CLEAN = 0.43478


@dataclass(frozen=True, slots=True, kw_only=True)
class KindErrors:
    """A network's errors on one kind of corruption; fractions."""

    kind: str
    by_severity: dict[int, float]
    mean: float  # over the severities that are there
    over_alexnet: float | None  # its corruption error (CE); None: not all severities, or no common kind
    relative: float | None  # the rise over the clean error, over AlexNet's rise


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptionErrors:
    """A network's errors on corrupted images; fractions."""

    clean: float
    kinds: tuple[KindErrors, ...]
    mean: float  # plain, over all kinds that are there
    mean_common: float | None  # plain, over the 15 common kinds; None: not all of them are there
    mce: float | None  # over AlexNet's errors, of the 15 common kinds
    relative_mce: float | None


def corruption_errors(corruptions: Corruptions, clean: float) -> CorruptionErrors:
    """Return the errors on corrupted images of a network whose error on the clean ones is `clean`.

    Source: Hendrycks & Dietterich 2019 (arXiv 1903.12261), section 4.2, equations of CE and relative CE.
    """
    by_kind: dict[str, list[CorruptedFigure]] = defaultdict(list)
    for figure in corruptions.figures:
        by_kind[figure.kind].append(figure)
    kinds = tuple(_of_kind(kind, figures, clean) for kind, figures in by_kind.items())
    common = [errors for errors in kinds if errors.kind in COMMON_KINDS]
    whole = len(common) == len(COMMON_KINDS) and all(errors.over_alexnet is not None for errors in common)
    return CorruptionErrors(
        clean=clean,
        kinds=kinds,
        mean=fmean(errors.mean for errors in kinds),
        mean_common=fmean(errors.mean for errors in common) if whole else None,
        mce=fmean(errors.over_alexnet or 0 for errors in common) if whole else None,
        relative_mce=fmean(errors.relative or 0 for errors in common) if whole else None,
    )


def _of_kind(kind: str, figures: list[CorruptedFigure], clean: float) -> KindErrors:
    by_severity = {figure.severity: 1 - figure.top1_right / figure.images for figure in figures}
    mean = fmean(by_severity.values())
    alexnet = ALEXNET_ERRORS.get(kind) if set(by_severity) == set(SEVERITIES) else None
    return KindErrors(
        kind=kind,
        by_severity=by_severity,
        mean=mean,
        over_alexnet=mean / alexnet if alexnet else None,
        relative=(mean - clean) / (alexnet - ALEXNET_CLEAN) if alexnet else None,
    )
