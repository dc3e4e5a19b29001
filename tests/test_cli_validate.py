"""`resbench validate` from the shell's side, on generated images, with a network whose answers are known."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resbench import validation
from resbench.accuracy.labels import imagenet
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets.checkpoints import Loaded
from resbench.records import jsonio
from resbench.zoo.find import find
from tests import planted

WNIDS = list(imagenet())
SMALL = ["--img-size", "16", "--crop-pct", "0.8"]


@pytest.fixture
def folder(tmp_path):
    for label, shift in ((5, 0), (17, 0), (400, 1), (999, -9)):
        planted.write(tmp_path / "val" / WNIDS[label] / "a.JPEG", label + shift)
    return tmp_path / "val"


@pytest.fixture(autouse=True)
def planted_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def load(network, weights):
        variant = find(network)
        return Loaded(
            module=planted.Planted(), variant=variant, path=Path(weights or "x.pth"), sha256="ab" * 32, notes=()
        )

    monkeypatch.setattr(validation, "load_checkpoint", load)


def run(*words):
    return CliRunner().invoke(app, ["validate", *map(str, words)])


def test_the_table_shows_counts_and_interval(folder):
    result = run("--data", folder, "--weights", "some.pth", "resnet18", *SMALL)
    assert result.exit_code == 0, result.output
    top1, top5 = (line.split("│") for line in result.stdout.splitlines() if "top-" in line)
    assert [cell.strip() for cell in top1[1:5]] == ["top-1", "2", "4", "50.00 %"]
    assert [cell.strip() for cell in top5[1:5]] == ["top-5", "3", "4", "75.00 %"]
    assert "resnet18 with some.pth" in result.stdout


def test_json_is_exactly_the_record_that_is_saved(folder, tmp_path):
    result = run("--data", folder, "resnet18", *SMALL, "--json", "--save", "--output", tmp_path / "results")
    (saved,) = (tmp_path / "results").rglob("*.json")
    assert saved.read_text() == result.stdout
    record = jsonio.loads(result.stdout)
    assert (record.top1_right, record.top5_right, record.images) == (2, 3, 4)
    assert record.pixels.interpolation == "bilinear"
    assert (record.dataset.images, record.dataset.classes, record.dataset.layout) == (4, 4, "wnid folders")


def test_a_published_checkpoint_brings_its_preprocessing_and_claim(folder):
    result = run("--data", folder, "gluon_seresnext50_32x4d", *SMALL)
    assert result.exit_code == 0, result.output
    assert "79.92 %" in result.stdout
    assert "94.82 %" in result.stdout
    assert "bicubic" in result.stdout


def test_options_override_the_checkpoints_preprocessing(folder):
    words = ["--interpolation", "lanczos", "--mean", 0.5, 0.5, 0.5, "--std", 0.25, 0.5, 0.5, "--json"]
    pixels = json.loads(run("--data", folder, "gluon_seresnext50_32x4d", *SMALL, *words).stdout)["pixels"]
    assert pixels["interpolation"] == "lanczos"
    assert (pixels["mean"], pixels["std"]) == ([0.5, 0.5, 0.5], [0.25, 0.5, 0.5])
    assert (pixels["crop_px"], pixels["resize_px"]) == (16, 20)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere", "resnet18"], "nowhere: no such folder"),
        (["--data", ".", "resnet19"], "unknown network 'resnet19'; did you mean resnet18"),
        (["--data", "val", "resnet18", "--interpolation", "nearest"], "choose from bilinear, bicubic, lanczos"),
        (["--data", "val", "resnet18", "--device", "tpu"], "device 'tpu'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, monkeypatch, words, message):
    monkeypatch.chdir(folder.parent)
    result = run(*words, "--save")
    assert isinstance(result.exception, ResbenchError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    assert not (folder.parent / "results").exists()


def test_unreadable_images_are_listed_before_any_forward_pass(folder, monkeypatch):
    (folder / WNIDS[17] / "a.JPEG").write_bytes(b"not a picture")
    monkeypatch.setattr(planted.Planted, "forward", None)
    result = run("--data", folder, "resnet18", *SMALL)
    assert str(result.exception).startswith(f"1 unreadable image: {WNIDS[17]}/a.JPEG (not an image); replace")
