"""What lies in a folder: classes by WordNet id, never by order."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from resbench.accuracy.labels import class_of, imagenet
from resbench.accuracy.layouts import open_set
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.records import predictions
from tests import planted

WNIDS = list(imagenet())


def test_the_thousand_classes_are_imagenets():
    assert len(WNIDS) == 1000
    assert sorted(WNIDS) == WNIDS
    assert imagenet()["n01440764"] == "tench, Tinca tinca"
    assert (class_of()["n15075141"], class_of()["n02099601"]) == (999, 207)


def test_classes_go_by_wordnet_id_not_by_order(tmp_path):
    for label in (999, 3, 207):
        planted.write(tmp_path / WNIDS[label] / "a.JPEG", 0)
    found = open_set(tmp_path)
    assert sorted((sample.name, sample.label) for sample in found.samples) == [
        (f"{WNIDS[label]}/a.JPEG", label) for label in (3, 207, 999)
    ]
    assert (found.classes, found.describe().classes, found.describe().images) == (1000, 3, 3)


def test_a_fingerprint_tells_names_sizes_and_classes_apart(tmp_path):
    def fingerprint(name, label, file, size):
        root = tmp_path / name
        planted.write(root / WNIDS[label] / file, 0, size=(size, size))
        return open_set(root).fingerprint

    prints = [fingerprint("a", 1, "x.JPEG", 20), fingerprint("b", 1, "y.JPEG", 20), fingerprint("c", 2, "x.JPEG", 20)]
    prints.append(fingerprint("d", 1, "x.JPEG", 90))
    assert len(set(prints)) == 4
    assert fingerprint("e", 1, "x.JPEG", 20) == prints[0]


def test_images_in_folders_below_a_class_and_apostrophes_count(tmp_path):
    planted.write(tmp_path / WNIDS[7] / "more" / "rooster's.png", 0, kind="PNG")
    assert [sample.name for sample in open_set(tmp_path).samples] == [f"{WNIDS[7]}/more/rooster's.png"]


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path):
    with pytest.raises(ResbenchError, match="nowhere: no such folder; give"):
        open_set(tmp_path / "nowhere")
    with pytest.raises(ResbenchError, match="empty; unpack"):
        open_set(tmp_path)
    (tmp_path / WNIDS[0]).mkdir()
    (tmp_path / WNIDS[0] / "list.txt").write_text("")
    with pytest.raises(ResbenchError, match="no images among 1 files"):
        open_set(tmp_path)


def test_a_class_that_imagenet_does_not_have_is_named(tmp_path):
    planted.write(tmp_path / "n00000000" / "a.JPEG", 0)
    with pytest.raises(ResbenchError, match="1 WordNet ids are not classes of ImageNet-1k \\(n00000000\\)"):
        open_set(tmp_path)


def test_images_without_classes_are_refused(tmp_path):
    planted.write(tmp_path / "a.JPEG", 0)
    with pytest.raises(ResbenchError, match="nothing says what the images show: they lie in no folders"):
        open_set(tmp_path)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    for label in (3, 4):
        planted.write(tmp_path / WNIDS[label] / "a.jpg", label)

    def scandir(path, real=os.scandir):
        if str(path).endswith(WNIDS[4]):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ResbenchError, match=f"{WNIDS[4]}: Permission denied; make the folder readable"):
        open_set(tmp_path)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    planted.write(tmp_path / "elsewhere" / "a.jpg", 3)
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / WNIDS[3]).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "val" / "up").symlink_to(tmp_path)
    assert [one.name for one in open_set(tmp_path / "val").samples] == [f"{WNIDS[3]}/a.jpg"]


@pytest.fixture
def latin1(tmp_path):
    """A folder with an image whose name is not UTF-8, as archives from older systems give."""
    written = planted.write(tmp_path / "set" / WNIDS[3] / "a.jpg", 3)
    try:
        written.rename(os.fsdecode(os.fsencode(written.parent) + b"/caf\xe9.jpg"))
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")
    return tmp_path / "set"


def test_a_name_that_is_not_utf8_is_written_with_its_bytes(latin1):
    images = open_set(latin1)
    assert [one.name for one in images.samples] == [f"{WNIDS[3]}/caf\\xe9.jpg"]
    assert images.samples[0].read()
    result = CliRunner().invoke(app, ["data", "check", str(latin1), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["fingerprint"]) == (0, images.fingerprint)


def test_predictions_keep_a_name_that_is_not_utf8(latin1, tmp_path):
    names = tuple(one.name for one in open_set(latin1).samples)
    kept = predictions.Predictions(names=names, rows=np.zeros(1, predictions.ROW))
    predictions.save_predictions(kept, tmp_path / "a.npz")
    assert predictions.load_predictions(tmp_path / "a.npz").names == names
