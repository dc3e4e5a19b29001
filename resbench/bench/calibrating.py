"""Images by which a runtime sets the ranges of int8: read from a folder or archive when they are needed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from resbench.accuracy import loader, pixels
from resbench.accuracy.dataset import Sample, digest_of
from resbench.accuracy.layouts import open_unlabelled
from resbench.running.runtimes.runtime import CalibrationImages
from resbench.timing.speeds import Images

CALIBRATION_IMAGES = 300  # the first of a set, which are a random sample of it
_BATCH = 20


def calibration_from(images: Images | None) -> CalibrationImages | None:
    """Return the calibration of `images`; None: there are none. Raises ResbenchError for a folder without images."""
    if images is None:
        return None
    opened = open_unlabelled(Path(images.path))
    samples = opened.samples[:CALIBRATION_IMAGES]

    def batches() -> Iterator[Tensor]:
        starts = range(0, len(samples), _BATCH)
        stream = loader.batches(samples, [images.preprocess], starts=starts, batch_size=_BATCH, workers=images.workers)
        for batch in stream:
            yield pixels.normalise(batch.frames[images.preprocess], images.preprocess)

    return CalibrationImages(name=opened.name, fingerprint=opened.fingerprint, images=len(samples), batches=batches)


def images_in_both(path: str, evaluated: Sequence[Sample]) -> int:
    """Return how many of the images of the calibration at `path` are among those `evaluated`, by their bytes."""
    digests = {sample.digest for sample in evaluated}
    samples = open_unlabelled(Path(path)).samples[:CALIBRATION_IMAGES]
    return sum(digest_of(sample.image_file()) in digests for sample in samples)
