"""`resbench results` on stored validations."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import NotComparableError, ResbenchError
from resbench.records import jsonio, predictions
from resbench.records.predictions import ROW, Predictions
from resbench.records.record import Kernels
from tests.examples import EVALUATION, PROFILE


def stored(path, seen, labels=(0, 0, 1, 1), name="{}.jpg"):
    rows = np.zeros(len(labels), ROW)
    rows["place"], rows["label"] = np.arange(len(labels)), labels
    rows["top5"][:] = 900
    rows["top5"][:, 0] = seen
    rows["logits"][:, 0] = 1
    found = Predictions(names=tuple(name.format(k) for k in range(1, len(labels) + 1)), rows=rows)
    predictions.save_predictions(found, predictions.path_beside(path))
    record = replace(
        EVALUATION,
        images=len(labels),
        top1_right=int(predictions.top1(rows).sum()),
        top5_right=int(predictions.top5(rows).sum()),
        predictions_sha256=found.sha256,
    )
    path.write_text(jsonio.dumps(record))
    return str(path)


def run(*words):
    return CliRunner().invoke(app, ["results", *words])


def test_diff_shows_what_was_lost_and_gained(tmp_path):
    before, after = stored(tmp_path / "a.json", (0, 0, 1, 5)), stored(tmp_path / "b.json", (0, 7, 1, 1))
    result = run("diff", before, after)
    assert result.exit_code == 0, result.output
    assert "1 lost" in result.stdout
    assert "1 gained" in result.stdout
    assert "p = 1" in result.stdout
    assert "differ in: nothing but the time of the run" in result.stdout
    assert "cock" in result.stdout  # class 7, seen instead of a tench
    told = json.loads(run("diff", before, after, "--json").stdout)
    assert told["lost"] == [{"name": "2.jpg", "label": 0, "before": 0, "after": 7}]


def test_diff_names_what_differs_between_two_runs_of_one_name(tmp_path):
    paths = [stored(tmp_path / name, (0, 0, 1, 5)) for name in ("a.json", "b.json")]
    half = replace(
        jsonio.read_record(tmp_path / "b.json"),
        weights_sha256="cd" * 32,
        settings=replace(EVALUATION.settings, dtype="bf16"),
        pixels=replace(EVALUATION.pixels, interpolation="bicubic"),
    )
    (tmp_path / "b.json").write_text(jsonio.dumps(half))
    shown = run("diff", *paths).stdout
    for words in ("-> cdcdcdcd", "dtype fp32 -> bf16", "interpolation bilinear -> bicubic"):
        assert words in shown
    assert "dtype fp32 -> bf16" in json.loads(run("diff", *paths, "--json").stdout)["differ_in"]


def test_show_tells_the_worst_classes_and_confusions(tmp_path):
    result = run("show", stored(tmp_path / "a.json", (0, 7, 1, 1)), "--limit", "1")
    assert result.exit_code == 0, result.output
    assert "3 of 4 right, 75.00 %" in result.stdout
    assert "tench" in result.stdout
    assert "goldfish" not in result.stdout
    told = json.loads(run("show", str(tmp_path / "a.json"), "--json").stdout)
    assert [row["top1_right"] for row in told["classes"]] == [1, 2]


def test_official_images_are_scored_anew_by_reals_labels(tmp_path):
    # Of the images 1 to 4 ReaL's annotators saw: nothing; 970 and 795; 230 and 231; 809.
    seen, labels = (65, 795, 231, 1), (65, 970, 230, 809)
    path = stored(tmp_path / "a.json", seen, labels, "ILSVRC2012_val_0000000{}.JPEG")
    result = run("show", path)
    assert "1 of 4 right" in result.stdout
    assert "by ReaL's labels: 2 of 3 right, 66.67 %" in result.stdout
    told = json.loads(run("show", path, "--json").stdout)
    assert (told["real_top1_right"], told["real_images"]) == (2, 3)
    assert "by ReaL" not in run("show", stored(tmp_path / "b.json", (0, 0, 1, 1))).stdout


def test_what_does_not_belong_together_is_refused(tmp_path):
    before = stored(tmp_path / "a.json", (0, 0, 1, 1))
    other = stored(tmp_path / "b.json", (0, 0, 1, 1), labels=(0, 0, 1, 2))
    assert isinstance(run("diff", before, other).exception, NotComparableError)
    (tmp_path / "a.npz").write_bytes((tmp_path / "b.npz").read_bytes())
    assert "another run" in str(run("show", before).exception)
    (tmp_path / "a.npz").unlink()
    assert "no predictions beside the record" in str(run("show", before).exception)
    (tmp_path / "p.json").write_text(jsonio.dumps(PROFILE))
    refused = run("diff", str(tmp_path / "p.json"), other).exception
    assert isinstance(refused, ResbenchError)
    assert "a profile, not a validation" in str(refused)


def test_a_profile_is_shown_as_when_it_was_made_and_as_json_byte_for_byte(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(jsonio.dumps(PROFILE))
    assert "25,028,904" in run("show", str(path)).stdout
    assert run("show", str(path), "--json").stdout == path.read_text()


def test_a_series_without_samples_is_passed_over(tmp_path):
    whole = PROFILE.series[0]
    path = tmp_path / "p.json"
    path.write_text(jsonio.dumps(replace(PROFILE, series=(replace(whole, batch_size=77, launches=()), whole))))
    result = run("show", str(path))
    assert result.exit_code == 0
    assert [line.split("│")[2].strip() for line in result.stdout.splitlines() if "│ latency " in line] == ["1"]


def test_kernels_and_operators_are_shown_of_profiles_that_have_them(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(jsonio.dumps(PROFILE))
    assert not {"operators", "kernels"} & set(run("show", str(path)).stdout.split())
    graph = Kernels(batch_size=8, launches=1, kernels=1_234)
    path.write_text(jsonio.dumps(replace(PROFILE, counts=replace(PROFILE.counts, operators=174), kernels=(graph,))))
    rows = [re.findall("[a-z0-9,]+", line) for line in run("show", str(path)).stdout.splitlines()]
    assert ["operators", "174"] in rows
    assert ["1,234", "8", "1"] in rows


@pytest.mark.parametrize("command", ["show", "diff"])
def test_help_has_an_example(command):
    assert "Examples:" in run(command, "--help").stdout
