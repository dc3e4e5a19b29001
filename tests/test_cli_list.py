"""`resbench list`: which rows, in which order, and what a condition may say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.report.choosing import RowChoice
from resbench.report.networks import COLUMNS, COSTS, candidates, network_rows
from resbench.report.where import condition
from resbench.zoo.find import match
from resbench.zoo.variants import VARIANTS

ROW = {
    "network": "seresnext50_32x4d",
    "family": "SE-ResNeXt",
    "input_px": 224,
    "params": 27_559_896,
    "macs": 4_232_994_816,
    "top1": 81.27,
    "checkpoints": 2,
}


@pytest.fixture(autouse=True)
def without_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def listed(*words):
    result = CliRunner().invoke(app, ["list", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def names(*words):
    return [row["network"] for row in listed(*words)]


def test_the_example_of_the_help_gives_the_small_accurate_squeeze_networks_cheapest_first():
    found = listed("se*", "--where", "params<30M and top1>79", "--sort", "macs")
    assert [row["network"] for row in found] == ["seresnet50", "seresnext50_32x4d"]
    assert found[1] == {**ROW, "checkpoints": ["gluon_seresnext50_32x4d", "seresnext50_32x4d"]}


def test_all_networks_are_listed_in_the_order_of_the_table():
    assert names() == [variant.name for variant in VARIANTS]
    assert names("--descending") == [variant.name for variant in reversed(VARIANTS)]


def test_the_best_published_accuracy_is_no_broken_one():
    (row,) = listed("inception_resnet_v2")
    assert row["top1"] is None
    (row,) = listed("resnet50")
    assert row["top1"] == 81.14  # swsl_resnet50


@pytest.mark.parametrize("column", COSTS)
def test_every_column_can_be_sorted_by_and_what_is_missing_comes_last(column):
    def value(row):
        return len(row[column]) if column == "checkpoints" else row[column]

    for words, reverse in (((), False), (("--descending",), True)):
        values = [value(row) for row in listed("--sort", column, *words)]
        present = [one for one in values if one is not None]
        assert present == sorted(present, reverse=reverse)
        assert values[len(present) :] == [None] * (len(values) - len(present))


def test_the_table_shows_the_same_rows_as_the_json():
    result = CliRunner().invoke(app, ["list", "resnet50", "plain18"])
    lines = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in result.stdout.splitlines() if "│" in line
    ]
    assert lines == [
        ["resnet50", "ResNet", "25.56 M", "4.09 G", "81.14 %", lines[0][-1]],
        ["plain18", "Plain network", "11.52 M", "1.79 G", "-", "0"],
    ]
    assert result.stdout.splitlines()[-1] == "all of them: input_px 224"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("params<30M and top1>79", True),
        ("params < 27.5M", False),
        ("params<=27559896", True),
        ("macs>4.2G", True),
        ("macs > 4.3 G", False),
        ("20M<params<30M", True),
        ("30M<params<40M", False),
        ("params<macs", True),
        ("top1>81%", True),
        ("top1>=81.27", True),
        ("not top1>79", False),
        ("top1<50 or family=='SE-ResNeXt'", True),
        ("network!='seresnext50_32x4d'", False),
        ("network == 'seresnext50_32x4d' and (checkpoints==2 or checkpoints==3)", True),
        ("family == 'resnets of 50M'", False),
        ("input_px==224", True),
        ("params>.02G", True),
        ("params>20000k", True),
        ("macs<1T", True),
    ],
)
def test_a_condition_means_what_it_says(text, answer):
    assert condition(text, COLUMNS)(ROW) is answer


def test_what_nobody_published_fulfils_no_comparison():
    unknown = {**ROW, "top1": None}
    assert not condition("top1>0", COLUMNS)(unknown)
    assert not condition("top1<=100", COLUMNS)(unknown)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("params<", "cannot be read"),
        ("params=3", "cannot be read"),
        ("params<30M; import os", "cannot be read"),
        ("flops<3G", "no column 'flops'"),
        ("__import__('os').system('true')", "is not a comparison"),
        ("params", "is not a comparison"),
        ("1<2", "names no column"),
        ("params in (1, 2)", "neither a column nor a value"),
        ("top1.real>3", "neither a column nor a value"),
        ("len(network)>3", "neither a column nor a value"),
        ("top1>0.79", "in per cent: write 79, not 0.79"),
        ("params<30%", "params is not in per cent"),
        ("network<3", "network is a text, 3 is not"),
        ("params<'3'", "params is a number, '3' is not"),
        ("network<params", "network is a text, 'params' is not"),
        ("params is 3", "none of the comparisons"),
        ("params<True", "neither a column nor a value"),
        ("params<" + "(" * 500 + "3" + ")" * 500, "cannot be read"),
    ],
)
def test_anything_else_is_refused_in_one_line(text, why):
    with pytest.raises(ResbenchError) as caught:
        condition(text, COLUMNS)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_does_more_than_answer_or_be_refused(text):
    try:
        answer = condition(text, COLUMNS)(ROW)
    except ResbenchError:
        return
    assert isinstance(answer, bool)


@given(st.sampled_from(["params", "macs", "input_px"]), st.integers(0, 10**12), st.sampled_from("<>"))
def test_a_condition_and_its_negation_split_the_table(column, limit, sign):
    everything = candidates(match(["*"]), Path("nowhere"), None)
    kept = network_rows(everything, RowChoice(where=f"{column}{sign}{limit}"))
    left = network_rows(everything, RowChoice(where=f"not {column}{sign}{limit}"))
    assert len(kept) + len(left) == len(VARIANTS)


def test_an_unknown_column_to_sort_by_is_refused():
    with pytest.raises(ResbenchError, match="no column 'speed'; choose from network, family"):
        network_rows(candidates(match(["*"]), Path("nowhere"), None), RowChoice(sort="speed"))
