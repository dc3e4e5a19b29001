"""`resbench results`: every record in a table, as CSV, JSON, Markdown and Parquet, chosen and ordered."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

import resbench
from resbench.bench.columns import RECORD_COLUMNS, SPEED_COLUMNS
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records.store import save
from tests.examples import EVALUATION, MACHINE, PROFILE, series

FAST = replace(
    PROFILE, network="resnet18", series=(series(scale=10.0), replace(series("throughput", 40.0), batch_size=8))
)
SLOW = replace(PROFILE, series=(series(scale=30.0),))
GPU = replace(
    FAST,
    environment=replace(
        PROFILE.environment, machine=replace(MACHINE, device_kind="cuda", device_name="Example GPU", torch="2.13.0+cu")
    ),
)


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no git repository
    for record in (FAST, SLOW, GPU, EVALUATION):
        save(record, tmp_path / "results")


def run(*words):
    return CliRunner().invoke(app, ["results", *words])


def rows(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_record_is_a_row():
    found = rows()
    assert [(row["network"], row["kind"], row["device_kind"]) for row in found] == [
        ("resnet18", "evaluation", "cpu"),
        ("resnet18", "profile", "cpu"),
        ("resnext50_32x4d", "profile", "cpu"),
        ("resnet18", "profile", "cuda"),
    ]
    assert all(list(row) == list(RECORD_COLUMNS) for row in found)


def test_the_table_shows_figures_with_their_intervals_and_what_is_common_below():
    text = run("--where", "kind=='profile'", "--machine", "cpu-*", "--sort", "latency_ms").stdout
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line]
    titles = [cell.strip() for cell in text.splitlines()[1].strip("┃").split("┃")]
    shown = [dict(zip(titles, line, strict=True)) for line in lines]
    assert [row["network"] for row in shown] == ["resnet18", "resnext50_32x4d"]
    known = rows("--where", "network=='resnet18' and device_kind=='cpu' and kind=='profile'")[0]
    ends = [f"{known[name]:.4g}" for name in ("latency_ms", "latency_low_ms", "latency_high_ms")]
    assert shown[0]["latency_ms"] == f"{ends[0]} [{ends[1]}, {ends[2]}]"
    assert shown[1]["throughput_batch"] == "-"
    assert "all of them: kind profile; machine cpu-example-cpu-2c; input_px 224; settings fp32, 1 thread" in text


def test_the_issue_of_choosing():
    found = rows("--where", "latency_ms < 20 and top1 > 69", "--machine", "cpu-*")
    assert [row["network"] for row in found] == ["resnet18"]
    assert [row["network"] for row in rows("--pareto", "top1,images_per_s", "--best-per", "network")] == ["resnet18"]


@pytest.mark.parametrize("words", [(), ("--speeds",)])
def test_csv_is_what_pandas_reads(words):
    columns = SPEED_COLUMNS if words else RECORD_COLUMNS
    found = pd.read_csv(io.StringIO(run(*words, "--format", "csv").stdout))
    assert list(found) == list(columns)
    for name in ("latency_ms", "top1", "params", "time_ms", "images_per_s"):
        if name in columns:
            expected = [row[name] for row in rows(*words)]
            assert [None if pd.isna(value) else value for value in found[name]] == pytest.approx(expected)


def test_parquet_holds_what_the_data_frame_holds():
    result = run("--speeds", "--output", "all.parquet")
    assert result.exit_code == 0, result.output
    pd.testing.assert_frame_equal(
        pd.read_parquet("all.parquet").drop(columns="age_days"), resbench.results("results").drop(columns="age_days")
    )


def test_the_suffix_of_the_file_says_the_format():
    for name in ("a.csv", "a.json", "a.md"):
        written = run("--output", name, "--columns", "network, top1")
        assert (written.exit_code, written.stdout) == (0, "")
        assert written.stderr.endswith(f"wrote {name}\n")
    read = {name: Path(name).read_text() for name in ("a.csv", "a.json", "a.md")}
    assert next(csv.reader(io.StringIO(read["a.csv"]))) == ["network", "top1"]
    assert list(json.loads(read["a.json"])[0]) == ["network", "top1"]
    low, high = binomtest(158, 200).proportion_ci(method="wilson")
    first = f"| resnet18 | 79.00 % &#91;{100 * low:.2f}, {100 * high:.2f}&#93; |"
    assert read["a.md"].splitlines()[:3] == ["| network | top1 |", "|---|---:|", first]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--output", "a.xyz"), "a.xyz: choose --format csv, json, markdown or parquet"),
        (("--output", "a.csv", "--format", "table"), "a.csv: choose --format csv"),
        (("--json", "--format", "csv"), "--json, --format csv: give one of them"),
        (("--columns", "network,speed"), "--columns network,speed: there is no column 'speed'"),
        (("--columns", ""), "there is no column ''"),
        (("--results", "nowhere"), "nowhere: no such file or folder"),
        (("--where", "top1 > 0.78"), "in per cent: write 78, not 0.78"),
        (("--pareto", "top1,network"), "network is neither better high nor better low"),
    ],
)
def test_what_cannot_be_meant_is_one_line(words, why):
    error = run(*words).exception
    assert isinstance(error, ResbenchError)
    assert why in str(error)
    assert "\n" not in str(error)


def test_nothing_found_is_said():
    result = run("--where", "latency_ms < 1")
    assert result.exit_code == 0
    assert "no record meets these conditions" in result.stderr


def test_names_from_records_are_escaped(tmp_path):
    save(replace(PROFILE, network="a|b\x1b[31m<script>"), tmp_path / "odd")
    for form in ("table", "csv", "markdown", "json"):
        assert "\x1b" not in run("--results", "odd", "--format", form).stdout
    assert "a&#124;b" in run("--results", "odd", "--format", "markdown").stdout


def test_the_help_names_every_column():
    text = run("--help").stdout
    names = set(re.findall(r"\w+", text))
    assert RECORD_COLUMNS.keys() <= names
    assert SPEED_COLUMNS.keys() <= names


def test_a_network_a_checkpoint_and_a_folder_are_shown():
    several = run("show", "resnet18").stdout
    assert several.count("resnet18 on ") == 2
    assert "with resnet18.pth" in several
    assert run("show", "resnext50_32x4d").stdout == run("show", "results/cpu-example-cpu-2c/resnext50_32x4d").stdout
    kinds = [record["kind"] for record in json.loads(run("show", "resnet18", "--json").stdout)]
    assert kinds == ["evaluation", "profile", "profile"]
    assert "resnet18.pth" in str(run("show", "resnet34").exception)
    assert "no record of such a network" in str(run("show", "resnet34").exception)


def test_options_in_front_of_a_command_are_refused():
    error = run("--where", "top1>3", "show", "resnet18").exception
    assert str(error) == "--where: stands before a command; see `resbench results show --help`"
    assert run("show", "resnet18", "--results", "results").exit_code == 0
