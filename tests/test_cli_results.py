"""`resbench results` on stored validations."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from resbench.accuracy.labels import is_imagenets, superclasses
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
    (told,) = json.loads(run("diff", before, after, "--json").stdout)
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
    (told,) = json.loads(run("diff", *paths, "--json").stdout)
    assert "dtype fp32 -> bf16" in told["differ_in"]


def test_show_tells_the_worst_classes_and_confusions(tmp_path):
    result = run("show", stored(tmp_path / "a.json", (0, 7, 1, 1)), "--rows", "1")
    assert result.exit_code == 0, result.output
    assert "3 of 4 right, 75.00 %" in result.stdout
    assert "tench" in result.stdout
    assert "goldfish" not in result.stdout
    (told,) = json.loads(run("show", str(tmp_path / "a.json"), "--json").stdout)
    assert [row["top1_right"] for row in told["classes"]] == [1, 2]


def test_official_images_are_scored_anew_by_reals_labels(tmp_path):
    # Of the images 1 to 4 ReaL's annotators saw: nothing; 970 and 795; 230 and 231; 809.
    seen, labels = (65, 795, 231, 1), (65, 970, 230, 809)
    path = stored(tmp_path / "a.json", seen, labels, "ILSVRC2012_val_0000000{}.JPEG")
    result = run("show", path)
    assert "1 of 4 right" in result.stdout
    assert "by ReaL's labels: 2 of 3 right, 66.67 %" in result.stdout
    (told,) = json.loads(run("show", path, "--json").stdout)
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
    assert run("show", str(path), "--json").stdout == f"[\n{path.read_text()}]\n"


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


def test_several_validations_are_compared_with_the_first(tmp_path):
    paths = [
        stored(tmp_path / f"{name}.json", seen)
        for name, seen in (("a", (0, 0, 1, 5)), ("b", (0, 7, 1, 1)), ("c", (9, 9, 9, 5)))
    ]
    result = run("diff", *paths)
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert [row[0] for row in rows] == ["A", "B", "C"]
    assert rows[1][2:5] == ["3", "1", "1"]
    assert rows[2][2:5] == ["0", "3", "0"]
    assert float(rows[2][5]) == pytest.approx(2 * stats.binomtest(0, 3).pvalue)  # Holm: the smallest of two, doubled
    assert "of 4 images 0 are right in all, 0 in none; lost and gained since A" in result.stdout
    told = json.loads(run("diff", *paths, "--json").stdout)
    assert [len(other["lost"]) for other in told] == [1, 3]
    assert [other["rank"]["place"] for other in told] == [1, 3]
    assert told[1]["rank_before"] == {"place": 1, "low": 1, "high": 3}
    assert [(other["right_in_all"], other["right_in_none"]) for other in told] == [(0, 0)] * 2
    other = stored(tmp_path / "d.json", (0, 0, 1, 1), labels=(0, 0, 1, 2))
    assert isinstance(run("diff", *paths, other).exception, NotComparableError)


def test_superclasses_are_wordnets():
    """n02120997 (feline) has the classes 281 to 293 (README of github.com/BenediktAlkin/ImageNetUtils); the 16 classes
    of Geirhos et al. 2018 (arXiv 1811.12231) lie within the synsets that they come from."""
    above = superclasses()
    assert sorted(above["feline"]) == list(range(281, 294))
    assert {436, 511, 817} < above["car"]
    assert {555, 569, 656, 675, 717, 734, 864, 867} == above["truck"] | {656, 675}
    assert {472, 554, 625, 814, 914} <= above["boat"]
    assert (len(above["dog"]), len(above["insect"]), len(above["musical instrument"])) == (118, 27, 26)
    assert above["dog"] < above["carnivore"]
    assert above["insect"] < above["arthropod"]


def test_show_has_the_accuracy_on_superclasses(tmp_path):
    path = stored(tmp_path / "a.json", (207, 7, 281, 8), labels=(207, 208, 281, 8))
    (told,) = json.loads(run("show", path, "--json").stdout)
    found = {row["name"]: (row["classes"], row["images"], row["top1_right"]) for row in told["superclasses"]}
    assert found == {"dog": (2, 2, 1), "carnivore": (3, 3, 2), "feline": (1, 1, 1), "bird": (1, 1, 1)}
    assert "superclass (WordNet)" in run("show", path).stdout
    cifar = replace(jsonio.read_record(tmp_path / "a.json"), dataset=replace(EVALUATION.dataset, name="CIFAR-10"))
    (tmp_path / "a.json").write_text(jsonio.dumps(cifar))
    assert is_imagenets(EVALUATION.dataset)
    assert not is_imagenets(cifar.dataset)
