"""Figures as they are printed, turned into a value and the step of its rounding."""

import re
from decimal import Decimal

from resbench.zoo.spec import Metric

_PRINTED = re.compile(r"(\d[\d,_]*(?:\.\d+)?)\s*([KMG]?(?:I?B)?|%)", re.IGNORECASE)
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "": 1}


def claimed(metric: Metric, printed: str | int) -> tuple[float, float]:
    """Return the value that `printed` stands for, and its quantum: counts, bytes, or fractions for accuracies.

    "76.13 %" of top1 is (0.7613, 0.0001); "25.56M" of params (25560000, 10000); 25557032 is exact.
    Raises ValueError for anything else.
    """
    accuracy = metric in ("top1", "top5")
    found = _PRINTED.fullmatch(str(printed).strip())
    unit = found[2].upper() if found else ""
    scales = {"%": Decimal("0.01")} if accuracy else _BYTES if metric == "file_size" else _SCALE
    if not found or unit not in scales:
        usual = '"76.13 %"' if accuracy else '"102.5 MB"' if metric == "file_size" else '"25.56M" or 25557032'
        raise ValueError(f"{printed!r} is not a figure; write it as it was published, such as {usual}")
    number = Decimal(found[1].replace(",", "").replace("_", ""))
    step = Decimal(1).scaleb(int(number.as_tuple().exponent))
    value, quantum = number * scales[unit], step * scales[unit]
    if accuracy and value > 1:
        raise ValueError(f"{printed!r} is more than 100 %")
    return float(value), float(quantum)
