"""Heads with other classes than the network's own, and images in folders that are called so."""

import json
import sys
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import resbench
from resbench.accuracy.layouts import open_set
from resbench.accuracy.ownclasses import OwnClasses, read_class_names
from resbench.bench import measuring
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.nets.checkpoints import load_checkpoint, with_head_of
from resbench.nets.classlists import class_list
from resbench.nets.elsewhere import with_classes
from resbench.running import fresh
from resbench.zoo.find import find
from tests import packed

NETWORK = "resnet20_cifar10"  # the smallest of the table
CLASSES = ("bee", "ant", "cat")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch, few_samples):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(measuring, "_ceilings", lambda *_: None)  # they take seconds, and say nothing of a network
    monkeypatch.setattr(fresh, "call", lambda function, *words: function(*words))


def run(*words):
    return CliRunner().invoke(app, list(words))


def photographs(folder, names=CLASSES):
    for index, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.full((32, 32, 3), 50 * index, np.uint8)).save(folder / name / f"{name}_1.png")


def finetuned(path, **beside):
    torch.manual_seed(0)
    module = build(with_classes(find(NETWORK), len(CLASSES)))
    torch.save({"state_dict": module.state_dict(), **beside} if beside else module.state_dict(), path)
    return module


def test_a_head_of_other_classes_is_read_from_the_file_and_said(tmp_path):
    trained = finetuned(tmp_path / "mine.pth")
    loaded = load_checkpoint(NETWORK, tmp_path / "mine.pth")
    wanted = trained.state_dict()
    assert all(torch.equal(tensor, wanted[key]) for key, tensor in loaded.module.state_dict().items())
    assert loaded.variant.classes == 3
    assert f"its head has 3 classes; {NETWORK} by itself has 10" in loaded.notes
    assert with_head_of(find(NETWORK), tmp_path / "mine.pth").classes == 3


def test_another_network_is_not_taken_for_another_head(tmp_path):
    torch.save(build("resnet32_cifar10").state_dict(), tmp_path / "other.pth")
    assert with_head_of(find(NETWORK), tmp_path / "other.pth") == find(NETWORK)
    with pytest.raises(ResbenchError, match="not a checkpoint of resnet20_cifar10"):
        load_checkpoint(NETWORK, tmp_path / "other.pth")


@pytest.mark.parametrize(
    "beside",
    [
        {"classes": ["bee", "ant", "cat"]},
        {"class_to_idx": {"ant": 1, "bee": 0, "cat": 2}},
        {"meta": {"dataset_meta": {"classes": ("bee", "ant", "cat")}}},
        {"config": {"id2label": {"0": "bee", "1": "ant", "2": "cat"}}},
    ],
)
def test_the_list_of_classes_in_a_checkpoint_is_found(tmp_path, beside):
    finetuned(tmp_path / "mine.pth", **beside)
    assert class_list(tmp_path / "mine.pth") == CLASSES


def labels(images):
    return {sample.base.partition("_")[0]: sample.label for sample in images.samples}


def test_folders_have_the_classes_of_a_list_or_sorted_are_the_classes(tmp_path):
    photographs(tmp_path / "pets" / "val")
    photographs(tmp_path / "pets" / "train")
    named = open_set(tmp_path / "pets", own=OwnClasses(number=3, names=CLASSES, source="c.txt"))
    assert labels(named) == {"bee": 0, "ant": 1, "cat": 2}
    assert (len(named.samples), named.classes, named.describe().class_names) == (3, 3, CLASSES)
    sorted_ = open_set(tmp_path / "pets", own=OwnClasses(number=3))
    assert labels(sorted_) == {"ant": 0, "bee": 1, "cat": 2}
    assert any("the 3 folders in sorted order are taken as the classes" in note for note in sorted_.notes)


def test_folders_of_classes_may_lie_in_several_archives(tmp_path):
    photographs(tmp_path / "pets")
    for number, name in enumerate(CLASSES):
        with tarfile.open(tmp_path / f"val-{number:03d}.tar", "w") as out:
            out.add(tmp_path / "pets" / name, name)
    for own in (OwnClasses(number=3, names=("ant", "bee", "cat"), source="c.txt"), OwnClasses(number=3)):
        assert labels(open_set(tmp_path / "val-{000..002}.tar", own=own)) == {"ant": 0, "bee": 1, "cat": 2}


def test_a_table_that_names_its_classes_in_another_order_than_the_head_is_read_by_name(tmp_path):
    rows = [(f"{name}_1.png", place, b"x") for place, name in enumerate(sorted(CLASSES))]
    pq.write_table(packed.table(rows, sorted(CLASSES)), tmp_path / "v.parquet")
    images = open_set(tmp_path / "v.parquet", own=OwnClasses(number=3, names=CLASSES, source="c.txt"))
    assert labels(images) == {"bee": 0, "ant": 1, "cat": 2}
    assert images.class_names == CLASSES
    assert open_set(tmp_path / "v.parquet", own=OwnClasses(number=3)).class_names == ("ant", "bee", "cat")


def test_classes_without_names_are_not_called_as_imagenets(tmp_path):
    photographs(tmp_path / "pets")
    (tmp_path / "labels.txt").write_text("bee_1.png 0\nant_1.png 1\ncat_1.png 2\n")
    images = open_set(tmp_path / "pets", tmp_path / "labels.txt", OwnClasses(number=3))
    assert images.class_names == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (OwnClasses(number=4), "3 folders with images, but the head has 4 classes; give the names of the classes"),
        (OwnClasses(number=2, names=("ant", "bee"), source="c.txt"), "1 folders with images are not classes of c.txt"),
    ],
)
def test_folders_that_are_not_the_classes_are_one_line(tmp_path, own, message):
    photographs(tmp_path / "pets")
    with pytest.raises(ResbenchError, match=message):
        open_set(tmp_path / "pets", own=own)


def test_a_file_of_class_names_must_have_as_many_and_each_once(tmp_path):
    (tmp_path / "c.txt").write_text("bee\nant\n\ncat\n")
    assert read_class_names(tmp_path / "c.txt", 3) == CLASSES
    with pytest.raises(ResbenchError, match="has 3 classes, but the network's head has 10"):
        read_class_names(tmp_path / "c.txt", 10)
    (tmp_path / "c.txt").write_text("bee\nbee\n")
    with pytest.raises(ResbenchError, match="'bee' is listed twice"):
        read_class_names(tmp_path / "c.txt")


def test_a_finetuned_checkpoint_is_validated_and_profiled_like_a_published_one(tmp_path):
    trained = finetuned(tmp_path / "mine.pth", classes=list(CLASSES))
    photographs(tmp_path / "pets")
    words = ["validate", NETWORK, "--weights", "mine.pth", "--data", "pets", "--device", "cpu", "--json"]
    result = run(*words, "--save")
    assert result.exit_code == 0, (result.output, result.exception)
    (record,) = json.loads(result.stdout)
    images = [np.full((32, 32, 3), 50 * index, np.uint8) for index in range(3)]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    batch = torch.stack(
        [
            (torch.tensor(one).permute(2, 0, 1) / 255 - torch.tensor(mean).view(3, 1, 1))
            / torch.tensor(std).view(3, 1, 1)
            for one in images
        ]
    )
    with torch.no_grad():
        right = int((trained.eval()(batch).argmax(1) == torch.arange(3)).sum())  # CLASSES is the order of the outputs
    assert (record["top1_right"], record["images"]) == (right, 3)
    assert record["dataset"]["class_names"] == list(CLASSES)
    (stored,) = (tmp_path / "results").rglob("evaluation-*.json")
    shown = run("results", "show", str(stored)).stdout
    assert "bee" in shown
    assert "tench" not in shown
    handed_over = resbench.validate(trained, "pets", input_px=32, device="cpu", threads=1)
    assert (handed_over.weights, handed_over.images, handed_over.dataset.class_names) == (
        "as built",
        3,
        ("ant", "bee", "cat"),  # a module brings no list: the sorted folders
    )
    quick = ["-b", "1", "--time-budget", "0.1", "--device", "cpu", "--threads", "1", "--json", "-q"]
    (profiled,) = json.loads(run("profile", NETWORK, "--weights", "mine.pth", *quick).stdout)
    assert (profiled["classes"], profiled["counts"]["params"]) == (3, 269_722 - 7 * 65)


def test_classes_can_be_asked_for_without_a_file():
    counts = json.loads(run("count", "resnet18", "--classes", "10", "--json", "-c", "macs").stdout)
    assert counts[0]["counts"]["params"] == 11_689_512 - 990 * 513
