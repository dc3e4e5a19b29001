"""A zoo's own figures decide about networks that resbench does not know, and before what it knows of a name."""

import pytest
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.errors import ResbenchError

RESULTS = (
    "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
    "a_net.v1_in1k,224,77.31,22.69,93.52,6.48,12.35,0.9,bicubic\n"
    "resnet26,224,76.10,23.90,92.80,7.20,17.96,0.9,bicubic\n"
)
CARD = "| Model | Params (M) | Top-1 (%) |\n| --- | --- | --- |\n| {} | {} | {} |\n"


def lint(tmp_path, card: str, *options: str):
    (tmp_path / "results.csv").write_text(RESULTS)
    (tmp_path / "card.md").write_text(card)
    return CliRunner().invoke(app, ["lint", str(tmp_path / "card.md"), *options])


@pytest.fixture
def own(tmp_path):
    return ["--counts", str(tmp_path / "results.csv"), "--published", str(tmp_path / "results.csv")]


def test_what_the_file_says_is_true(tmp_path, own):
    done = lint(tmp_path, CARD.format("a-net.v1_in1k", "12.35", "77.3"), *own)
    assert done.exit_code == 0
    assert "2 figures read, 2 checked (2 true), 0 of unknown networks" in done.stdout


def test_what_differs_from_the_file_is_false_and_the_file_is_named(tmp_path, own):
    done = lint(tmp_path, CARD.format("zoo/a_net.v1_in1k", "21.35", "78.3"), *own)
    assert done.exit_code == 1
    assert "false T014 zoo/a_net.v1_in1k: parameters 21.35 M: results.csv has 12.35" in done.stdout
    assert "false T014 zoo/a_net.v1_in1k: top-1 78.3: results.csv has 77.31" in done.stdout


def test_the_file_goes_before_what_is_known_of_the_name(tmp_path, own):
    done = lint(tmp_path, CARD.format("resnet26", "17.96", "76.1"), *own)
    assert done.exit_code == 0
    assert "T001" not in done.stdout
    assert "2 checked (2 true)" in done.stdout


def test_a_metafile_is_a_file_of_counts_and_one_without_figures_is_refused(tmp_path):
    (tmp_path / "metafile.yml").write_text("Models:\n- Name: b_net\n  Metadata:\n    Parameters: 5480000\n")
    done = lint(tmp_path, CARD.format("b_net", "5.48", "70.1"), "--counts", str(tmp_path / "metafile.yml"))
    assert "note T014 b_net: parameters 5.48 M: true, as in metafile.yml" in done.stdout
    (tmp_path / "empty.csv").write_text("a,b\n1,2\n")
    refused = lint(tmp_path, CARD.format("b_net", "5.48", "70.1"), "--counts", str(tmp_path / "empty.csv"))
    assert isinstance(refused.exception, ResbenchError)


def test_a_name_without_its_tag_is_any_of_its_checkpoints(tmp_path, own):
    page = CARD.format("a_net", "12.35", "77.3")
    assert "top-1 77.3: true, as in results.csv for a_net.v1_in1k" in lint(tmp_path, page, *own).stdout
    done = lint(tmp_path, CARD.format("a_net", "12.35", "70.1"), *own)
    assert done.exit_code == 0
    assert "warning T014 a_net: top-1 70.1: results.csv has 77.31 for a_net.v1_in1k" in done.stdout


def test_of_several_checkpoints_of_a_name_none_accuses(tmp_path):
    (tmp_path / "two.csv").write_text(f"{RESULTS}a_net.v2_in1k,224,79.02,20.98,94.10,5.90,12.35,0.9,bicubic\n")
    other, true = (CARD.format("a_net", "12.35", figure) for figure in ("70.1", "79.0"))
    published = ("--published", str(tmp_path / "two.csv"))
    assert "T014" not in lint(tmp_path, other, *published).stdout
    assert "top-1 79.0: true, as in two.csv for a_net.v2_in1k" in lint(tmp_path, true, *published).stdout


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("77.27", "note T014 a_net.v1_in1k: top-1 77.27: reproduced, results.csv has 77.31"),
        ("77.20", "warning T014 a_net.v1_in1k: top-1 77.20: results.csv has 77.31; with another input or crop?"),
        ("76.60", "false T014 a_net.v1_in1k: top-1 76.60: results.csv has 77.31"),
    ],
)
def test_two_evaluations_of_one_checkpoint_differ_a_little(figure, words, tmp_path, own):
    assert f"{words}\n" in lint(tmp_path, CARD.format("a_net.v1_in1k", "12.35", figure), *own).stdout


def test_an_error_rate_beside_an_accuracy_is_named(tmp_path, own):
    page = "| Model | Top-1 err (%) |\n| --- | --- |\n| a_net.v1_in1k | 27.31 |\n"
    assert "top-1 error 27.31: results.csv has top-1 77.31\n" in lint(tmp_path, page, *own).stdout
