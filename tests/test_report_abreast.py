"""`resbench compare`: networks, checkpoints and records side by side, differences marked, with one verdict line."""

import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records import predictions
from resbench.records.predictions import ROW, Predictions
from resbench.records.record import Cluster
from resbench.records.store import path_of, save
from tests.examples import EVALUATION, MACHINE, PROFILE, SETTINGS, series
from tests.imported import modules_after

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def scattered(scale_ms, seed):
    """A series whose clusters scatter by two per cent."""
    chance = np.random.default_rng(seed)
    whole = series(scale=scale_ms)
    clusters = []
    for _ in range(12):
        times = tuple(int(1e6 * scale_ms * math.exp(0.02 * chance.standard_normal())) for _ in range(3))
        clusters.append(Cluster(wall_ns=times, cpu_ns=times))
    return replace(whole, launches=(replace(whole.launches[0], clusters=tuple(clusters)),))


def profiled(network, scale_ms, **changes):
    return save(replace(PROFILE, network=network, series=(scattered(scale_ms, len(network)),), **changes), RESULTS)


def validated(network, seen, name=None):
    """Save a validation of 40 images of class 0 with the answers `seen`."""
    rows = np.zeros(40, ROW)
    rows["place"], rows["top5"][:], rows["logits"][:, 0] = np.arange(40), 900, 1
    rows["top5"][:, 0] = seen
    found = Predictions(names=tuple(f"{k}.jpg" for k in range(40)), rows=rows)
    right = int(predictions.top1(rows).sum())
    record = replace(
        EVALUATION,
        network=network,
        weights=name or f"{network}.pth",
        images=40,
        dataset=replace(EVALUATION.dataset, images=40),
        top1_right=right,
        top5_right=int(predictions.top5(rows).sum()),
        predictions_sha256=found.sha256,
    )
    path = save(record, RESULTS)
    predictions.save_predictions(found, path.with_suffix(".npz"))
    return path


def run(*words):
    return CliRunner().invoke(app, ["compare", *words])


def shown(*words):
    """Rows by name: (whether marked, cells)."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    return {line[1]: (line[0] == "≠", line[2:]) for line in lines}, result.stdout.splitlines()[-1]


def plain(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_differences_of_architecture_and_counts_are_marked_without_torch():
    rows, last = shown("resnet50", "resnext50_32x4d")
    assert rows["groups"] == (True, ["1", "32"])
    assert rows["width_per_group"] == (True, ["64", "4"])
    assert rows["depths"] == (False, ["3 4 6 3", "3 4 6 3"])
    assert rows["parameters"] == (True, ["25,557,032", "25,028,904 (0.979)"])  # torchvision's documentation
    assert rows["settings"] == (False, ["no record", "no record"])
    advice = "(`resbench profile NAME --save` makes one); "
    assert last.startswith(f"verdict: speeds are not comparable: no profile of resnet50, resnext50_32x4d {advice}")
    assert "smallest: resnext50_32x4d (25.03 M parameters)" in last
    assert modules_after("compare", "resnet50", "resnext50_32x4d").isdisjoint({"torch", "pandas"})


def test_speeds_have_a_ratio_to_the_first_with_welchs_interval():
    paths = [profiled("resnet18", 10.0), profiled("resnet34", 20.0), profiled("resnet50", 21.0)]
    found = plain("resnet18", "resnet34", "resnet50")
    (timing,) = found["speeds"]
    records = [json.loads(path.read_text()) for path in paths]
    logs = [
        [math.log(np.median(cluster["wall_ns"])) for cluster in one["series"][0]["launches"][0]["clusters"]]
        for one in records
    ]
    interval = stats.ttest_ind(logs[1], logs[0], equal_var=False).confidence_interval()
    ratio = timing["ratio"][1]
    assert ratio["estimate"] == pytest.approx(math.exp(fmean(logs[1]) - fmean(logs[0])))
    assert (ratio["low"], ratio["high"]) == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    assert found["verdict"].startswith("fastest: resnet18, ")
    assert " times as fast as resnet34 in latency b1" in found["verdict"]
    close = plain("resnet34", "resnet50")["verdict"]
    assert close.startswith("resnet34 and resnet50 are too close in latency b1 for separate runs (under 25%)")


def test_the_records_that_names_have_in_common_are_compared():
    other = replace(SETTINGS, dtype="bf16")
    profiled("resnet18", 10.0)
    late = replace(PROFILE.run, started="2026-03-01T00:00:00+00:00")
    profiled("resnet18", 5.0, settings=other, run=late)
    profiled("resnet34", 20.0)
    found = plain("resnet18", "resnet34")
    assert [one["settings"]["dtype"] for one in found["compared"]] == ["fp32", "fp32"]
    assert plain("resnet18", "resnet50")["compared"][0]["settings"]["dtype"] == "bf16"  # the newest


def test_records_and_folders_are_compared_and_what_differs_is_said():
    machine = replace(MACHINE, device_name="Other CPU")
    first = profiled("resnet18", 10.0)
    second = profiled("resnet18", 30.0, environment=replace(PROFILE.environment, machine=machine))
    rows, last = shown(str(first), str(second.parent))
    assert rows["machine"] == (True, ["cpu-example-cpu-2c", "cpu-other-cpu-2c"])
    assert "fastest: A, " in last
    assert "in latency b1 (on different machines)" in last
    assert f"A: {first}" in run(str(first), str(second.parent)).stdout.splitlines()


def test_accuracies_on_the_same_images_are_tested_in_pairs():
    validated("resnet18", [0] * 20 + [1] * 20)
    validated("resnet34", [0] * 34 + [1] * 6)
    found = plain("resnet18", "resnet34")
    (gap,) = found["accuracy"]
    assert (gap["lost"], gap["gained"], gap["change"]) == (0, 14, pytest.approx(14 / 40))
    assert gap["p_value"] == pytest.approx(stats.binomtest(0, 14).pvalue)
    bounds = stats.binomtest(14, 14).proportion_ci(method="exact")
    assert gap["low"] == pytest.approx((2 * bounds.low - 1) * 14 / 40)
    assert "most accurate: resnet34, by +35.00 " in found["verdict"]
    validated("resnet50", [0] * 33 + [1] * 7)
    assert "accuracies of resnet34 and resnet50 do not differ significantly" in plain("resnet34", "resnet50")["verdict"]
    three = plain("resnet18", "resnet34", "resnet50")["verdict"]  # the best is no better than the second
    assert "accuracies of resnet34 and resnet50 do not differ significantly" in three


def test_without_predictions_counts_alone_decide():
    for network, seen in (("resnet18", [0] * 20 + [1] * 20), ("resnet34", [0] * 34 + [1] * 6)):
        validated(network, seen).with_suffix(".npz").unlink()
    (gap,) = plain("resnet18", "resnet34")["accuracy"]
    assert gap["p_value"] is None
    before, after = (stats.binomtest(right, 40).proportion_ci(method="wilson") for right in (20, 34))
    low = 14 / 40 - math.hypot(34 / 40 - after.low, before.high - 20 / 40)  # Newcombe 1998, method 10
    high = 14 / 40 + math.hypot(after.high - 34 / 40, 20 / 40 - before.low)
    assert (gap["low"], gap["high"]) == pytest.approx((low, high))
    rows, last = shown("resnet18", "resnet34")
    assert "(by counts alone)" in rows["top-1 to the first"][1][1]
    assert "most accurate: resnet34" in last


def test_other_images_are_not_compared():
    first = validated("resnet18", [0] * 40)
    elsewhere = replace(EVALUATION, network="resnet34", predictions_sha256=None)
    second = save(elsewhere, RESULTS)
    found = plain(str(first), str(second))
    assert found["accuracy"] == [None]
    assert "accuracies are not comparable: validated on different images" in found["verdict"]


def test_a_checkpoint_is_compared_by_its_own_published_accuracy():
    found = plain("gluon_seresnext50_32x4d", "resnet50")
    assert [one["network"] for one in found["compared"]] == ["seresnext50_32x4d", "resnet50"]
    assert found["compared"][0]["published_top1"] == pytest.approx(0.7992)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("resnet50",), "resnet50: nothing to compare it with; give two or more"),
        (("resnet50", "resnet51"), "unknown network 'resnet51'; did you mean"),
        (("resnet50", "nowhere.json"), "nowhere.json: No such file"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words, why):
    error = run(*words).exception
    assert isinstance(error, ResbenchError)
    assert why in str(error)
    assert "\n" not in str(error)


def test_a_folder_of_several_networks_is_refused():
    path = profiled("resnet18", 10.0)
    profiled("resnet34", 10.0)
    assert path == RESULTS / path_of(replace(PROFILE, network="resnet18"))
    error = run("resnet50", "results").exception
    assert "results: holds records of resnet18, resnet34; give those of one network" in str(error)


def test_a_network_of_ones_own_is_counted_and_has_the_parts_that_are_known(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\n\ndef build():\n"
        "    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))\n"
    )
    found = plain("mine.py:build", "resnet18")
    assert found["counts"]["parameters"] == [(3 * 9 * 8 + 8) + (8 * 10 + 10), 11_689_512]
    assert found["architecture"]["built by"] == ["mine.py:build", None]
    assert "smallest: mine.py:build" in found["verdict"]
