import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resbench.bench import costs
from resbench.counting import explain, reading
from resbench.errors import ResbenchError
from resbench.report import explain as report


def best(network, text):
    fit = explain.explain_usual(network, text).fits[0]
    return fit.counted, fit.input_px, fit.rounding


@pytest.mark.parametrize(
    ("network", "text", "expected"),
    [
        ("resnet50", "5.28G", ("timm-card", (224, 285), "rounded")),
        ("resnet50", "5282531328", ("timm-card", (224, 285), "exact")),
        ("resnet50", "5,282,531,328", ("timm-card", (224, 285), "exact")),
        ("resnext50_32x4d", "4.27", ("mmcv", (224, 224), "rounded")),
        ("resnext50_32x4d", "4270000000", ("mmcv", (224, 224), "rounded")),
        ("resnet50", "4142627840", ("thop-0.0.22-avgpool7", (224, 224), "single")),
        ("resnet50", "4142713856", ("thop-0.0.22", (224, 224), "single")),
        ("resnet50", "4.12 GFLOPs", ("mmcv", (224, 224), "rounded")),
        ("resnet50", "4.089 GMACs", ("macs", (224, 224), "rounded")),
        ("resnet50", "8.178G", ("torch", (224, 224), "rounded")),
        ("resnet50", "4.111G", ("fvcore", (224, 224), "cut")),
        ("resnet50", "25.56M", ("parameters", (224, 224), "rounded")),
        ("resnet50", "25.56M params", ("parameters", (224, 224), "rounded")),
        ("resnet34", "21800000", ("parameters", (224, 224), "rounded")),
        ("resnet50", "25557032", ("parameters", (224, 224), "exact")),
        ("resnet50", "23508032", ("parameters without the classifier", (224, 224), "exact")),
        ("resnet50", "25.55M", ("parameters", (224, 224), "cut")),
        ("legacy_seresnet152", "66819999", ("parameters", (224, 224), "float")),
        ("resnet20_cifar10", "0.27M", ("parameters", (32, 32), "rounded")),
        ("resnet20_cifar10", "40.6M", ("macs", (32, 32), "rounded")),
    ],
)
def test_the_best_reading_of_a_figure(network, text, expected):
    counted_as, input_px, how = best(network, text)
    assert (counted_as, input_px) == expected[:2]
    assert how == {"cut": "truncated"}.get(expected[2], expected[2])


def test_every_reading_that_gives_the_digits_is_shown():
    names = {(fit.counted, fit.input_px) for fit in explain.explain_usual("resnet50", "4.1G").fits}
    assert {("macs", (224, 224)), ("fvcore", (224, 224)), ("mmcv", (224, 224)), ("thop", (224, 224))} <= names


def test_readings_of_one_count_are_shown_once():
    fits = explain.explain_usual("resnet50", "25560000").fits
    assert len({(fit.counted, fit.input_px) for fit in fits}) == len(fits) == 1


@pytest.mark.parametrize(
    ("network", "text", "reason"),
    [
        ("resnet34", "2.18M", "misprint of 21.80 M"),
        ("resnet34", "2180000", "misprint of 21.80 M"),
        ("inception_resnet_v2", "0.95%", "broken evaluation"),
        ("ens_adv_inception_resnet_v2", "1.00%", "broken evaluation"),
        ("inception_resnet_v2", "55.85M", "results file of 2021"),
        ("seresnext26t_32x4d", "16.82M", "results file of 2021"),
    ],
)
def test_a_known_error_is_named_with_its_reason(network, text, reason):
    found = costs.explanation(network, text)
    assert not found.explained
    assert any(reason in error for error in found.errors)


def test_an_accuracy_is_looked_up_and_not_counted():
    found = explain.explain_usual("resnet50", "79.04%")
    assert found.explained
    assert not found.fits
    assert {claim.metric for _, claim in found.claims} == {"top1"}


def test_a_bare_number_may_be_an_accuracy_in_per_cent():
    found = explain.explain_usual("resnet50", "76.13")
    assert found.explained
    assert {(weights.name, claim.metric) for weights, claim in found.claims} == {
        ("ResNet50_Weights.IMAGENET1K_V1", "top1")
    }


def test_a_figure_that_nothing_gives_shows_the_nearest_and_how_far_off_they_are():
    found = explain.explain_usual("resnet50", "8.5G")
    assert not found.explained
    assert found.nearest[0].meaning == "twice thop"
    assert found.nearest[0].off == pytest.approx(8.5e9 / (2 * 4_133_742_592) - 1)


def test_other_inputs_are_tried_when_the_usual_ones_fail():
    found = costs.explanation("resnet18", "2.37G")
    assert ("macs", (256, 256)) in {(fit.counted, fit.input_px) for fit in found.fits}


def test_an_input_that_is_given_is_the_only_one():
    found = costs.explanation("resnet18", "2.37G", "256")
    assert {fit.input_px for fit in found.fits} == {(256, 256)}
    assert not costs.explanation("resnet18", "2.37G", "224").fits


@pytest.mark.parametrize("text", ["", "abc", "5.28 apples", "5,28G", "-3G", "1e9", "nan", "0", "0.00G"])
def test_what_is_not_a_figure_is_refused_in_one_line(text):
    with pytest.raises(ResbenchError, match=r"^[^\n]*not a figure; give one such as 5\.28G"):
        explain.parse_figure(text)


@pytest.mark.parametrize("size", ["big", "100001"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ResbenchError, match=r"--input-px.*not a size"):
        costs.explanation("resnet18", "2.37G", size)


@given(value=st.integers(10**6, 10**12), digits=st.integers(0, 3))
def test_a_count_gives_its_own_rounded_digits(value, digits):
    figure = explain.parse_figure(f"{value / 1e6:.{digits}f}M")[0]
    assert reading.rounding(value, figure) in ("exact", "rounded")


@given(value=st.integers(10**6, 10**12), other=st.integers(10**6, 10**12))
def test_a_rounding_that_fits_is_within_one_step(value, other):
    figure = reading.Figure(value=Fraction(other), quantum=Fraction(10_000))
    if reading.rounding(value, figure):
        assert abs(value - other) <= 10_000


def test_json_holds_the_readings_the_claims_and_the_errors(capsys):
    report.show_explanation("resnet34", "2.18M", costs.explanation("resnet34", "2.18M"), as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["explained"] is False
    assert shown["errors"] == ["a misprint of 21.80 M"]
    assert shown["claims"][0]["weights"] == "resnet34_8xb32_in1k"


@pytest.mark.parametrize(
    ("network", "text", "line"),
    [
        (
            "resnet50",
            "5.28G",
            "resnet50: 5.28G could be the operations by timm-card at 224x285, rounded from 5,282,531,328",
        ),
        ("resnet34", "2.18M", "resnet34: 2.18M is a known error: a misprint of 21.80 M"),
        ("resnet50", "79.04%", "resnet50: 79.04% was published; it is not something that can be counted"),
        (
            "resnet50",
            "8.51G",
            "resnet50: 8.51G matches no count of this network in any known convention; the nearest are",
        ),
    ],
)
def test_the_first_line_says_it(capsys, network, text, line):
    report.show_explanation(network, text, explain.explain_usual(network, text), as_json=False)
    assert capsys.readouterr().out.splitlines()[0] == line


def test_an_accuracy_that_nobody_published_is_not_searched_for_among_counts(capsys):
    found = explain.explain_usual("resnet50", "12.34%")
    assert found.settled
    assert not found.explained
    report.show_explanation("resnet50", "12.34%", found, as_json=False)
    assert capsys.readouterr().out.strip() == "resnet50: 12.34% was published for none of its checkpoints in the table"
