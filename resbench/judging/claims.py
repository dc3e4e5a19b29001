"""One evaluation beside the published accuracy of its checkpoint."""

from dataclasses import dataclass

from resbench.judging.limits import Limits
from resbench.records.record import Evaluation, TopK
from resbench.zoo.find import find_weights
from resbench.zoo.spec import Weights

# What a record calls the images, and what a claim calls them.
_SAME_IMAGES = {"ImageNet-1k": "ImageNet", "CIFAR-10": "CIFAR-10"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A published accuracy, and what an evaluation says to it."""

    published: float  # fraction
    difference: float | None  # ours minus published; None: not to be compared
    reproduces: bool
    why: str  # in words

    @property
    def missed(self) -> bool:
        """Whether the evaluation is comparable and says something else."""
        return self.difference is not None and not self.reproduces


def reproduction(record: Evaluation, metric: TopK, limits: Limits | None = None) -> Reproduction | None:
    """Return what `record` says to the published `metric` of its checkpoint; None when nothing was published.

    The tolerance is for other decoders, kernels and roundings on the same images. How far other images of the same
    kind would scatter is another matter: the interval of the accuracy.
    """
    weights = find_weights(record.weights)
    claim = weights.claim(metric) if weights else None
    if weights is None or claim is None:
        return None
    if why := "in error" if claim.error else obstacle(record, weights):
        return Reproduction(published=claim.value, difference=None, reproduces=False, why=why)
    difference = record.right(metric) / record.images - claim.value
    reproduces = abs(difference) <= (limits or Limits()).reproduction + claim.quantum / 2
    points = f"{100 * difference:+.2f} points"
    why = f"reproduced ({points})" if reproduces else f"differs by {points}"
    return Reproduction(published=claim.value, difference=difference, reproduces=reproduces, why=why)


def published_images(weights: Weights) -> str:
    """Return what a record calls the images that the published accuracies of `weights` are about."""
    names = weights.dataset.split(", ")
    return next((ours for ours, theirs in _SAME_IMAGES.items() if theirs in names), weights.dataset)


def on_published_images(record: Evaluation) -> bool:
    """Tell whether published accuracies are about the images of `record`, and all of them were scored."""
    plain = not record.dataset.among and not record.skipped and not record.pixels.tta
    return record.dataset.name in _SAME_IMAGES and plain


def obstacle(record: Evaluation, weights: Weights) -> str:
    """Return why `record` cannot be compared with what was published of `weights`; empty when it can."""
    if _SAME_IMAGES.get(record.dataset.name) not in weights.dataset.split(", "):
        return "of other images"
    if record.pixels.tta:
        return "of one view of each image"
    if (record.pixels.crop_px, record.pixels.resize_px) != (weights.preprocess.crop_px, weights.preprocess.resize_px):
        return "at another size"
    return "of all images" if record.skipped else ""
