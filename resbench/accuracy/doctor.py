"""Whether a set of images can give a right answer at all, found out before any network runs."""

import io
from collections.abc import Callable, Sequence

from PIL import Image

from resbench.accuracy.dataset import Sample
from resbench.accuracy.loader import Unreadable, in_order, reason
from resbench.accuracy.pixels import FORMATS, UNREADABLE


def unreadable(
    samples: Sequence[Sample], *, workers: int, on_image: Callable[[int], None] = lambda _: None
) -> tuple[Unreadable, ...]:
    """Return the images that cannot be decoded, in order; `on_image` hears how many were looked at."""
    faults = []
    for done, fault in enumerate(in_order(_fault, samples, workers=workers), start=1):
        if fault:
            faults.append(fault)
        on_image(done)
    return tuple(faults)


def _fault(sample: Sample) -> Unreadable | None:
    """Parse the whole file; for JPEG at an eighth of the size, which costs a third of decoding in full."""
    if sample.encoding == "cifar":
        return None
    try:
        with Image.open(io.BytesIO(sample.read()), formats=FORMATS) as image:
            image.draft("L", (1, 1))
            image.load()
    except UNREADABLE as error:
        return Unreadable(name=sample.name, reason=reason(error))
    return None
