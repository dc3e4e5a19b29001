"""Our tally against fvcore and PyTorch's counter, on real tensors, for one small network of each block and topology."""

from dataclasses import replace

import pytest
from torch import nn

from resbench.counting.crosscheck import crosscheck, modules
from resbench.errors import InvalidMeasurementError
from resbench.nets.build import build
from resbench.zoo.spec import InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec
from tests.observed import cases


def shortened(variant):
    """`variant` with the fewest blocks that show all of its layers."""
    match variant.spec:
        case ResNetSpec() as spec:
            short = replace(spec, depths=(1, 2))
        case LegacySENetSpec() | ResNetV2Spec() as spec:
            short = replace(spec, depths=(1, 1, 1, 1))
        case InceptionResNetSpec() as spec:
            short = replace(spec, repeats=(1, 1, 1))
    return replace(variant, spec=short, classes=7)


@pytest.mark.parametrize("variant", cases())
def test_three_counters_agree(variant):
    size = (107, 139) if "inception" in variant.name else (37, 64)
    found = crosscheck(build(shortened(variant)), size, variant.name)
    assert [(row.counter, row.quantity) for row in found] == [
        ("fvcore", "parameters"),
        ("fvcore", "operations"),
        ("fvcore", "activations"),
        ("torch.utils.flop_counter", "operations"),
    ]
    assert all(row.ours == row.theirs > 0 for row in found)


def test_a_disputed_count_is_an_invalid_measurement_that_names_both():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, affine=False)
    ).eval()  # fvcore counts it once, not twice
    with pytest.raises(
        InvalidMeasurementError, match=r"^odd at 8x8: operations disputed: 1,280 by our tally, \S+ by fvcore"
    ):
        crosscheck(module, (8, 8), "odd")


def test_fvcores_table_goes_down_to_the_layers():
    found = modules(build("resnet20_cifar10"), (32, 32))
    assert found.rows[""] == sum(
        found.rows[name] for name in ("conv1", "bn1", "layer1", "layer2", "layer3", "fc", "avgpool")
    )
    assert found.rows["layer1.0.conv1"] == 32 * 32 * 16 * 16 * 9
    assert "layer1.0.conv1" in found.text
