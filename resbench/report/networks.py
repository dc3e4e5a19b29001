"""The table of networks."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Variant


def show(variants: Sequence[Variant], *, as_json: bool) -> None:
    """Print one row per network to stdout."""
    rows = [
        {
            "name": variant.name,
            "family": variant.family,
            "input_px": variant.input_px,
            "checkpoints": [weights.name for weights in checkpoints(variant.name)],
        }
        for variant in variants
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("name", "family", "input px", "checkpoints")
    for row in rows:
        table.add_row(row["name"], row["family"], str(row["input_px"]), ", ".join(row["checkpoints"]))
    Console().print(table)
