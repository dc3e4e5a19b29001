"""Where the rooms meet: each function here composes finding, building, counting, timing, evaluating into a record."""

from resbench.counting import counted
from resbench.counting.tally import count as count_module
from resbench.nets.build import build
from resbench.records.record import Counts
from resbench.zoo.find import find
from resbench.zoo.variants import VARIANTS


def count(network: str, input_px: int | tuple[int, int] | None = None) -> Counts:
    """Return what `network` costs for one image of `input_px` (height, width), by default of its own size."""
    variant = find(network)
    return count_module(build(variant, device="meta"), input_px or variant.input_px)


def count_table() -> str:
    """Return the text that counting/counted.json should have, from a fresh tally of every network."""
    modules = {variant: build(variant, device="meta") for variant in VARIANTS}
    return counted.text(
        {
            variant.name: [count_module(module, size) for size in counted.sizes(variant)]
            for variant, module in modules.items()
        }
    )
