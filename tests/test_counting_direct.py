"""Counts worked out by hand: every term, convention, pool, stage and view, on networks small enough for a pencil."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resbench.counting import tally
from resbench.counting.conventions import CONVENTIONS, NAMES, convention, dog_photo, square
from resbench.counting.figures import figures, parameters
from resbench.counting.stages import count_by_stage
from resbench.errors import ResbenchError
from resbench.records.record import Counts, Terms


class Small(nn.Module):
    """8 x 12 px: convolution, norm, ReLU, pools, a gate, a blur of fixed weights, the final pool, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=(1, 2))
        self.bn = nn.BatchNorm2d(4)
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2, bias=False)
        self.avgpool = nn.AvgPool2d(3, 1, padding=1)
        self.register_buffer("kernel", torch.ones(4, 1, 3, 3), persistent=False)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(torch.relu(self.bn(self.conv(x))))
        x = self.avgpool(self.layer1(x))
        x = x * x.mean((2, 3), keepdim=True)
        x = F.conv2d(x, self.kernel, stride=2, padding=1, groups=4)
        return self.fc(torch.flatten(self.gap(x), 1))


# 8 x 12 -> convolution 4 x 8 x 6 -> pool 4 x 4 x 3 -> layer1 4 x 4 x 3 -> average 4 x 4 x 3 -> blur 4 x 2 x 2.
TERMS = Terms(
    conv=4 * 8 * 6 * 3 * 3 * 5 + 4 * 4 * 3 * 2 * 3 * 3,
    conv_bias=4 * 8 * 6,
    blur=4 * 2 * 2 * 9,
    fc=40,
    fc_bias=10,
    bn=192,
    relu=192,
    maxpool_in=192,
    avgpool_in=48,
    avgpool_out=48,
    se_in=48,
    gap_in=16,
    gap_out=4,
    bias_macs=4 * 8 * 6 * 3,
    relu_last=0,  # torch.relu is no module
    maxpool_side=4 * 4 * 3 * 2,
    avgpool_side=4 * 4 * 3 * 3,
)
OLD = dict.fromkeys(("bias_macs", "relu_last", "maxpool_side", "avgpool_side"), 0)  # a record may lack them


def counted_terms(**values: int) -> Terms:
    return Terms(**{**OLD, **values})


PARAMS = 4 * 3 * 15 + 4 + 8 + 4 * 2 * 9 + 50
BUFFERS = 4 + 4 + 1 + 36
TRAFFIC = (288 + 192) + (192 + 48) + (48 + 48) + (48 + 48) + (48 + 4) + (48 + 16) + (16 + 4) + (4 + 10)


@pytest.fixture
def small():
    return Small().eval()


def test_every_term_is_the_one_worked_out_by_hand(small):
    counts = tally.count_module(small, (8, 12))
    assert counts.terms == TERMS
    assert (counts.input_px, counts.params, counts.buffers) == ((8, 12), PARAMS, BUFFERS)
    assert counts.weights_bytes == 4 * (PARAMS + BUFFERS - 1) + 8
    assert counts.activations == 192 + 48 + 16 + 10
    assert counts.traffic == TRAFFIC


def test_the_view_of_one_output_is_the_one_worked_out_by_hand(small):
    # Heights: 1 + 2 = 3, pool + 1 = 4 (step 2), dilated + 4 x 2 = 12, average + 2 x 2 = 16, blur + 2 x 2 = 20.
    # Widths: 1 + 4 = 5 (step 2), pool + 2 = 7 (step 4), dilated + 4 x 4 = 23, average + 8 = 31, blur + 8 = 39.
    assert tally.count_module(small, (8, 12)).receptive_field_px == (20, 39)


def test_operators_are_counted_one_by_one(small):
    on_meta = tally.count_module(Small().to("meta").eval(), (8, 12))
    counts = tally.count_module(small, (8, 12))
    # convolution, norm, ReLU, max pool, convolution, average pool, mean, product, blur, global mean, linear layer.
    assert counts.operators == on_meta.operators == 11
    assert on_meta.terms == TERMS


def test_a_single_side_is_a_square(small):
    assert tally.count_module(small, 16) == tally.count_module(small, (16, 16))
    assert tally.count_module(small).input_px == (224, 224)
    assert count_by_stage(small)["stem"].input_px == (224, 224)


def test_the_stages_are_the_stem_the_layers_and_the_head_and_add_up(small):
    stages = count_by_stage(small, (8, 12))
    assert list(stages) == ["stem", "layer1", "head"]
    assert (stages["stem"].params, stages["layer1"].params, stages["head"].params) == (192, 72, 50)
    assert stages["stem"].terms == counted_terms(
        **{"conv": 8640, "conv_bias": 192, "bn": 192, "relu": 192, "maxpool_in": 192},
        **{"bias_macs": 576, "maxpool_side": 96},
    )
    assert stages["layer1"].terms == counted_terms(conv=864)
    assert stages["head"].terms.fc == 40
    assert sum(counts.operators for counts in stages.values()) == 11
    assert (stages["layer1"].activations, stages["layer1"].traffic) == (48, 96)


def test_a_network_without_layers_has_its_children_as_stages():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()).eval()
    stages = count_by_stage(module, 4)
    assert {name: counts.params for name, counts in stages.items()} == {"0": 8, "1": 0}
    assert stages["1"].terms == counted_terms(relu=32, relu_last=32)


def test_a_longer_path_decides_the_view():
    class Paths(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.long = nn.Conv2d(3, 3, (7, 3), padding=(3, 1))
            self.short = nn.Conv2d(3, 3, (3, 5), padding=(1, 2))
            self.last = nn.Conv2d(3, 1, 2, stride=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.long(x) + self.short(x))

    assert tally.count_module(Paths().eval(), 8).receptive_field_px == (8, 6)


def test_what_has_no_window_sees_one_pixel():
    counts = tally.count_module(nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False)).eval(), 2)
    assert counts.receptive_field_px == (1, 1)
    assert counts.terms == counted_terms(fc=24)


@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d(2), nn.AdaptiveAvgPool2d((1, 2))])
def test_a_pool_to_more_than_one_place_is_no_global_pool(pool):
    counts = tally.count_module(nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), pool).eval(), 4)
    assert (counts.terms.gap_in, counts.terms.se_in) == (0, 0)


def test_means_over_other_axes_are_no_global_pools():
    class Means(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return x.mean(1) + x.mean((1, 2)).mean() + x.flatten(2).mean(2).sum() + torch.mean(x, (-2, -1)).sum()

    terms = tally.count_module(Means().eval(), 4).terms
    assert (terms.gap_in, terms.se_in, terms.mean_in) == (0, 0, 32)


def test_training_mode_and_small_inputs_are_refused(small):
    with pytest.raises(ValueError, match="training mode"):
        tally.count_module(Small(), 8)
    with pytest.raises(ResbenchError, match="Small cannot take 1x1 px") as caught:
        tally.count_module(small, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("row", CONVENTIONS, ids=NAMES)
def test_linear_layers_count_as_the_classifier_does_but_where_that_alone_is_left_out(row):
    """Residual networks have no other linear layers, so that no published figure shows what a tool makes of one."""
    times = row.coefficients
    classifier = {"mmcv": (1, 1), "timm-card": (1, 0)}.get(row.name, (times.fc, times.fc_bias))
    assert (times.linear, times.linear_bias) == classifier


def test_inputs_of_conventions():
    assert square(224) == (224, 224)
    assert [dog_photo(side) for side in (224, 320, 416)] == [(224, 285), (320, 407), (416, 530)]
    assert {row.name for row in CONVENTIONS if row.input_rule is dog_photo} == {"timm-card"}
    assert tuple(row.name for row in CONVENTIONS) == NAMES
    with pytest.raises(ValueError, match="convention 'flops' is none of macs, fvcore"):
        convention("flops")


def test_figures_count_once_at_each_input():
    asked = []

    def count_at(size):
        asked.append(size)
        return Counts(
            input_px=size, params=1, buffers=0, weights_bytes=4, activations=0, terms=Terms(conv=size[1]),
            traffic=0, receptive_field_px=(1, 1), operators=0,
        )  # fmt: skip

    found = figures("x", count_at, (224, 224), ("macs", "torch", "timm-card"))
    assert asked == [(224, 224), (224, 285)]
    assert [(row.input_px, row.value) for row in found.operations] == [
        ((224, 224), 224),
        ((224, 224), 448),
        ((224, 285), 285),
    ]
    assert found.counts.input_px == (224, 224)
    (row,) = figures("x", count_at, (224, 300), ("timm-card",)).operations
    assert row.input_px == (224, 300)


@pytest.mark.parametrize(("params", "printed"), [(66_821_848, 66_819_999), (25_557_032, 25_560_000)])
def test_parameters_are_rounded_as_on_timms_cards(params, printed):
    assert parameters(params) == printed
