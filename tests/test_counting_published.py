"""Every figure that a publisher printed is reproduced from the architecture, or is an exception with its reason."""

from collections import Counter
from fractions import Fraction

import pytest
from torch import nn

from resbench.counting import explain, reading, tally
from resbench.counting.conventions import operations
from resbench.counting.counted import counted, counted_at, sizes
from resbench.nets.build import build
from resbench.zoo.find import find
from resbench.zoo.weights import WEIGHTS

FIGURES = [
    pytest.param(weights, claim, id=f"{weights.name}-{claim.metric}")
    for weights in WEIGHTS
    for claim in weights.claims
    if claim.metric in ("params", "flops")
]
FUSED = "timm 0.4.3 fuses norm and ReLU in this block's layers, and thop does not know the fused class"
EXCEPTIONS = {  # to the operations; false parameter counts carry their reason with the claim
    "skresnet18": FUSED,
    "skresnet34": FUSED,
    "skresnext50_32x4d": FUSED,
}

BROKEN = ("inception_resnet_v2", "ens_adv_inception_resnet_v2")  # copied from a broken evaluation


def figure_of(claim):
    return reading.Figure(value=Fraction(claim.value), quantum=Fraction(claim.quantum), metric=claim.metric)


def count_of(weights, claim):
    if claim.metric == "params":
        return counted(weights.network).params
    return operations(counted_at(weights.network, claim.input_px).terms, claim.convention)


@pytest.mark.parametrize(("weights", "claim"), FIGURES)
def test_a_published_figure_is_the_count_in_its_convention_and_rounding(weights, claim):
    figure = figure_of(claim)
    how = reading.rounding(count_of(weights, claim), figure)
    if claim.error or (claim.metric == "flops" and weights.name in EXCEPTIONS):
        assert how is None, f"{weights.name}: the figure is right; take the exception out"
    else:
        assert how in (("exact",) if claim.quantum == 1 else ("exact", "rounded"))


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_selective_kernel_cards_leave_out_the_fused_norms_and_nothing_else(name):
    module, fused = build(name, device="meta"), 0

    def see(layer, inputs):
        nonlocal fused
        fused += inputs[0].numel()

    for layer in module.modules():
        if type(layer).__name__ == "ConvNorm":  # where timm has its ConvBnAct
            layer.bn.register_forward_pre_hook(see)
        elif type(layer).__name__ == "Selection":
            assert isinstance(layer.bn, nn.BatchNorm2d)
    counts = tally.count_module(module, (224, 285))
    card = next(weights for weights in WEIGHTS if weights.name == name).claim("flops")
    assert operations(counts.terms, "timm-card") - 2 * fused == card.value


def test_no_publisher_is_forgotten():
    figures = Counter(weights.source for weights in WEIGHTS if weights.claim("flops"))
    assert figures["timm"] >= 75  # cards of the core family
    assert figures["mmpretrain"] >= 31
    assert figures["torchvision"] == 17


def test_the_known_errors_are_named():
    false = {(weights.name, claim.metric) for weights in WEIGHTS for claim in weights.claims if claim.error}
    assert false == {
        ("resnet34_8xb32_in1k", "params"),
        ("resnest200e", "file_size"),
        ("seresnext26t_32x4d", "params"),
        *((name, metric) for name in BROKEN for metric in ("params", "top1", "top5")),
    }


def usual(weights):
    return [counted_at(weights.network, size) for size in sizes(find(weights.network))]


@pytest.mark.parametrize(("weights", "claim"), FIGURES)
def test_explain_reads_a_published_figure_as_its_publisher_meant_it(weights, claim):
    found = explain.explain(find(weights.network), [figure_of(claim)], usual(weights))
    if claim.metric == "flops" and weights.name in EXCEPTIONS:
        assert not found.explained
        assert found.nearest[0].counted in ("timm-card", "macs", "ptflops-aten")
    elif claim.error:
        assert not found.explained
        assert claim.error in found.errors
    else:
        best = found.fits[0]
        assert found.explained
        assert best.counted == (claim.convention or "parameters")
        assert claim.metric == "params" or best.input_px == claim.input_px


@pytest.mark.parametrize(("weights", "claim"), FIGURES)
def test_explain_reads_the_digits_of_a_published_figure_without_being_told_what_they_count(weights, claim):
    if claim.error or weights.name in EXCEPTIONS:
        return
    found = explain.explain(find(weights.network), explain.parse_figure(printed(claim)), usual(weights))
    assert (claim.metric, claim.convention or "parameters") in {(fit.metric, fit.counted) for fit in found.fits}
    assert any(source is weights for source, _ in found.claims)


def printed(claim):
    """The digits as the publisher printed them: all of them, or hundredths of a million or billions."""
    if claim.quantum == 1:
        return str(int(claim.value))
    scale, unit = (10**6, "M") if claim.metric == "params" else (10**9, "G")
    digits = len(str(int(Fraction(scale) / Fraction(claim.quantum)))) - 1
    return f"{claim.value / scale:.{digits}f}{unit}"
