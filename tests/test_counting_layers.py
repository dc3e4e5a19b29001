"""Operators of other classifiers than residual ones: counts worked out by hand, and by PyTorch's counter and fvcore."""

import warnings
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import resbench
from resbench.counting.conventions import convention, operations
from resbench.counting.figures import declared_figures, figures
from resbench.counting.inputs import blanks, parse_inputs, size_of
from resbench.counting.stages import count_by_stage
from resbench.counting.tally import count_module
from resbench.errors import ResbenchError
from resbench.records.counts import Input
from resbench.records.record import Terms


class Call(nn.Module):
    """A network that is one call, with one parameter of the shape that it needs."""

    def __init__(self, call, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape or (1,)))
        self.call = call

    def forward(self, *inputs):
        return self.call(self.weight, *inputs)


def checked_halves(weight, x):
    torch._assert_async((x == x).all())
    return weight * sum(torch.unsafe_split(x, 2, 1)) // sum(torch.unsafe_chunk(x, 2, 1))


class Attends(nn.Module):
    """torch's own attention layer: 2 heads of 4, over 5 tokens."""

    def __init__(self, *, need_weights):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.need_weights = need_weights

    def forward(self, x):
        return self.attention(x, x, x, need_weights=self.need_weights)[0]


def standardised(weight, x):
    """timm's convolution with standardised weights: a batch norm of the weight, in training mode."""
    normed = F.batch_norm(weight.reshape(1, 4, -1), None, None, training=True).reshape_as(weight)
    return F.conv2d(x, normed)


# Projections of 5 tokens of 8 to 24 and to 8; scores and sums of 2 heads of 4.
PROJECTED = {"linear": 5 * 8 * 24, "linear_bias": 5 * 24, "fc": 5 * 8 * 8, "fc_bias": 5 * 8}
SCORED = 2 * 5 * 5 * (4 + 4)
CASES = {
    "depthwise": (nn.Conv2d(4, 4, 3, padding=1, groups=4), "4x5x6", {"conv": 120 * 9, "conv_bias": 120}),
    "1d": (nn.Conv1d(4, 6, 3, bias=False), "4x7", {"conv": 6 * 5 * 4 * 3}),
    "3d": (nn.Conv3d(1, 2, (2, 3, 3), bias=False), "1x4x5x6", {"conv": (2 * 3 * 3 * 4) * 18}),
    "transposed": (
        nn.ConvTranspose2d(3, 2, 3, stride=2),
        "3x4x5",
        {"conv": (3 * 4 * 5) * 2 * 9, "conv_bias": 2 * 9 * 11},
    ),
    "standardised": (Call(standardised, 4, 3, 1, 1), "3x5x5", {"conv": 4 * 25 * 3, "norm": 12}),
    "named arguments": (Call(lambda w, x: F.conv2d(input=x, weight=w), 4, 3, 1, 1), "3x5x5", {"conv": 4 * 25 * 3}),
    "linear layers": (
        nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 3, bias=False)),
        "5x8",
        {"linear": 5 * 6 * 8, "linear_bias": 30, "fc": 5 * 3 * 6},
    ),
    "matmul": (Call(lambda w, x: x @ w, 8, 3), "5x8", {"matmul": 5 * 8 * 3}),
    "batches of matrices": (Call(lambda _, x, y: torch.bmm(x, y) + 0), "5x8,8x3", {"matmul": 5 * 8 * 3}),
    "einsum": (Call(lambda w, x: torch.einsum("bnc,cd->bnd", x, w), 8, 3), "5x8", {"matmul": 5 * 8 * 3}),
    "added product": (Call(lambda w, x: torch.addmm(w[0], x[0], w), 8, 3), "5x8", {"matmul": 5 * 8 * 3}),
    "attention": (
        Call(lambda _, q, kv: F.scaled_dot_product_attention(q, kv, kv)),
        "2x5x4,2x7x4",
        {"attention": 2 * 5 * 7 * (4 + 4)},
    ),
    "attention of values of another width": (
        Call(lambda _, q, k, v: F.scaled_dot_product_attention(query=q, key=k, value=v)),
        "2x5x4,2x7x4,2x7x3",
        {"attention": 2 * 5 * 7 * (4 + 3)},
    ),
    "attention layer": (Attends(need_weights=False), "5x8", {**PROJECTED, "attention": SCORED}),
    "attention layer with weights": (Attends(need_weights=True), "5x8", {**PROJECTED, "matmul": SCORED}),
    "layer norm": (nn.LayerNorm(8), "5x8", {"norm": 40, "norm_affine": 40}),
    "plain layer norm": (nn.LayerNorm(8, elementwise_affine=False), "5x8", {"norm": 40}),
    "group norm": (nn.GroupNorm(2, 4), "4x3x3", {"norm": 36, "norm_affine": 36}),
    "instance norm": (nn.InstanceNorm2d(4, affine=True), "4x3x3", {"norm": 36, "norm_affine": 36}),
    "nearest": (nn.Upsample(scale_factor=2), "4x3x3", {"interpolated": 4 * 36}),
    "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), "4x3x3", {"interpolated": 4 * 4 * 36}),
    "adaptive pool": (nn.AdaptiveAvgPool2d(2), "4x6x6", {"adaptive_in": 144}),
    "squeeze by a pool": (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(1)),
        "4x6x6",
        {"adaptive_in": 144, "se_in": 144, "gap_in": 4, "gap_out": 4},
    ),
    "convolution as classifier": (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 3, 1)),
        "4x6x6",
        {"gap_in": 144, "gap_out": 4, "fc": 12, "fc_bias": 3},
    ),
    "mean at the end": (Call(lambda _, x: x.mean((2, 3))), "4x6x6", {"mean_in": 144}),
    "pools of volumes": (nn.Sequential(nn.MaxPool3d(2), nn.MaxPool3d(1)), "1x4x4x4", {"maxpool_in": 64 + 8}),
}
# What costs no multiply-adds in any counter: activation functions, and what moves elements or sums them.
FREE = {
    "activations": nn.Sequential(
        *(nn.GELU(), nn.SiLU(), nn.Hardswish(), nn.Hardsigmoid(), nn.LeakyReLU(), nn.ELU(), nn.Softplus()),
        *(nn.PReLU(), nn.ReLU6(), nn.Mish(), nn.Tanh(), nn.GLU(1), nn.Softmax(1), nn.LogSoftmax(1), nn.CELU()),
    ),
    "activations in place": nn.Sequential(nn.LeakyReLU(0.1, True), nn.ELU(1, True), nn.CELU(1, True), nn.ReLU6(True)),
    "RMS norm": nn.RMSNorm(6),
    "rearranging": nn.Sequential(
        *(
            nn.PixelUnshuffle(2),
            nn.PixelShuffle(2),
            nn.ChannelShuffle(2),
            nn.ReflectionPad2d(1),
            nn.ReplicationPad2d(1),
        ),
        *(nn.ZeroPad2d(1), nn.Unfold(2), nn.Fold((12, 12), 2)),
    ),
    "reducing": Call(lambda w, x: w * torch.cat([x.roll(1), x.flip(1)]).amax((2, 3)).cumsum(0).topk(2).values.std()),
    "parts and whole numbers": Call(checked_halves),
}


def today(counts):
    """The terms of `counts` without what only thop before 2020 counts."""
    return replace(counts.terms, bias_macs=None, relu_last=None, maxpool_side=None, avgpool_side=None)


def feed(module, text, device):
    with torch.device(device):
        return [tensor.to(device) for tensor in blanks(parse_inputs(text), module)]


@pytest.mark.filterwarnings("ignore:.*Tag.*")
@pytest.mark.parametrize("case", CASES)
def test_terms_are_those_worked_out_by_hand_on_meta_and_on_the_cpu(case):
    module, text, expected = CASES[case]
    module = module.eval()
    counts = count_module(module, inputs=parse_inputs(text))
    assert today(counts) == Terms(**expected)
    assert counts.uncounted == {}
    meta = count_module(_meta(module), inputs=parse_inputs(text))
    assert (meta.terms, meta.activations) == (counts.terms, counts.activations)
    if case != "attention layer":  # a CPU lays its result out so that the layer need not copy it
        assert meta.operators == counts.operators


@pytest.mark.parametrize("case", CASES)
def test_multiply_adds_are_those_of_pytorchs_counter(case):
    module, text, _ = CASES[case]
    module = _meta(module.eval())  # its counter knows no attention on the CPU
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*feed(module, text, "meta"))
    assert counter.get_total_flops() == operations(count_module(module, inputs=parse_inputs(text)).terms, "torch")


@pytest.mark.parametrize("case", CASES)
def test_operations_are_fvcores_but_for_attention_that_it_does_not_know(case):
    module, text, expected = CASES[case]
    if "attention layer" in case:
        pytest.skip("fvcore traces torch's fused layer, which it does not know")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis

        total = (
            FlopCountAnalysis(module.eval(), tuple(feed(module, text, "cpu"))).unsupported_ops_warnings(False).total()
        )
    counts = count_module(module, inputs=parse_inputs(text))
    ours = operations(counts.terms, "fvcore")
    assert total == ours
    assert convention("fvcore").missing(counts.terms) == (("attention",) if "attention" in expected else ())


@pytest.mark.parametrize("case", ["attention", "attention layer"])
def test_pytorchs_counter_counts_no_attention_on_the_cpu(case):
    module, text, _ = CASES[case]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(*feed(module, text, "cpu"))
    assert counter.get_total_flops() == 0
    assert resbench.count(module, inputs=text).terms.attention > 0


@pytest.mark.parametrize("case", FREE)
def test_what_multiplies_nothing_is_known_and_free(case):
    counts = count_module(FREE[case].eval(), inputs=parse_inputs("4x6x6"))
    assert (counts.terms.macs, counts.uncounted) == (0, {})
    assert counts.operators > 0


class Transforms(nn.Module):
    """A Fourier transform, which no counter costs, and a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)

    def forward(self, x):
        return self.conv(x).mul(torch.fft.rfft2(x).abs().sum())


def test_an_operator_that_cannot_be_costed_is_listed_with_its_calls():
    counts = resbench.count(Transforms().eval(), 8)
    assert counts.uncounted == {"aten._fft_r2c": 1}
    assert today(counts) == Terms(conv=64 * 6)
    assert counts.receptive_field_px == (1, 1)
    stages = count_by_stage(Transforms().eval(), 8)
    assert [stage.uncounted for stage in stages.values()] == [{"aten._fft_r2c": 1}]


def test_an_operator_of_another_library_is_listed():
    with torch.library._scoped_library("resbench_test", "FRAGMENT") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: 2 * x, "CompositeExplicitAutograd")
        counts = count_module(Call(lambda w, x: torch.ops.resbench_test.twice(x) * w).eval(), 4)
    assert counts.uncounted == {"resbench_test.twice": 1}


def test_a_convention_says_what_it_was_not_defined_on():
    counts = count_module(Attends(need_weights=False).eval(), inputs=parse_inputs("5x8"))
    rows = {row.convention: row for row in declared_figures("own", counts, ("macs", "fvcore", "thop")).operations}
    assert (rows["macs"].value, rows["macs"].note) == (PROJECTED["linear"] + PROJECTED["fc"] + SCORED, "")
    assert rows["fvcore"].note == rows["thop"].note == "not defined for attention"


def test_a_network_of_one_size_has_no_figure_at_another():
    def count_at(size):
        if size != (224, 224):
            raise ResbenchError("Vit cannot take it")
        return count_module(nn.Conv2d(3, 1, 1, bias=False).eval(), size)

    card, macs = figures("vit", count_at, (224, 224), ("timm-card", "macs")).operations
    assert (card.input_px, card.value, card.note) == ((224, 285), None, "the network does not take this input")
    assert macs.value == 224 * 224 * 3


def test_tokens_and_several_inputs_are_declared():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = nn.Embedding(10, 4), nn.Linear(4 + 3, 2)

        def forward(self, tokens, features):
            return self.head(torch.cat([self.words(tokens).mean(1), features], 1))

    counts = resbench.count(Reads().eval(), inputs="5:int64,3")
    assert counts.inputs == (Input(shape=(5,), dtype="int64"), Input(shape=(3,)))
    assert (counts.input_px, today(counts)) == ((1, 5), Terms(fc=14, fc_bias=2))
    assert resbench.count(nn.Conv2d(1, 2, 1).eval(), inputs="1x28x28").input_px == (28, 28)


def test_one_rgb_image_is_the_same_declared_or_not():
    module = nn.Conv2d(3, 2, 1).eval()
    assert count_module(module, inputs=parse_inputs("3x8x9")) == count_module(module, (8, 9))


@pytest.mark.parametrize("text", ["", "3x", "3x0x4", "a", "3,,4", "3x224x224:uint9", "2000000"])
def test_what_is_no_list_of_inputs_is_refused(text):
    with pytest.raises(ResbenchError, match="is not a list of inputs") as caught:
        parse_inputs(text)
    assert "\n" not in str(caught.value)


def test_inputs_are_written_as_they_are_read():
    text = "3x224x224,10,77:int64"
    assert ",".join(map(str, parse_inputs(text))) == text
    assert [size_of(parse_inputs(part)) for part in text.split(",")] == [(224, 224), (1, 10), (1, 77)]


def test_a_network_that_takes_something_else_is_refused_in_one_line():
    with pytest.raises(ResbenchError, match=r"Attends cannot take 3x8x8,2 .*--input") as caught:
        count_module(Attends(need_weights=False).eval(), inputs=parse_inputs("3x8x8,2"))
    assert "\n" not in str(caught.value)


def test_a_network_without_parameters_is_counted():
    assert today(count_module(nn.Sequential(nn.ReLU()).eval(), 4)) == Terms(relu=48)


@pytest.mark.parametrize(
    ("module", "field"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 3)), None),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 2, stride=2)), None),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2), nn.Linear(144, 2)), None),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, dilation=2)), (12, 12)),
    ],
)
def test_the_receptive_field_is_given_where_only_windows_see_the_image(module, field):
    assert count_module(module.eval(), 14).receptive_field_px == field


def _meta(module):
    """A copy on the meta device."""
    import copy

    return copy.deepcopy(module).to("meta")
