"""Own networks end to end: a zoo of three through every command, and the rows of docs/networks.md."""

import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

import resbench
from resbench.bench import gate, measuring
from resbench.cli.app import app
from resbench.nets import elsewhere, importing
from resbench.nets.build import build
from resbench.running import fresh
from resbench.zoo.find import find

ROOT = Path(__file__).parent.parent
TINYNET = ROOT / "docs" / "examples" / "tinynet.py"
QUICK = ["--time-budget", "0.1", "-b", "1", "--device", "cpu", "--threads", "1", "--save", "-q"]
CLASSES = ("ant", "bee", "cat", "dog")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch, few_samples):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESBENCH_ZOO", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(measuring, "_ceilings", lambda *_: None)  # they take seconds, and say nothing of a network
    monkeypatch.setattr(fresh, "call", lambda function, *words: function(*words))  # a process takes seconds to start
    shutil.copy(TINYNET, tmp_path)


def run(*words, code=0):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, (words, result.output, result.exception)
    return result.stdout


def photographs(folder):
    """Two images for each class, of a colour of its own."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for index in range(2):
            pixels = np.full((40, 40, 3), 60 * label + index, np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}{index}.png")


@pytest.fixture
def _timm(monkeypatch):
    """Stand in for timm, which the plain tests do not have: what it builds has its own preprocessing."""

    def create_model(name, num_classes=1000):
        layers = [nn.Conv2d(3, 64, 7), nn.Conv2d(64, 256, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        module = nn.Sequential(*layers, nn.Linear(256, num_classes))
        module.pretrained_cfg = {"input_size": (3, 32, 32), "mean": (0.5,) * 3, "std": (0.5,) * 3, "crop_pct": 0.9}
        return module

    there = elsewhere.import_module
    fake = types.SimpleNamespace(create_model=create_model)
    monkeypatch.setattr(elsewhere, "import_module", lambda name: fake if name == "timm" else there(name))


@pytest.mark.usefixtures("_timm")
def test_a_zoo_of_a_file_a_package_and_a_timm_name_goes_through_every_command(tmp_path):
    package = tmp_path / "package_here"
    package.mkdir()
    shutil.copy(TINYNET, package / "__init__.py")
    names = ["tinynet", "packed", "guest"]
    run("zoo", "new", "tinynet.py:TinyNet(classes=4)", "--name", "tinynet")
    run("zoo", "new", "package_here:TinyNet(blocks=2, classes=4, width=64)", "--name", "packed")
    run("zoo", "new", "timm:small(num_classes=4)", "--name", "guest")
    rows = (tmp_path / "resbench.toml").read_text()
    torch.manual_seed(0)
    for name in names:
        torch.save(build(find(name)).state_dict(), tmp_path / f"{name}.pth")
        rows += (
            f'\n[checkpoints.{name}_a]\nnetwork = "{name}"\nfile = "{name}.pth"\nlicense = "mit"\ndataset = "Pets"\n'
        )
        rows += 'claims = [{ metric = "top1", value = "99.00 %", source = "https://example.org" }]\n'
    (tmp_path / "resbench.toml").write_text(rows)
    run("zoo", "check")

    listed = {row["network"]: row for row in json.loads(run("list", "--json"))}
    assert [listed[name]["top1"] for name in names] == [99.0] * 3
    assert listed["guest"]["input_px"] == 32
    for name in names:  # alone, so that no process is started
        run("profile", name, *QUICK)
    photographs(tmp_path / "pets")
    run("validate", "tinynet_a", "packed_a", "guest_a", "--data", "pets", "--save", "--device", "cpu")
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "results").rglob("*.json"))]
    assert sorted((record["kind"], record["network"]) for record in records) == sorted(
        (kind, name) for kind in ("profile", "evaluation") for name in names
    )
    assert all(record["origin"]["structure_sha256"] for record in records)
    evaluated = next(record for record in records if record["kind"] == "evaluation")
    assert evaluated["dataset"]["class_names"] == list(CLASSES)

    for style, shown in (("default", names), ("timm", names[:1]), ("mmpretrain", names[:1]), ("huggingface", names)):
        run("card", *shown, "--style", style, "--output", f"cards-{style}")
    assert "99.00" in (tmp_path / "cards-default" / "packed.md").read_text()
    folders = sorted(path.name for path in tmp_path.glob("cards-*"))
    linted = run("lint", *folders)
    assert "0 of unknown networks" in linted
    card = tmp_path / "cards-default" / "tinynet.md"
    wrong = re.sub(r"(?m)^(    Parameters: )\d+", r"\g<1>4000000", card.read_text())
    assert wrong != card.read_text()
    (tmp_path / "wrong.md").write_text(wrong)
    assert "T001" in run("lint", "wrong.md", code=1)

    shutil.copytree(tmp_path / "results", tmp_path / "before")
    run("check", "results", "--against", "before")
    (tmp_path / "tinynet.py").write_text(
        TINYNET.read_text().replace("3, stride=2, padding=1", "5, stride=2, padding=2")
    )
    run("profile", "tinynet", *QUICK)
    assert "another network of the same name" in run("check", "results", "--against", "before", "--json", code=4)


@pytest.mark.usefixtures("_timm")
def test_gate_recounts_the_networks_of_the_repositorys_zoo_and_no_place_that_only_a_record_names(
    tmp_path, monkeypatch, caplog
):
    # In a process of its own: test_cli_gate.
    monkeypatch.setattr(gate, "_recounted", lambda _, asked: [resbench.count(name, size) for name, size in asked])

    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    run("zoo", "new", "tinynet.py:TinyNet(blocks=1)", "--name", "tinynet")
    run("profile", "tinynet", *QUICK)
    run("profile", "tinynet.py:TinyNet(blocks=1)", *QUICK)
    git("add", ".")
    git("commit", "-qm", "a")
    git("checkout", "-qb", "branch")
    (tmp_path / "tinynet.py").write_text(TINYNET.read_text().replace("width: int = 48", "width: int = 49"))
    findings = json.loads(run("gate", "-q", "--json", code=1))
    assert any("is not recounted" in line for line in caplog.messages)
    assert {one["network"] for one in findings if one["metric"] == "params" and one["verdict"] == "regressed"} == {
        "tinynet"
    }


def test_a_network_without_a_row_has_a_card_of_the_right_counts(tmp_path):
    run("card", "tinynet.py:TinyNet")
    assert "| 126,826 | 128,729,568 |" in (tmp_path / "cards" / "tinynet.py-TinyNet.md").read_text()


def test_the_networks_page_shows_rows_that_are_right(tmp_path):
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    (tmp_path / "examples").mkdir()
    shutil.copy(TINYNET, tmp_path / "examples")
    (tmp_path / "resbench.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    rows = json.loads(run("zoo", "check", "--write", "--json"))
    assert all(row["holds"] is not False for row in rows), rows
    assert find("tinynet_a").paper.title == "TinyNet"
    assert importing.file_of(find("tinynet_wide").spec).name == "tinynet.py"
