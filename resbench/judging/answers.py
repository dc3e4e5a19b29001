"""How the answers of two evaluations of the same images differ, from the predictions stored beside their records."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from resbench.errors import ResbenchError
from resbench.records.record import TOP_K, Evaluation

# What numpy and zipfile raise for files that are damaged, or something else.
_UNREADABLE = (OSError, ValueError, KeyError, IndexError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """How the answers of two evaluations of the same images differ."""

    flips: int  # images in which the first answer differs
    top1: tuple[int, int]  # images that only the old side, and that only the new side got right
    top5: tuple[int, int]


def changed(old: bytes | None, new: bytes | None, before: Evaluation, after: Evaluation) -> Changed | None:
    """Compare the predictions (.npz) of two evaluations; None unless both sides have them.

    Raises ResbenchError when they are not those of the records.
    """
    if old is None or new is None:
        return None
    sides = [_answers(blob, record) for blob, record in ((old, before), (new, after))]
    (first, was), (second, now) = sides
    if first != second:
        return None  # other images; the fingerprints say so too
    lost_gained = {
        metric: (int((was[metric] & ~now[metric]).sum()), int((~was[metric] & now[metric]).sum())) for metric in TOP_K
    }
    return Changed(flips=int((was["best"] != now["best"]).sum()), **lost_gained)


def _answers(blob: bytes, record: Evaluation) -> tuple[bytes, dict[str, Any]]:
    """Return the images' names, and per image the first answer and whether it and one of five are right."""
    import numpy as np

    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as columns:
            names, labels, top5 = columns["names"].tobytes(), columns["label"], columns["top5"]
            right = top5 == labels[:, None]
            answers = {"best": top5[:, 0], "top1": right[:, 0], "top5": right.any(1)}
    except _UNREADABLE:
        raise ResbenchError(f"predictions of {record.weights}: no readable .npz; validate again with --save") from None
    if (int(answers["top1"].sum()), int(answers["top5"].sum())) != (record.top1_right, record.top5_right):
        raise ResbenchError(
            f"predictions of {record.weights}: {answers['top1'].sum()} right, the record says {record.top1_right}; "
            "validate again with --save"
        )
    return names, answers
