"""Several sets of images in one command: each by its own rules, ranks and accuracies beside those on the first."""

import json
import re

import pytest
from scipy import stats
from typer.testing import CliRunner

from resbench.accuracy.labels import imagenet, objectnet, subsets
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.accuracy import newcombe
from resbench.judging.shift import effective_robustness
from tests import planted
from tests.test_accuracy_layouts import label, official_name

pytestmark = pytest.mark.usefixtures("planted_checkpoint")
WNIDS = list(imagenet())
SMALL = ["--img-size", "16", "--crop-pct", "0.8"]
OF_A = sorted(next(classes for classes, name in subsets().items() if name == "ImageNet-A"))
NETWORKS = ["resnet18", "resnet34", "resnet50"]
WEIGHTS = ["--weights", "a.pth", "--weights", "bgr.pth", "--weights", "constant.pth"]


@pytest.fixture
def official(tmp_path):
    """24 official images; the planted network is right on those with an even number."""
    for number in range(1, 25):
        planted.write(tmp_path / "official" / official_name(number), (label(number) + number % 2) % 1000)
    return tmp_path / "official"


@pytest.fixture
def other(tmp_path):
    """12 images of three classes, of which the planted network sees 4 right."""
    for place in range(12):
        shown = label(2) if place < 4 else 11 if place < 6 else 5
        planted.write(tmp_path / "other" / WNIDS[label(2) if place < 4 else 111 * (place % 2)] / f"{place}.JPEG", shown)
    return tmp_path / "other"


def run(*words):
    return CliRunner().invoke(app, ["validate", *map(str, words), *SMALL])


def counts(records):
    return {(one["dataset"]["name"], one["weights"]): (one["top1_right"], one["images"]) for one in records}


def test_each_set_has_the_counts_of_a_command_of_its_own(official, other):
    both = json.loads(run("--data", official, "--data", other, *WEIGHTS, *NETWORKS, "--json").stdout)
    alone = [json.loads(run("--data", path, *WEIGHTS, *NETWORKS, "--json").stdout) for path in (official, other)]
    assert counts(both) == counts([*alone[0], *alone[1]])
    assert counts(both)["part of ImageNet-1k", "a.pth"] == (12, 24)
    assert [one["dataset"]["name"] for one in both] == ["part of ImageNet-1k"] * 3 + ["other"] * 3
    assert [one["standing"]["is_base"] for one in both] == [True] * 3 + [False] * 3
    assert all(one["weights"] == one["standing"]["weights"] for one in both)
    first, second = ([one["standing"] for one in both[place : place + 3]] for place in (0, 3))
    assert [(one["rank"]["place"], one["moved"]) for one in first] == [(1, None), (2, None), (3, None)]
    assert first[0]["rank"] == {"place": 1, "low": 1, "high": 1}
    assert (second[0]["right"], second[0]["moved"]["place"], second[0]["difference"]) == (4, 0, None)


def test_one_table_has_a_row_per_checkpoint_and_columns_per_set(official, other):
    result = run("--data", other, "--data", official, *WEIGHTS, *NETWORKS)
    assert result.exit_code == 0, result.output
    titles, *rows = [line.split("│") for line in re.sub("[┃|]", "│", result.stdout).splitlines() if "│" in line]
    assert [title.strip() for title in titles[1:-1]] == [
        "checkpoint", "other", "rank", "part of ImageNet-1k", "rank", "ReaL top-1",
    ]  # fmt: skip
    assert [row[1].strip() for row in rows] == ["a.pth", "bgr.pth", "constant.pth"]
    interval = stats.binomtest(12, 24).proportion_ci(method="wilson")
    assert rows[0][4].strip() == f"50.00 % [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
    assert re.fullmatch(r"1 \[1, 1\], \+0 \[\S+, \S+\]", rows[0][5].strip())
    assert result.stdout.count("images    ") == 2


def test_the_gap_is_to_the_images_of_the_same_classes(official, tmp_path):
    """Of ImageNet-A only the classes of the set count, on both sides."""
    shown_too = [number for number in range(1, 25) if label(number) in OF_A]
    for place, shown in enumerate(OF_A):
        planted.write(tmp_path / "a" / WNIDS[shown] / f"{shown}.jpg", shown if place % 4 == 0 else 999)
    words = ["--data", tmp_path / "a", "--data", official, "--against", "imagenet"]
    found = json.loads(run(*words, "--json", "--weights", "a.pth", "resnet18").stdout)
    (difference,) = [one["standing"]["difference"] for one in found if one["dataset"]["name"] == "ImageNet-A"]
    assert [one["dataset"]["name"] for one in found if not one["standing"]] == [
        "part of ImageNet-1k, classes of ImageNet-A"
    ]
    assert difference["base_images"] == len(shown_too)
    own = counts(found)
    base = own["part of ImageNet-1k, classes of ImageNet-A", "a.pth"]
    assert base[1] == len(shown_too)
    assert base[0] >= sum(number % 2 == 0 for number in shown_too)  # of few classes more answers are right
    right, images = own["ImageNet-A", "a.pth"]
    assert difference["change"] == pytest.approx(right / images - base[0] / base[1])
    assert (difference["low"], difference["high"]) == pytest.approx(newcombe(*base, right, images))
    result = run(*words, "--weights", "a.pth", "resnet18")
    assert f"] of {base[0] / base[1]:.2%}".replace("%", " %") in result.stdout
    assert "note: effective robustness needs 3 networks; these are 1" in result.stderr


def test_three_networks_have_an_effective_robustness(official, other, monkeypatch):
    from resbench.bench import setwise

    monkeypatch.setattr(setwise, "effective_robustness", lambda base, seen: [0.01, 0.0, -0.02])
    words = ["--data", official, "--data", other, *WEIGHTS, *NETWORKS, "--against", official]
    result = run(*words)
    assert "effective robustness" in result.stdout
    assert re.search(r"│ \+1\.00 +│", result.stdout)
    monkeypatch.setattr(setwise, "effective_robustness", effective_robustness)
    assert "other: no effective robustness, for accuracies of 0 and 100 %" in run(*words).stderr


def test_objectnet_is_compared_by_its_own_classes(tmp_path):
    numbers = [n for n in range(1, 9000) if label(n) in (409, 530, 414)][:4]
    for number in numbers:
        planted.write(tmp_path / "official" / official_name(number), {409: 530, 530: 409, 414: 414}[label(number)])
    for folder in ("alarm_clock", "backpack", "banana", "band_aid", "bench", "broom", "mug", "tie", "wok", "vase"):
        planted.write(tmp_path / "objects" / folder / f"{folder}.png", objectnet()[folder][-1], kind="PNG")
    words = ["--data", tmp_path / "official", "--data", tmp_path / "objects", "--against", "imagenet"]
    found = json.loads(run(*words, "--weights", "x.pth", "resnet18", "--json").stdout)
    own = counts(found)
    assert own["ObjectNet", "x.pth"] == (10, 10)
    assert own["part of ImageNet-1k, classes of ObjectNet", "x.pth"] == (4, 4)  # an analog clock is a digital clock
    (objects,) = [one for one in found if one["dataset"]["name"] == "ObjectNet"]
    assert (objects["pixels"]["border_px"], objects["dataset"]["among"]) == (2, 113)


def test_every_record_is_saved_and_none_replaces_another(official, other, tmp_path):
    result = run("--data", official, "--data", other, "resnet18", "--save", "--output", tmp_path / "r")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "r").rglob("*.json"))) == len(list((tmp_path / "r").rglob("*.npz"))) == 2


def test_labels_are_given_to_sets_in_order(other, tmp_path):
    for place in range(3):
        planted.write(tmp_path / "flat" / f"{place}.png", place, kind="PNG")
    (tmp_path / "labels.csv").write_text("0.png,0\n1.png,1\n2.png,7\n")
    found = json.loads(
        run("--data", other, "--data", tmp_path / "flat", "--labels", "-", "--labels", tmp_path / "labels.csv",
            "--weights", "x.pth", "resnet18", "--json").stdout
    )  # fmt: skip
    assert counts(found)["flat", "x.pth"] == (2, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "other", "--data", "nowhere"], "nowhere: no such folder"),
        (["--data", "other", "--data", "copy/other"], "other and copy/other are both called other; give sets of"),
        (["--data", "other", "--data", "again"], "other and again are the same images; give sets of different"),
        (["--data", "other", "--data", "flat", "--labels", "l.csv"], "--labels: given 1 times for 2 sets; give it"),
        (["--data", "other", "--against", "imagenet"], "--against imagenet: one set is compared with nothing"),
        (["--data", "other", "--data", "third", "--against", "imagenet"], "--against imagenet: none of the sets is"),
        (["--data", "other", "--data", "third", "--explain-gap"], "--explain-gap: looks at one set, given 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_any_forward_pass(other, monkeypatch, words, message):
    root = other.parent
    for place in ("copy/other", "third"):
        planted.write(root / place / WNIDS[3] / "a.JPEG", 3 + len(place))
    for path in other.rglob("*.JPEG"):
        (root / "again" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / "again" / path.parent.name / path.name).write_bytes(path.read_bytes())
    planted.write(root / "flat" / "a.png", 3, kind="PNG")
    monkeypatch.chdir(root)
    monkeypatch.setattr(planted.Planted, "forward", None)
    result = run(*words, "resnet18")
    assert isinstance(result.exception, ResbenchError)
    assert message in str(result.exception)
