"""The plots of cards: figures that others published or that records hold, intervals, round ticks, noise."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from resbench.cards import facts, huggingface, mmpretrain, plots, relatives, render, timm
from resbench.cards.plots import Measurement
from resbench.zoo.find import checkpoints, find
from resbench.zoo.places import OWN_FAMILY
from tests import examples

SVG = "{http://www.w3.org/2000/svg}"


def profile(network: str, scale: float, noise: str = "quiet"):
    conditions = replace(examples.CONDITIONS, noise=noise)
    environment = replace(examples.ENVIRONMENT, conditions=conditions)
    return replace(examples.PROFILE, network=network, series=(examples.series(scale=scale),), environment=environment)


RECORDS = {
    "a.json": profile("resnet18", 10.0),
    "b.json": profile("resnet34", 20.0, "overloaded"),
    "c.json": profile("resnet50", 40.0),
    "d.json": replace(profile("resnet101", 80.0), settings=replace(examples.SETTINGS, threads=8)),
}


def test_a_network_stands_among_the_published_accuracies_of_others():
    card = facts.gather(find("resnext50_32x4d"), {})
    shown = relatives.by_macs(card)
    own = {spot.name: (spot.x, spot.y) for spot in shown.spots if spot.kinship == "own"}
    assert own["resnext50-32x4d_8xb32_in1k"] == (4_230_479_872, pytest.approx(77.90))  # Open-MMLab's table
    assert own["ResNeXt50_32X4D_Weights.IMAGENET1K_V2"] == (4_230_479_872, pytest.approx(81.198))  # torchvision's
    assert len(own) == len(checkpoints("resnext50_32x4d"))
    others = {spot.name: spot for spot in shown.spots if spot.kinship != "own"}
    assert others["resnet18"].kinship == "other"
    assert others["resnext101_32x8d"].kinship == "family"
    assert "resnext50_32x4d" not in others
    assert "resnet20_cifar10" not in others  # of other images


def test_what_nobody_published_has_no_plot():
    assert relatives.by_macs(facts.gather(find("plain34"), {})) is None
    assert render.pictures(facts.gather(find("plain34"), {})).accuracy is None


def test_latencies_are_compared_on_one_machine_in_one_setting():
    shown = relatives.by_latency(facts.gather(find("resnet50"), RECORDS))
    assert [spot.name for spot in shown.spots] == ["resnet18", "resnet34", "resnet50"]  # resnet101 ran with 8 threads
    assert [round(spot.x) for spot in shown.spots] == [10, 20, 40]
    assert all(spot.x_bounds[0] < spot.x < spot.x_bounds[1] for spot in shown.spots)
    assert [bool(spot.doubt) for spot in shown.spots] == [False, True, False]
    assert relatives.by_latency(facts.gather(find("resnet101"), RECORDS)) is None
    assert relatives.by_latency(facts.gather(find("resnet152"), RECORDS)) is None


def test_a_noisy_latency_is_an_outline_and_intervals_are_bars():
    svg = render.pictures(facts.gather(find("resnet50"), RECORDS)).latency.svg
    assert "outline: in doubt, as on a busy machine" in svg
    outlines = [dot for dot in ET.fromstring(svg).iter(f"{SVG}circle") if dot.get("fill") == "none"]
    assert len(outlines) == 1
    quiet = RECORDS | {"b.json": profile("resnet34", 20.0)}
    svg = render.pictures(facts.gather(find("resnet50"), quiet)).latency.svg
    assert "outline" not in svg
    bars = [path.get("d") for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("stroke-opacity") == "0.6"]
    assert sum(path.count("H") for path in bars) == 3


@pytest.mark.parametrize("name", ["resnext50_32x4d", "resnet18", "resnet20_cifar10", "resnest50d"])
def test_a_plot_is_inside_its_frame_titled_and_described(name):
    for picture in render.pictures(facts.gather(find(name), {})).files(name).values():
        root = ET.fromstring(picture.svg)
        _, _, width, height = map(float, root.get("viewBox").split())
        assert root.find(f"{SVG}title").text.startswith(name)
        for path in root.iter(f"{SVG}path"):
            for x, y in re.findall(r"M([\d.]+) ([\d.]+)", path.get("d")):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height
    described = ET.fromstring(render.pictures(facts.gather(find(name), {})).accuracy.svg).find(f"{SVG}desc").text
    best = max(claim.value for row in checkpoints(name) if (claim := row.claim("top1")) and not claim.error)
    assert f"{100 * best:.2f} % at " in described


@pytest.mark.parametrize(
    ("low", "high", "is_log", "ticks"),
    [
        (71.3, 86.1, False, [72, 74, 76, 78, 80, 82, 84, 86]),
        (0, 0.9, False, [0, 0.2, 0.4, 0.6, 0.8]),
        (0, 2500, False, [0, 500, 1000, 1500, 2000, 2500]),
        (1.7e9, 1.6e11, True, [2e9, 3e9, 5e9, 1e10, 2e10, 3e10, 5e10, 1e11]),
        (12, 17, True, [12, 13, 14, 15, 16, 17]),
        (1, 1e9, True, [1, 100, 1e4, 1e6, 1e8]),
    ],
)
def test_ticks_are_round(low, high, is_log, ticks):
    assert plots.Axis(low, high, 0, 100, is_log=is_log).ticks() == pytest.approx(ticks)


def test_a_curve_has_a_point_per_size_with_its_interval_and_says_what_is_in_doubt():
    assert plots.throughput_plot({}) is None
    points = [
        Measurement(batch_size=1, rate=10.0, low=9.0, high=11.0),
        Measurement(batch_size=8, rate=50.0, doubt="b<c"),
    ]
    root = ET.fromstring(plots.throughput_plot({"a <b>": points}).svg)
    assert len(list(root.iter(f"{SVG}circle"))) == 3  # and one that says whose colour it is
    assert "a <b>; outline: b<c" in [part.text for part in root.iter(f"{SVG}text")]
    assert sum(path.get("stroke-width") == "4" for path in root.iter(f"{SVG}path")) == 1


def test_a_card_begins_with_a_sentence_about_what_people_ask_for_first():
    text = render.card_text(facts.gather(find("resnet50"), RECORDS))
    sentence = text.split("\n\n")[2].split("\n")[0]
    assert sentence.startswith(
        "A network of the family ResNet with 25.56 M parameters and 4.09 G multiply-adds at 224x224; published top-1 on"
    )
    assert sentence.endswith("; latency 40.4 ms at batch 1 on cpu-example-cpu-2c (fp32, 1 thread).")
    own = facts.gather(replace(find("resnet50"), family=OWN_FAMILY), {})
    assert "\nA network with 25.56 M parameters and 4.09 G multiply-adds at 224x224; " in render.card_text(own)


def test_one_figure_leads_and_the_other_conventions_fold_away():
    text = render.card_text(facts.gather(find("resnet50"), {}))
    shown, folded = text.partition("</details>")[0].split("<details>")
    assert "| 25,557,032 | 4,089,184,256 |" in shown
    assert "`fvcore`" not in shown
    assert "| `fvcore` | 4,111,512,576 | 224x224 |" in folded
    assert folded.split("\n\n")[0].strip() == '<summary>What other tools print as "FLOPs"</summary>'


def test_every_style_carries_ones_own_speeds_and_accuracies():
    weights = "gluon_resnext50_32x4d"
    accuracy = replace(examples.EVALUATION, network="resnext50_32x4d", weights=weights)
    records = {"a.json": profile("resnext50_32x4d", 10.0), "b.json": accuracy}
    cards = [facts.gather(find("resnext50_32x4d"), records)]
    mmlab = [facts.gather(find("resnext50_32x4d"), records, "mmcv")]
    pages = (
        render.default_pages(cards)["resnext50_32x4d.md"],
        timm.timm_pages(cards)["gluon-resnext.md"],
        mmpretrain.mmpretrain_pages(mmlab)["configs/resnext/README.md"],
        huggingface.huggingface_pages(cards)[f"{weights}/README.md"],
    )
    for page in pages:  # four clusters each at 10.01, 10.11 and 10.21 ms; t interval of their logs
        assert "| latency | 1 | 10.1 ms | 10.1 ms to 10.2 ms |" in page
        assert "79.00 %" in page
        assert "`a.json`" in page
        assert "`b.json`" in page


def test_pictures_lie_beside_every_checkpoint_of_the_hub():
    pages = huggingface.huggingface_pages([facts.gather(find("resnet18"), {})])
    shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", pages["resnet18/README.md"])
    assert shown == ["img/resnet18.svg", "img/resnet18-accuracy.svg"]
    assert all(pages[f"resnet18/{path}"].startswith("<!-- Generated") for path in shown)
