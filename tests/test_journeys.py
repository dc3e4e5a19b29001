"""What a new user wants, done with what the help texts say and nothing else."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from resbench import environment
from resbench.cli.app import app
from resbench.records.store import save
from tests.examples import EVALUATION, MACHINE, PROFILE, series

HERE = replace(
    PROFILE.environment,
    machine=replace(MACHINE, device_name=environment.cpu_model(), cpu_cores=environment.cpu_cores()),
)


def run(*words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result


def advice(*words):
    """The commands that a help text has as examples."""
    text = run(*words, "--help").stdout
    return [line.strip() for line in text.splitlines() if line.strip().startswith("resbench ")], text


@pytest.fixture(autouse=True)
def measured(tmp_path, monkeypatch):
    """A folder as `resbench profile --save` and `resbench validate --save` leave it, outside git."""
    monkeypatch.chdir(tmp_path)
    for network, scale_ms in (("resnet50", 15.0), ("resnet18", 6.0), ("resnext50_32x4d", 40.0)):
        full = replace(series("throughput", 6 * scale_ms), batch_size=8)
        speeds = (series(scale=scale_ms), full)
        save(replace(PROFILE, network=network, series=speeds, environment=HERE), tmp_path / "results")
    save(EVALUATION, tmp_path / "results")


def test_which_backbone_for_20_ms_on_this_machine():
    assert "list" in run("--help").stdout
    commands, _ = advice("list")
    (command,) = [one for one in commands if "latency_ms < 20" in one and "--machine here" in one]
    result = run(*shlex.split(command)[1:])
    rows = [line for line in result.stdout.splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows] == ["resnet50"]
    assert "15." in rows[0]
    assert "--measure profiles what is missing" in result.stderr


def test_all_results_in_pandas_and_as_csv():
    commands, text = advice("results")
    (expression,) = set(re.findall(r"resbench\.results\([^)]*\)", text))
    scope = {}
    exec(f"import resbench\nframe = {expression}", scope)
    frame = scope["frame"]
    assert len(frame) == 3 * 2 + 1
    fastest = frame[frame["speed"] == "latency"].nsmallest(1, "time_ms")
    assert fastest["network"].item() == "resnet18"
    (command,) = [one for one in commands if ".csv" in one]
    run(*shlex.split(command)[1:])
    read = pd.read_csv(shlex.split(command)[-1])
    assert read["time_ms"].tolist() == pytest.approx(frame["time_ms"].tolist(), nan_ok=True)


def test_the_picture_of_accuracy_against_latency():
    assert "report" in run("--help").stdout
    commands, text = advice("report")
    assert "plots" in text
    (command,) = [one for one in commands if "-o report.html" in one]
    run(*shlex.split(command)[1:])
    page = Path("report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page)[1])
    assert (data["x"][0]["name"], data["y"][0]["name"]) == ("latency", "top-1 accuracy")  # what it shows at first
    names, speeds = (
        [held["words"][index] for index in held["index"]] for held in map(data["values"].get, ("network", "speed"))
    )
    drawn = {
        name: (round(time_ms), top1 > 60)
        for name, speed, time_ms, top1 in zip(
            names, speeds, data["values"]["time_ms"], data["values"]["top1"], strict=True
        )
        if speed == "latency"
    }
    assert drawn == {"resnet50": (15, True), "resnet18": (6, True), "resnext50_32x4d": (40, True)}


@pytest.mark.parametrize("command", ["list", "results", "compare", "report"])
def test_every_example_runs_where_records_lie(command):
    commands, _ = advice(command)
    tried = [one for one in commands if "..." not in one and "--measure" not in one]
    assert len(tried) > 1
    for one in tried:
        run(*shlex.split(one)[1:])
    assert Path("all.csv").exists() == (command == "results")
