"""What the page is told about records: the rows of the table of measurements, and what it offers to choose from."""

from collections.abc import Sequence
from typing import Any

from resbench.bench.columns import SPEED_COLUMNS, Row, TableColumn, interval_columns

# All but the age, so that the same records give the same page.
_COLUMNS = {name: column for name, column in SPEED_COLUMNS.items() if name != "age_days"}
# Columns that the table shows, with their headings; the others can be searched.
_SHOWN = {
    "network": "network",
    "checkpoint": "checkpoint",
    "machine": "machine",
    "settings": "settings",
    "input_px": "input",
    "speed": "speed",
    "batch_size": "batch",
    "time_ms": "time of a call",
    "images_per_s": "throughput",
    "top1": "top-1",
    "top1_source": "accuracy is",
    "published_top1": "published top-1",
    "params": "parameters",
    "macs": "MACs",
    "memory_mib": "peak memory",
    "energy_mj": "energy per image",
    "noise": "noise",
    "doubt": "doubt",
    "started": "started",
}
_UNITS = {
    "_ms": "ms",
    "_px": "px",
    "_mib": "MiB",
    "_mj": "mJ",
    "_per_s": "images/s",
}
# Axes: a name, the column, and the speed that it is of where several share a column.
_COSTS = (
    ("latency", "time_ms", "latency"),
    ("throughput", "images_per_s", "throughput"),
    ("device time", "time_ms", "device_time"),
    ("end-to-end throughput", "images_per_s", "end_to_end"),
    ("MACs", "macs", None),
    ("parameters", "params", None),
    ("activations", "activations", None),
    ("peak memory", "memory_mib", None),
    ("energy per image", "energy_mj", None),
)
_ACCURACIES = (("top-1 accuracy", "top1"), ("top-5 accuracy", "top5"), ("published top-1", "published_top1"))
_SERIES = {
    "machine, settings and batch": ("machine", "settings", "batch_size"),
    "machine": ("machine",),
    "settings": ("settings",),
    "runtime": ("runtime",),
    "number format": ("dtype",),
    "batch size": ("batch_size",),
    "torch": ("torch",),
    "family": ("family",),
    "network": ("network",),
}
_FACETS = ("kind", "machine", "runtime", "settings", "speed", "batch_size", "input_px", "family", "dataset", "noise")
_LABEL = ("network", "checkpoint", "settings", "speed", "batch_size")
_LINE = ("network", "checkpoint", "machine", "settings", "input_px", "speed")


def contents(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the page's data: columns, their values by row, and the choices that these rows fill."""
    held = {name for name in _COLUMNS if any(row[name] not in (None, "") for row in rows)}
    accuracies = [(name, key) for name, key in _ACCURACIES if key in held] or _ACCURACIES[:1]
    return {
        "length": len(rows),
        "records": len({row["record"] for row in rows}),
        "columns": [_column(name, column, name in held) for name, column in _COLUMNS.items()],
        "values": {name: _values(rows, name, column) for name, column in _COLUMNS.items()},
        "x": _costs(rows),
        "y": [{"name": name, "key": key} for name, key in accuracies],
        "by": [{"name": name, "keys": keys} for name, keys in _SERIES.items()],
        "facets": _FACETS,
        "label": _LABEL,
        "line": _LINE,
        "curve": ("images_per_s", "time_ms"),
        "noisy": ("busy", "overloaded"),
    }


def _costs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the costs that some row has, those that a row with an accuracy has first."""

    def having(key: str, speed: str | None) -> list[Row]:
        return [row for row in rows if row[key] is not None and speed in (None, row["speed"])]

    filled = [(name, key, speed) for name, key, speed in _COSTS if having(key, speed)] or [_COSTS[4]]
    filled.sort(key=lambda cost: not any(row["top1"] is not None for row in having(cost[1], cost[2])))
    return [{"name": name, "key": key, "speed": speed} for name, key, speed in filled]


def _column(name: str, column: TableColumn, is_held: bool) -> dict[str, Any]:
    stem, unit = next(
        ((name.removesuffix(end), unit) for end, unit in _UNITS.items() if name.endswith(end)), (name, "")
    )
    low, high = interval_columns(name)
    return {
        "key": name,
        "label": _SHOWN.get(name, stem.replace("_", " ")),
        "about": column.meaning,
        "unit": "%" if column.kind == "per cent" else unit,
        "kind": "text" if column.kind == "text" else "number",
        "digits": 2 if column.kind == "per cent" else 0 if column.whole else None,
        "si": name in ("params", "macs", "activations"),
        "before": "batch " if name == "batch_size" else "",
        "better": column.better,
        **({"low": low, "high": high} if low in _COLUMNS else {}),
        "shown": name in _SHOWN and is_held,
    }


def _values(rows: Sequence[Row], name: str, column: TableColumn) -> Any:
    """Return the values of a column: numbers as they are, texts once each with their places."""
    if column.kind != "text":
        return [_short(row[name]) for row in rows]
    words: dict[str | None, int] = {}
    index = [words.setdefault(row[name], len(words)) for row in rows]
    return {"words": list(words), "index": index}


def _short(value: float | None) -> float | None:
    """Return a number with ten significant digits, more than a sample of nanoseconds has."""
    return float(f"{value:.10g}") if isinstance(value, float) else value
