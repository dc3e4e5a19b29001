"""The shapes that a card draws, against the network itself on the meta device; the drawings are well-formed."""

import xml.etree.ElementTree as ET

import pytest
import torch

from resbench.cards import drawing, shapes
from resbench.zoo.find import find
from resbench.zoo.variants import VARIANTS
from tests.observed import cases, network, observed


@pytest.mark.parametrize("variant", cases())
def test_stages_are_those_of_the_module(variant):
    _, seen = observed(variant)
    assert [(stage.blocks, (stage.channels, stage.side_px, stage.side_px)) for stage in shapes.stages(variant)] == seen


def layers(variant) -> list[str]:
    """The convolutions of the first stage's last block, as a card names them."""
    module = network(variant)
    block = module.stages[0].blocks[-1] if hasattr(module, "stem") else module.layer1[-1]
    found = []
    for name, conv in block.named_modules():
        if isinstance(conv, torch.nn.Conv2d) and name.startswith("conv"):
            groups = f", {conv.groups} groups" if conv.groups > 1 else ""
            found.append(f"{conv.kernel_size[0]}x{conv.kernel_size[1]}, {conv.out_channels}{groups}")
    return found


PLAIN_BLOCKS = [
    variant
    for variant in VARIANTS
    if getattr(variant.spec, "block", "") in ("basic", "plain", "bottleneck", "resnext", "senet")
]


@pytest.mark.parametrize("variant", cases(PLAIN_BLOCKS))
def test_the_block_has_the_convolutions_of_the_module(variant):
    assert list(shapes.block(variant).branches[0]) == layers(variant)


def leaving_its_frame(variant):
    """Whether a drawing has something outside of its frame. Raises ParseError where it is not well-formed."""
    svg = ET.fromstring(drawing.network(variant).svg)
    _, _, width, height = map(float, svg.get("viewBox").split())
    ends = [float(part.get("x")) + float(part.get("width")) for part in svg.iter("{http://www.w3.org/2000/svg}rect")]
    for part in svg.iter():
        for names, limit in ((("x", "x1", "x2", "cx"), width), (("y", "y1", "y2", "cy"), height)):
            if not all(0 <= float(part.get(name, 0)) <= limit for name in names):
                return True
    return max(ends) > width


def test_every_drawing_is_well_formed_and_inside_its_frame():
    assert [variant.name for variant in VARIANTS if leaving_its_frame(variant)] == []


def test_one_block_is_one_and_several_are_blocks():
    title = drawing.network(find("ecaresnetlight")).title
    assert [part.split(",")[0] for part in title.split(": ")[2:]] == ["1 block", "1 block", "11 blocks", "3 blocks"]
