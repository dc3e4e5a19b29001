"""`resbench validate --explain-gap` names what restores an accuracy, and costs no result."""

import json
import re

import pytest
from typer.testing import CliRunner

from resbench.accuracy.labels import imagenet
from resbench.bench import gaps, validation
from resbench.cli.app import app
from tests import planted

WNIDS = list(imagenet())


@pytest.fixture(autouse=True)
def planted_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (validation, gaps):
        monkeypatch.setattr(module, "load_checkpoint", planted.load_checkpoint)


@pytest.fixture
def folder(tmp_path):
    for place in range(4):
        planted.write(tmp_path / "val" / WNIDS[25 * place] / f"{place}.JPEG", 25 * place)
    return tmp_path / "val"


def run(folder, *words):
    small = ("--img-size", "16", "--crop-pct", "0.8", "--explain-gap")
    return CliRunner().invoke(app, ["validate", "--data", str(folder), "resnet18", *small, *words])


def test_the_twin_that_restores_the_accuracy_is_named(tmp_path):
    for place in range(40):
        planted.write(tmp_path / "val" / WNIDS[25 * place] / f"{place}.JPEG", 25 * place)
    result = run(tmp_path / "val", "--weights", "bgr.pth")
    assert result.exit_code == 0, result.output
    restoring = [line for line in result.stderr.splitlines() if "restores" in line]
    assert len(restoring) == 1
    assert "channels blue, green, red" in restoring[0]
    assert " 40 " in restoring[0]


def test_decoder_resizing_and_type_are_tried_each_alone(folder):
    result = run(folder, "--decoder", "simplejpeg+torch", "--dtype", "bf16")
    assert result.exit_code == 0, result.exception
    rows = result.stderr
    for what in ("pixels of Pillow", "everything in fp32", "resizing without antialiasing"):
        assert re.search(rf"{what}\W.* 4 ", rows), what
    assert "in bf16" not in rows
    rows = run(folder).stderr
    assert "everything in bf16" in rows
    assert "lanczos resizing" in rows
    assert "pixels of Pillow" not in rows


def test_another_type_is_tried_without_winograds_algorithm(folder, monkeypatch):
    seen = []
    prepare = gaps.prepare
    monkeypatch.setattr(gaps, "prepare", lambda *arguments: seen.append(arguments[1]) or prepare(*arguments))
    run(folder, "--winograd")
    assert {(one.dtype, one.winograd) for one in seen} == {("fp32", True), ("bf16", False)}


def test_the_result_is_shown_before_twins_are_tried(folder, monkeypatch):
    monkeypatch.setattr(gaps, "twins", None)  # what comes after the validation fails
    result = run(folder, "--json")
    assert isinstance(result.exception, TypeError)
    assert json.loads(result.stdout)["top1_right"] == 4


def test_of_several_processes_one_looks_for_twins_and_shows_the_result(folder, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(gaps, "explain_gaps", None)  # whoever calls it now fails
    result = run(folder)
    assert (result.exit_code, result.output) == (0, "")
