"""What ATen operators cost, and which are known to be free, worked out by hand; what a part of a forward pass did."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resbench.counting.calls import Layer
from resbench.counting.conventions import CURRENT, HISTORIC, NAMES, convention, operations
from resbench.counting.operators import Dispatched, computes, cost, is_uncosted
from resbench.counting.tally import ForwardPass, count_module, run_once
from resbench.errors import ResbenchError
from resbench.records.counts import Input
from resbench.records.record import Terms

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


class Call(nn.Module):
    """A network that is one call."""

    def __init__(self, call):
        super().__init__()
        self.register_buffer("kernel", shaped(6, 1, 3, 3))
        self.call = call

    def forward(self, x):
        return self.call(self, x)


def counted(call, side_px=8):
    return count_module(Call(call).eval(), side_px)


def test_fused_attention_is_one_operator_on_any_device():
    module = Call(lambda _, x: F.scaled_dot_product_attention(x, x, x)).eval()
    assert count_module(module, 8).operators == count_module(module.to("meta"), 8).operators == 1


def test_a_view_of_fixed_weights_is_fixed_and_what_is_computed_from_them_is_not():
    blur = counted(lambda self, x: F.conv2d(x, self.kernel[:3], groups=3)).terms
    learned = counted(lambda self, x: F.conv2d(x, self.kernel[:3] * 2, groups=3)).terms
    assert (blur.blur, blur.conv) == (learned.conv, learned.blur) == (3 * 6 * 6 * 9, 0)


def test_a_gate_behind_a_global_pool_leaves_the_view_to_the_windows():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gate = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            return x * self.gate(x.mean((2, 3), keepdim=True))

    assert count_module(Gated().eval(), 9).receptive_field_px == (3, 3)


@pytest.mark.parametrize(
    ("layers", "terms"),
    [
        # behind the last pool, but in groups
        ([nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1, groups=2)], {"conv": 4 * 2, "conv_bias": 4, "fc": 0}),
        # joins each input with each output, but ahead of the last pool, or without one
        ([nn.Conv2d(4, 3, 6), nn.AdaptiveAvgPool2d(1)], {"conv": 3 * 144, "conv_bias": 3, "fc": 0, "gap_in": 3}),
        ([nn.Conv2d(4, 3, 6)], {"conv": 3 * 144, "conv_bias": 3, "fc": 0}),
        ([nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 3, 1)], {"conv": 0, "conv_bias": 0, "fc": 12, "fc_bias": 3}),
    ],
)
def test_a_convolution_is_the_classifier_where_it_is_dense_and_behind_the_last_pool(layers, terms):
    found = count_module(nn.Sequential(*layers).eval(), inputs=(Input(shape=(4, 6, 6)),)).terms
    assert {term: getattr(found, term) for term in terms} == terms


def refuses(error):
    def call(_, x):
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "sides", "words"),
    [
        (RuntimeError("small\nmore"), (3, 8, 8), "Call cannot take 8x8 px (small); give a larger input"),
        (RuntimeError("small"), (4, 8, 8), "Call cannot take 4x8x8 (small); declare its inputs"),
        (TypeError("two"), (3, 8, 8), "Call cannot take 3x8x8 (two); declare its inputs"),
        (ValueError(), (3, 8, 8), "Call cannot take 3x8x8 (ValueError); declare its inputs"),
    ],
)
def test_what_a_network_cannot_take_is_refused_with_the_next_step(error, sides, words):
    with pytest.raises(ResbenchError) as caught:
        count_module(Call(refuses(error)).eval(), inputs=(Input(shape=sides),))
    assert str(caught.value).startswith(words)


def test_conventions_are_current_or_historic_and_say_what_they_lack():
    assert HISTORIC == (
        "thop-0.0.31-2001", "thop-0.0.31-1910", "thop-0.0.23", "thop-0.0.22", "thop-0.0.22-avgpool7"
    )  # fmt: skip
    assert tuple(name for name in NAMES if name not in HISTORIC) == CURRENT
    assert convention("thop").missing(Terms(norm=1, conv=1)) == ("norm",)
    assert convention("macs").missing(Terms(norm=1)) == ()


def test_terms_that_were_not_counted_are_refused_where_they_count():
    old = Terms(conv=5, relu_last=None)
    assert operations(old, "macs") == 5
    with pytest.raises(ValueError, match="counts bias_macs, relu_last, maxpool_side, avgpool_side, and the"):
        operations(old, "thop-0.0.22")
