"""The quantities that cards, claims and records speak of, and their values for people."""

from typing import Literal

from resbench import units
from resbench.judging.accuracy import wilson
from resbench.judging.claims import Reproduction
from resbench.zoo.spec import Claim

Quantity = Literal["params", "flops", "macs", "activations", "top1", "top5", "file_size"]


WORDS: dict[Quantity, str] = {
    "params": "parameters",
    "flops": "FLOPs",
    "macs": "MACs",
    "activations": "activations",
    "top1": "top-1",
    "top5": "top-5",
    "file_size": "file size",
}


def printed(claim: Claim) -> str:
    """Return the value of `claim` for people: "80.87 %", "110,578,827"."""
    return units.percent(claim.value) if claim.metric in ("top1", "top5") else f"{claim.value:,.0f}"


def accuracy_words(right: int, images: int) -> str:
    """Return an accuracy with Wilson's 95 % interval: "79.00 % [72.84, 84.07]"."""
    low, high = wilson(right, images)
    return f"{units.percent(right / images)} [{100 * low:.2f}, {100 * high:.2f}]"


def accuracy_span(right: int, images: int) -> str:
    """Return the interval alone: "72.84 to 84.07 %"."""
    low, high = wilson(right, images)
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def reproduction_words(published: Reproduction) -> str:
    """Return how a measured accuracy stands to the published one."""
    return published.why if published.difference is not None else f"not comparable: published {published.why}"
