"""Networks of timm and torchvision are truth for names that the table does not have; guesses never accuse."""

from dataclasses import replace
from pathlib import Path

import pytest

from resbench.lint import guestcounts
from resbench.lint.coverage import coverage
from resbench.lint.lint import lint
from resbench.lint.parse import parse
from resbench.lint.problem import Level
from resbench.records.record import Counts, Terms
from tests import examples

KNOWN = {"timm": {"vgg16": 138_357_544, "swin_tiny_patch4_window7_224": 28_288_354}, "torchvision": {}}


def cost(size_px: int, macs: int, activations: int) -> Counts:
    size = (size_px, size_px)
    terms = Terms(conv=macs, bias_macs=0, relu_last=0, maxpool_side=0, avgpool_side=0)
    return replace(examples.COUNTS, input_px=size, activations=activations, terms=terms)


# Published by timm (results/benchmark-infer-*.csv) and torchvision (its _ops): 15.47 billion, 13.56 million.
COSTS = {("vgg16", (224, 224)): cost(224, 15_470_264_320, 13_556_712)}


@pytest.fixture
def libraries(monkeypatch):
    monkeypatch.setattr(guestcounts, "installed", lambda: tuple(KNOWN))
    monkeypatch.setattr(guestcounts, "params_of", lambda library, name: KNOWN[library].get(name, 0))
    monkeypatch.setattr(guestcounts, "costs_of", lambda _, name, size, fused=True: COSTS.get((name, size)))
    monkeypatch.setattr(guestcounts, "usual_side", lambda *_: 224)


def judged(name: str, figure: str, heading: str = "Top-1 (%)", other: str = "71.6"):
    page = f"| Model | Params (M) | {heading} |\n| --- | --- | --- |\n| {name} | {figure} | {other} |\n"
    document = parse(Path("card.md"), page)
    problems = lint([document], records=Path("absent"))
    return problems, coverage([document], problems)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("name", "figure", "guest"),
    [
        ("vgg16", "138.36", "timm:vgg16"),
        ("timm/vgg16.tv_in1k", "138.4", "timm:vgg16"),
        ("vgg16_8xb32_in1k", "138.36", "timm:vgg16"),
        ("swin-tiny_16xb64_in1k", "28.29", "timm:swin_tiny_patch4_window7_224"),
    ],
)
def test_a_librarys_count_is_true(name, figure, guest):
    (problem,), covered = judged(name, figure)
    assert (problem.code, problem.level) == ("T001", Level.NOTE)
    assert f"true, {guest} has" in problem.message
    assert (covered.checked, covered.true) == (1, 1)


@pytest.mark.usefixtures("libraries")
def test_another_count_of_the_very_name_is_a_warning_and_of_a_guessed_name_nothing():
    (problem,), _ = judged("vgg16", "88.10")
    assert problem.level is Level.WARNING
    assert "timm:vgg16 has 138,357,544" in problem.message
    (guessed,), covered = judged("swin-tiny_16xb64_in1k", "88.10")
    assert guessed.code == "F011"
    assert covered.checked == 0


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("heading", "figure", "code", "where"),
    [
        ("GMACs", "15.47", "T002", "under macs, 15,470,264,320 of timm:vgg16 at 224x224"),
        ("FLOPs (G)", "30.94", "T002", "under torch, 30,940,528,640 of timm:vgg16 at 224x224"),
        ("Activations (M)", "13.56", "T015", "true, 13,556,712 of timm:vgg16 at 224x224"),
        ("macts", "13.6", "T015", "true, 13,556,712"),
    ],
)
def test_a_librarys_costs_are_true(heading, figure, code, where):
    problems, covered = judged("vgg16", "138.36", heading, figure)
    assert [(problem.code, problem.level) for problem in problems] == [("T001", Level.NOTE), (code, Level.NOTE)]
    assert where in problems[1].message
    assert (covered.read, covered.checked, covered.true) == (2, 2, 2)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("heading", "figure", "message"),
    [
        ("GMACs", "16.47", "no known count; 6.5 % above macs, 15,470,264,320 of timm:vgg16 at 224x224"),
        ("GMACs", "30.94", "no known count; 100.0 % above macs"),
        ("Activations (M)", "20.1", "no known count; the nearest is 13,556,712 of timm:vgg16 at 224x224"),
    ],
)
def test_other_costs_of_the_very_network_are_warnings_with_the_distance(heading, figure, message):
    problem = next(problem for problem in judged("vgg16", "138.36", heading, figure)[0] if problem.code != "T001")
    assert (problem.level, problem.fix) == (Level.WARNING, "say what it counts")
    assert message in problem.message


@pytest.mark.usefixtures("libraries")
def test_costs_of_a_network_with_other_parameters_or_a_guessed_name_are_not_compared():
    (other,), _ = judged("vgg16", "88.10", "GMACs", "9.90")
    assert other.code == "T001"
    (guessed,), covered = judged("vgg16_8xb32_in1k", "138.36", "GMACs", "9.90")
    assert guessed.level is Level.NOTE
    assert (covered.read, covered.checked) == (2, 1)


# What MMPretrain states of its models (configs/*/metafile.yml at ee7f2e88501f), and what timm calls them.
MMPRETRAINS = [
    ("regnetx-800mf_8xb128_in1k", 7260000, "regnetx_008"),
    ("regnetx-4.0gf_8xb64_in1k", 22120000, "regnetx_040"),
    ("regnetx-12gf_8xb64_in1k", 46110000, "regnetx_120"),
    ("mobilenet-v3-small-050_3rdparty_in1k", 1590000, "mobilenetv3_small_050"),
    ("efficientnetv2-s_3rdparty_in1k", 21458488, "tf_efficientnetv2_s"),
    ("edgenext-xxsmall_3rdparty_in1k", 1327216, "edgenext_xx_small"),
    ("swin-base_3rdparty_in1k-384", 87900000, "swin_base_patch4_window12_384"),
    ("swinv2-base-w16_3rdparty_in1k-256px", 87920000, "swinv2_base_window16_256"),
    ("swinv2-base-w24_in21k-pre_3rdparty_in1k-384px", 87920000, "swinv2_base_window12to24_192to384"),
    ("vit-base-p16_in21k-pre_3rdparty_in1k-384px", 86859496, "vit_base_patch16_384"),
    ("vit-base-p16_clip-openai-pre_3rdparty_in1k", 86568424, "vit_base_patch16_clip_224"),
    ("vit-small-p14_dinov2-pre_3rdparty", 22056000, "vit_small_patch14_dinov2"),
]


@pytest.mark.parametrize(("name", "params", "timms"), MMPRETRAINS)
def test_mmpretrains_names_are_those_of_timm(name, params, timms, monkeypatch):
    monkeypatch.setattr(guestcounts, "installed", lambda: ("timm",))
    monkeypatch.setattr(guestcounts, "params_of", lambda _, known: params if known == timms else 0)
    (problem,), _ = judged(name, f"{params / 1e6:.2f}")
    assert f"true, timm:{timms} has {params:,}" in problem.message


@pytest.mark.reference
def test_timms_networks_have_the_parameters_that_mmpretrain_states():
    pytest.importorskip("timm")
    rows = "".join(f"| {name} | {params / 1e6:g} |\n" for name, params, _ in MMPRETRAINS)
    problems = lint([parse(Path("card.md"), f"| Model | Params (M) |\n|---|---|\n{rows}")], records=Path("absent"))
    assert [problem.level for problem in problems] == [Level.NOTE] * len(MMPRETRAINS)
    for problem, (_, _, timms) in zip(problems, MMPRETRAINS, strict=True):
        assert f"true, timm:{timms} has" in problem.message


# What timm publishes of its networks (results/benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv, at aa4b5850c154).
TIMMS = """
| model | img_size | param_count | gmacs | macts |
|---|---|---|---|---|
| vit_tiny_patch16_224.augreg_in21k_ft_in1k | 224 | 5.72 | 1.26 | 5.97 |
| mobilenetv2_100.ra_in1k | 224 | 3.5 | 0.31 | 6.68 |
| efficientnet_b0.ra4_e3600_r224_in1k | 256 | 5.29 | 0.52 | 8.81 |
| convnext_tiny.fb_in1k | 288 | 28.59 | 7.39 | 22.21 |
| regnety_032.ra_in1k | 224 | 19.44 | 3.2 | 11.26 |
| densenet121.ra_in1k | 288 | 7.98 | 4.74 | 11.41 |
| mixer_b16_224.goog_in21k_ft_in1k | 224 | 59.88 | 12.62 | 14.53 |
| vgg16.tv_in1k | 224 | 138.36 | 15.47 | 13.56 |
| hrnet_w18.ms_aug_in1k | 224 | 21.3 | 4.32 | 16.31 |
"""


@pytest.mark.reference
def test_what_timm_publishes_of_its_networks_is_true():
    pytest.importorskip("timm")
    document = parse(Path("card.md"), TIMMS)
    problems = lint([document], records=Path("absent"))
    assert [problem for problem in problems if problem.level is not Level.NOTE] == []
    covered = coverage([document], problems)
    assert covered.read == covered.true == 27


def test_without_the_libraries_nothing_is_known_and_the_coverage_says_so(monkeypatch):
    monkeypatch.setattr("resbench.lint.coverage.installed", lambda: ())
    monkeypatch.setattr(guestcounts, "installed", lambda: ())
    (problem,), covered = judged("vgg16", "138.36")
    assert problem.code == "F011"
    assert "(timm and torchvision are not installed)" in covered.text
