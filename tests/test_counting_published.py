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

FIGURES = [(weights, claim) for weights in WEIGHTS for claim in weights.claims if claim.metric in ("params", "flops")]
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


def test_every_published_figure_is_the_count_in_its_convention_and_rounding():
    wrong = {}
    for weights, claim in FIGURES:
        how = reading.rounding(count_of(weights, claim), figure_of(claim))
        if claim.error or (claim.metric == "flops" and weights.name in EXCEPTIONS):
            right = how is None  # otherwise the figure is right, and the exception has to go
        else:
            right = how in (("exact",) if claim.quantum == 1 else ("exact", "rounded"))
        if not right:
            wrong[weights.name, claim.metric] = how
    assert wrong == {}


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


def read_as_meant(weights, claim):
    found = explain.explain(find(weights.network), [figure_of(claim)], usual(weights))
    if claim.metric == "flops" and weights.name in EXCEPTIONS:
        return not found.explained and found.nearest[0].counted in ("timm-card", "macs", "ptflops-aten")
    if claim.error:
        return not found.explained and claim.error in found.errors
    best = found.fits[0]
    return (
        found.explained
        and best.counted == (claim.convention or "parameters")
        and (claim.metric == "params" or best.input_px == claim.input_px)
    )


def test_explain_reads_every_published_figure_as_its_publisher_meant_it():
    assert [(weights.name, claim.metric) for weights, claim in FIGURES if not read_as_meant(weights, claim)] == []


def read_by_its_digits(weights, claim):
    found = explain.explain(find(weights.network), explain.parse_figure(printed(claim)), usual(weights))
    meant = (claim.metric, claim.convention or "parameters")
    named = any(source is weights for source, _ in found.claims)
    return named and meant in {(fit.metric, fit.counted) for fit in found.fits}


def test_explain_reads_the_digits_of_every_published_figure_without_being_told_what_they_count():
    right = [(weights, claim) for weights, claim in FIGURES if not claim.error and weights.name not in EXCEPTIONS]
    assert len(right) > 250
    assert [(weights.name, printed(claim)) for weights, claim in right if not read_by_its_digits(weights, claim)] == []


def printed(claim):
    """The digits as the publisher printed them: all of them, or hundredths of a million or billions."""
    if claim.quantum == 1:
        return str(int(claim.value))
    scale, unit = (10**6, "M") if claim.metric == "params" else (10**9, "G")
    digits = len(str(int(Fraction(scale) / Fraction(claim.quantum)))) - 1
    return f"{claim.value / scale:.{digits}f}{unit}"
