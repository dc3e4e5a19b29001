"""Checkpoints of one's own: files that records evaluated and that nobody has published, as rows beside the others."""

import math
from collections.abc import Mapping
from typing import cast

from resbench.records.record import Evaluation, Pixels, Record
from resbench.records.store import evaluations
from resbench.zoo.find import by_digest, find_weights
from resbench.zoo.spec import Interpolation, Preprocess, Weights

OWN = "own"  # the source of such a checkpoint


def unpublished(records: Mapping[str, Record]) -> tuple[Weights, ...]:
    """Return a row for each file of weights in `records` that is no published checkpoint.

    Nothing is claimed of it, its licence is unknown, and its images are prepared as when it was evaluated. Several
    files of one name carry the beginnings of their hashes.
    """
    files = {record.weights_sha256: record for record in evaluations(records).values()}
    own = [
        record
        for record in files.values()
        if find_weights(record.weights) is None and not by_digest(record.weights_sha256)
    ]
    names = [record.weights for record in own]
    return tuple(_row(record, names.count(record.weights) > 1) for record in own)


def is_of(record: Evaluation, weights: Weights) -> bool:
    """Tell whether `record` evaluated `weights`: the file itself where it is one's own, else the name."""
    return record.weights_sha256 == weights.sha256_prefix if weights.source == OWN else record.weights == weights.name


def _row(record: Evaluation, is_ambiguous: bool) -> Weights:
    return Weights(
        name=f"{record.weights} {record.weights_sha256[:8]}" if is_ambiguous else record.weights,
        network=record.network,
        url="",
        sha256_prefix=record.weights_sha256,
        license="unknown",
        source=OWN,
        collection=f"Own checkpoints of {record.network}",
        preprocess=_preprocess(record.pixels),
        dataset=record.dataset.name,
    )


def _preprocess(pixels: Pixels) -> Preprocess:
    """Return the preprocessing that gives these sizes; the share is cut off so that its quotient is not too small."""
    share = pixels.crop_px / pixels.resize_px
    while math.floor(pixels.crop_px / share) < pixels.resize_px:
        share = math.nextafter(share, 0)
    return Preprocess(
        crop_px=pixels.crop_px,
        crop_pct=share,
        interpolation=cast(Interpolation, pixels.interpolation),
        crop_mode=pixels.crop_mode,
        mean=pixels.mean,
        std=pixels.std,
    )
