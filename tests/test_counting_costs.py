"""What ATen operators cost, and which are known to be free, worked out by hand; what a part of a forward pass did."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resbench.counting.calls import Layer
from resbench.counting.operators import Dispatched, computes, cost, is_uncosted
from resbench.counting.tally import ForwardPass, count_module, run_once
from resbench.records.counts import Input

aten = torch.ops.aten


def shaped(*sides):
    return torch.ones(sides)


@pytest.mark.parametrize(
    ("operator", "args", "read", "written", "terms"),
    [
        (aten.mm.default, (shaped(5, 8), shaped(8, 3)), 40 + 24, 15, {"matmul": 5 * 8 * 3}),
        (aten.bmm.default, (shaped(2, 5, 8), shaped(2, 8, 3)), 80 + 48, 30, {"matmul": 2 * 5 * 8 * 3}),
        (aten.mv.default, (shaped(5, 8), shaped(8)), 40 + 8, 5, {"matmul": 5 * 8}),
        (aten.dot.default, (shaped(8), shaped(8)), 16, 1, {"matmul": 8}),
        (aten.addmm.default, (shaped(3), shaped(5, 8), shaped(8, 3)), 64, 15, {"matmul": 5 * 8 * 3}),
        (aten.addr.default, (shaped(2, 3), shaped(2), shaped(3)), 2 + 3, 6, {"matmul": 2 * 3}),
        (aten.upsample_nearest2d.default, (shaped(1, 4, 3, 3), [6, 6]), 36, 144, {"interpolated": 144}),
        (aten.upsample_bilinear2d.default, (shaped(1, 4, 3, 3), [6, 6], False), 36, 144, {"interpolated": 4 * 144}),
    ],
)
def test_an_operator_costs_what_is_multiplied_and_added(operator, args, read, written, terms):
    layer = cost(operator, args, operator(*args))
    assert (layer.inputs, layer.outputs, layer.terms, layer.scatters) == (read, written, terms, True)


@pytest.mark.parametrize(
    ("weight", "bias", "transposed", "written", "terms"),
    [
        (shaped(2, 3, 3, 3), shaped(2), False, 2 * 6 * 6, {"conv": 72 * 27, "conv_bias": 72}),
        (shaped(2, 3, 3, 3), None, False, 2 * 6 * 6, {"conv": 72 * 27, "conv_bias": 0}),
        (shaped(3, 2, 3, 3), shaped(2), True, 2 * 10 * 10, {"conv": 192 * 18, "conv_bias": 200}),
    ],
)
def test_a_convolution_without_its_module_costs_its_window_at_every_place(weight, bias, transposed, written, terms):
    args = (shaped(1, 3, 8, 8), weight, bias, [1, 1], [0, 0], [1, 1], transposed, [0, 0], 1)
    layer = cost(aten.convolution.default, args, aten.convolution.default(*args))
    assert (layer.kind, layer.inputs, layer.outputs, layer.terms) == ("conv", 192, written, terms)
    assert layer.scatters
    if not transposed:  # what no argument says is not transposed
        assert cost(aten.convolution.default, args[:6], aten.convolution.default(*args)).terms == terms


def test_fused_attention_costs_its_scores_and_its_sums():
    query, key, value = shaped(1, 2, 5, 4), shaped(1, 2, 7, 4), shaped(1, 2, 7, 3)
    out = shaped(1, 2, 5, 3)
    layer = cost(aten._scaled_dot_product_flash_attention.default, (query, key, value), (out, None))
    assert (layer.kind, layer.inputs, layer.outputs) == ("attention", 40 + 56 + 42, 30)
    assert (layer.terms, layer.scatters) == ({"attention": 2 * 5 * 7 * (4 + 3)}, True)


def test_what_multiplies_no_sums_has_no_cost():
    assert cost(aten.relu.default, (shaped(3),), shaped(3)) is None
    assert cost(len, (shaped(3),), 3) is None


@pytest.mark.parametrize(
    ("operator", "uncosted"),
    [
        (aten.add.Tensor, False),  # one of those that torch calls pointwise
        (aten.mm.default, False),  # has a rule
        (aten.cat.default, False),  # free
        (aten.index_put_.default, False),  # free, in place
        (aten._fft_r2c.default, True),
        (torch.ops.quantized.add.default, True),  # of no namespace that is known
        (len, True),
    ],
)
def test_only_what_nobody_can_cost_is_uncosted(operator, uncosted):
    assert is_uncosted(operator) is uncosted


@pytest.mark.parametrize(
    ("operator", "does"),
    [
        (aten.relu.default, True),
        (aten.relu_.default, True),  # returns its input, written to
        (aten.view.default, False),
        (aten._unsafe_view.default, False),  # does not say that it is one
        (aten.zeros.default, False),  # takes no tensor
        (aten.zeros_like.default, True),
        (len, True),
    ],
)
def test_views_and_what_takes_no_tensor_compute_nothing(operator, does):
    assert computes(operator) is does


def test_named_arguments_reach_the_operators():
    seen = []
    with Dispatched(lambda operator, args, outputs: seen.append((operator, len(args), outputs.dtype))):
        out = torch.sum(shaped(2, 3), dtype=torch.float64)
    assert out.dtype == torch.float64
    assert seen == [(aten.sum.default, 1, torch.float64)]


class Named(nn.Module):
    """A convolution and a pool whose arguments have names."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(shaped(2, 3, 3, 5))

    def forward(self, x):
        return F.max_pool2d(input=F.conv2d(input=x, weight=self.weight), kernel_size=2)


def test_tensors_by_name_have_views_too():
    assert count_module(Named().eval(), 12).receptive_field_px == (4, 6)


def test_a_part_of_a_forward_pass_is_what_it_alone_did():
    layers = [Layer(kind="relu", inputs=1, outputs=1, part=part) for part in ("a", "b")]
    whole = ForwardPass(
        layers=layers,
        operators={"a": 1, "b": 2},
        uncounted={("a", "aten.x"): 3, ("b", "aten.y"): 4},
        shapes={"a": (1,), "b": (2,)},
        last_relus=[("a", 5), ("b", 6)],
    )
    assert whole.of(["b"]) == ForwardPass(
        layers=layers[1:], operators={"b": 2}, uncounted={("b", "aten.y"): 4}, shapes={"b": (2,)}, last_relus=[("b", 6)]
    )


def test_a_forward_pass_is_told_apart_by_parts():
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    ran = run_once(module, (Input(shape=(3, 5, 6)),), ["0", "1"])
    assert (dict(ran.operators), ran.shapes) == ({"0": 1, "1": 1}, {"0": (2, 3, 4), "1": (2, 3, 4)})
    assert ([layer.part for layer in ran.layers], ran.last_relus) == (["0", "1"], [("1", 24)])


class Other(nn.Module):
    """A Fourier transform behind a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return torch.fft.rfft2(self.conv(x)).abs()


def test_an_uncounted_operator_is_named_without_its_overload():
    assert count_module(Other().eval(), 4).uncounted == {"aten._fft_r2c": 1}
