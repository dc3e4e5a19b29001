"""The quantities that cards, claims and records speak of, and their values for people."""

from typing import Literal

from resbench import units
from resbench.zoo.spec import Claim

Quantity = Literal["params", "flops", "macs", "top1", "top5", "file_size"]


WORDS: dict[Quantity, str] = {
    "params": "parameters",
    "flops": "FLOPs",
    "macs": "MACs",
    "top1": "top-1",
    "top5": "top-5",
    "file_size": "file size",
}


def printed(claim: Claim) -> str:
    """Return the value of `claim` for people: "80.87 %", "110,578,827"."""
    return units.percent(claim.value) if claim.metric in ("top1", "top5") else f"{claim.value:,.0f}"
