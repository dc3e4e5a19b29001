"""`resbench list` with records: what was measured stands beside the table, and what lacks a record can be measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench import environment
from resbench.bench import profiles
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.store import path_of, save
from tests.examples import EVALUATION, MACHINE, PROFILE, SETTINGS, series
from tests.imported import modules_after

HERE = replace(
    PROFILE.environment,
    machine=replace(MACHINE, device_name=environment.cpu_model(), cpu_cores=environment.cpu_cores()),
)


def profiled(network, scale_ms, **changes):
    settings = replace(SETTINGS, dtype=changes.pop("dtype", "fp32"))
    changes = {"environment": HERE, "settings": settings} | changes
    return replace(PROFILE, network=network, series=(series(scale=scale_ms),), **changes)


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for record in (
        profiled("resnet50", 18.0),
        profiled("resnet50", 12.0, dtype="bf16"),
        profiled("resnet50", 3.0, environment=PROFILE.environment),
        profiled("resnet101", 30.0),
        profiled("resnet18", 5.0),
    ):
        save(record, tmp_path / "results")


def run(*words):
    return CliRunner().invoke(app, ["list", *words])


def listed(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_nothing_found_is_said():
    assert "no network meets these conditions" in run("--where", "params < 1").stderr
    assert "no network" not in run("--where", "params < 1000000").stderr


def test_the_question_of_the_help_is_answered_for_this_machine():
    found = listed("--where", "latency_ms < 20 and top1 > 78", "--machine", "here")
    assert [(row["network"], row["dtype"]) for row in found] == [("resnet50", "bf16")]
    assert found[0]["latency_ms"] == pytest.approx(12, rel=0.02)
    assert found[0]["top1_source"] == "published"
    found = listed("--where", "latency_ms < 20 and top1 > 78 and dtype == 'fp32'", "--machine", "here")
    assert found[0]["latency_ms"] == pytest.approx(18, rel=0.02)
    assert listed("resnet50")[0]["latency_ms"] == pytest.approx(3, rel=0.02)


def test_a_network_without_a_record_says_so_and_stays_in_its_place():
    found = listed("resnet*", "--machine", "here")
    assert [row["network"] for row in found[:3]] == ["resnet18", "resnet26", "resnet34"]
    assert (found[1]["record"], found[1]["latency_ms"], found[1]["top1_source"]) == (None, None, "published")
    text = run("resnet18", "resnet34", "--machine", "here").stdout
    (line,) = [line for line in text.splitlines() if "resnet34" in line]
    assert "no record" in line


def test_measured_columns_order_the_table():
    found = listed("resnet18", "resnet50", "resnet101", "resnet34", "--sort", "latency_ms", "--machine", "here")
    assert [row["network"] for row in found] == ["resnet18", "resnet50", "resnet101", "resnet34"]


def test_what_may_fit_and_has_no_record_is_named():
    result = run("--where", "latency_ms < 20 and top1 > 78", "--machine", "here")
    assert "--measure profiles what is missing" in result.stderr
    assert "resnet101" not in result.stderr  # too slow
    assert "plain18" not in result.stderr  # of no known accuracy
    assert "--measure" not in run("--where", "top1 > 78").stderr


def test_what_is_missing_is_measured_saved_and_listed(tmp_path, monkeypatch):
    asked = []

    def profile_each(networks, profiling, *, root, on_progress):
        for network in networks:
            asked.append(network.name)
            record = profiled(network.name, 7.0)
            yield profiles.Outcome(network=network.name, record=record, path=save(record, root))

    monkeypatch.setattr(profiles, "profile_each", profile_each)
    result = run("resnet1*", "resnet34", "--where", "latency_ms < 20 and top1 > 72", "--measure")
    assert "resnet34" in asked
    assert not {"resnet18", "resnet101"} & set(asked)
    assert (tmp_path / "results" / path_of(profiled("resnet34", 7.0))).exists()
    assert "saved results" in result.stderr
    assert [line for line in result.stdout.splitlines() if "resnet34" in line]
    asked.clear()
    run("resnet1*", "resnet34", "--where", "latency_ms < 20 and top1 > 72", "--measure")
    assert asked == []
    with pytest.raises(ResbenchError, match="--measure --machine cuda-x: profiles run on this machine"):
        raise run("--machine", "cuda-x", "--measure").exception


def test_a_measured_accuracy_takes_the_place_of_a_published_one():
    whole = replace(EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000)
    evaluation = replace(EVALUATION, network="resnet50", dataset=whole, images=50_000, top1_right=40_500)
    save(replace(evaluation, top5_right=45_000), Path("results"))
    (row,) = listed("resnet50", "--where", "dtype == 'fp32'", "--machine", "here")
    assert (row["top1"], row["top1_source"]) == (81.0, "measured")


def test_a_file_that_is_no_record_is_noted_and_the_list_goes_on(tmp_path):
    (tmp_path / "results" / "mine" / "resnet50").mkdir(parents=True)
    (tmp_path / "results" / "mine" / "resnet50" / "a.json").write_text("{}")
    (tmp_path / "results" / "metrics.json").write_text("[]")  # of another program
    result = run("resnet50")
    assert result.exit_code == 0
    assert "a.json: not a resbench record" in result.stderr
    assert "metrics" not in result.stderr
    assert "bf16" not in result.stdout


def test_records_are_joined_without_torch_or_pandas():
    assert modules_after("list", "--machine", "here").isdisjoint({"torch", "pandas"})
    assert modules_after("results").isdisjoint({"torch", "pandas"})


@pytest.mark.nightly
def test_a_network_is_measured_indeed(tmp_path):
    found = listed("resnet20_cifar10", "--where", "latency_ms < 1000", "--measure", "--results", str(tmp_path / "new"))
    assert found[0]["latency_ms"] > 0
