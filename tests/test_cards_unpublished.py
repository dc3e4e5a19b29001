"""Checkpoints that nobody has published, but that were validated here, have pages in every style."""

import math
import re
from dataclasses import replace

import modelindex as model_index_package
import pytest
import yaml
from typer.testing import CliRunner

from resbench.cards import facts
from resbench.cards.unpublished import unpublished
from resbench.cli.app import app
from resbench.lint.files import read_cards
from resbench.lint.lint import lint
from resbench.lint.problem import Level
from resbench.records.store import save
from resbench.zoo.find import find
from tests import examples

OWN = replace(examples.EVALUATION, network="resnet18", weights="runs/best.pth", weights_sha256="12" * 32)
TWIN = replace(OWN, weights_sha256="34" * 32, top1_right=100)
PUBLISHED = replace(OWN, weights="resnet18", weights_sha256="56" * 32)


def card(folder, *words: str):
    done = CliRunner().invoke(
        app, ["card", "resnet18", *words, "--output", str(folder / "out"), "--results", str(folder / "results")]
    )
    assert done.exit_code == 0, done.exception
    return {path.relative_to(folder / "out").as_posix(): path for path in (folder / "out").rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    save(OWN, tmp_path / "results")
    save(replace(examples.PROFILE, network="resnet18"), tmp_path / "results")
    return tmp_path


def test_a_file_that_is_no_published_checkpoint_is_a_row_with_its_own_preprocessing():
    (row,) = unpublished({"a": OWN, "b": PUBLISHED, "c": replace(OWN, images=0, top1_right=0, top5_right=0)})
    assert (row.name, row.network, row.sha256_prefix, row.claims) == ("runs/best.pth", "resnet18", "12" * 32, ())
    assert (row.preprocess.crop_px, row.preprocess.resize_px) == (OWN.pixels.crop_px, OWN.pixels.resize_px)
    assert row.preprocess.mean == OWN.pixels.mean


def test_two_files_of_one_name_stay_two():
    rows = unpublished({"a": OWN, "b": TWIN})
    assert [row.name for row in rows] == ["runs/best.pth 12121212", "runs/best.pth 34343434"]


@pytest.mark.parametrize("resize_px", [232, 235, 248, 256, 341])
def test_the_share_gives_the_size_back(resize_px):
    (row,) = unpublished({"a": replace(OWN, pixels=replace(OWN.pixels, resize_px=resize_px))})
    assert row.preprocess.resize_px == resize_px
    assert row.preprocess.crop_pct == pytest.approx(224 / resize_px)
    assert math.floor(224 / row.preprocess.crop_pct) == resize_px  # as timm computes it


def test_the_default_card_lists_it_with_what_was_measured(folder):
    text = card(folder)["resnet18.md"].read_text()
    assert "| `runs/best.pth` | 11.69 |" in text
    assert "Measured: `runs/best.pth` on 200 images of val" in text
    assert "`runs/best.pth`: validated here, weights' sha256" in text


def test_the_hub_style_gives_it_a_folder_without_what_nobody_knows(folder):
    readme = card(folder, "--style", "huggingface")["runs-best.pth/README.md"].read_text()
    front = yaml.safe_load(readme.split("---\n")[1])
    (result,) = front["model-index"][0]["results"]
    assert [metric["value"] for metric in result["metrics"]] == [79.0, 95.0]
    assert front["license"] == "unknown"
    assert 'resbench.load("resnet18", weights="runs/best.pth")' in readme
    assert "Published: nothing that is known to be true." in readme
    assert "| latency | 1 | 1.01 ms |" in readme


def test_timms_style_gives_it_a_page_that_the_model_index_package_reads(folder):
    path = card(folder, "--style", "timm")["own-checkpoints-of-resnet18.md"]
    assert "| `runs/best.pth` | 11,689,512 |" in path.read_text()
    loaded = model_index_package.load(str(path))
    loaded.build_models_with_collections()
    (model,) = loaded.models
    assert model.name == "runs/best.pth"
    assert model.results[0].metrics == {"Top 1 Accuracy": "79.0%", "Top 5 Accuracy": "95.0%"}
    assert model.results[0].dataset == "val"


def test_mmpretrains_style_gives_it_a_folder(folder):
    pages = card(folder, "--style", "mmpretrain")
    (readme,) = [path for name, path in pages.items() if "own-checkpoints" in name and name.endswith("README.md")]
    (meta,) = [path for name, path in pages.items() if "own-checkpoints" in name and name.endswith("metafile.yml")]
    assert "| `runs/best.pth` | 11.69 |" in readme.read_text()
    (model,) = yaml.safe_load(meta.read_text())["Models"]
    assert model["Results"][0]["Metrics"] == {"Top 1 Accuracy": 79.0, "Top 5 Accuracy": 95.0}


@pytest.mark.parametrize("style", ["default", "timm", "mmpretrain", "huggingface"])
def test_no_figure_of_such_a_page_is_false(folder, style):
    pages = [path for name, path in card(folder, "--style", style).items() if name.endswith((".md", ".yml"))]
    problems = lint(read_cards([str(path) for path in pages]), records=folder / "results")
    assert [problem for problem in problems if problem.level in (Level.FALSE, Level.UNREADABLE)] == []


def test_its_own_record_alone_is_on_its_page():
    own, twin = facts.gather(find("resnet18"), {"a": OWN, "b": TWIN, "c": PUBLISHED}).weights[-2:]
    assert (own.sha256_prefix, twin.sha256_prefix) == ("12" * 32, "34" * 32)
    assert not re.search("resnet18$", own.name)
