"""The demo does what its steps say, and notices when they do not come out as they should."""

import random
from collections import Counter

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import resbench
from resbench.accuracy.labels import imagenet
from resbench.cli.app import app
from resbench.demo import WEIGHTS, making
from resbench.demo.drawing import DRAWINGS, draw
from resbench.records.jsonio import read_record
from resbench.report import demo


def run(*words):
    return CliRunner().invoke(app, ["demo", "--quiet", *words])


def test_the_demo_profiles_validates_cards_reports_and_finds_what_it_broke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resbench.bench.measuring._ceilings", lambda *_: None)  # with memory, half of the time
    monkeypatch.setattr("resbench.bench.measuring._memory", lambda *_: ())
    result = run("-o", "made")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stdout.splitlines() if " of 8. " in line] == [
        f"{number} of 8. {step.title}" for number, step in enumerate(demo.STEPS, 1)
    ]
    made = tmp_path / "made"
    before, after = (
        next(read_record(path) for path in (made / folder).rglob("evaluation*.json")) for folder in ("results", "after")
    )
    assert before.images == after.images == 200
    assert before.top1_right > 190
    assert after.top1_right < 160
    assert "regressed" in result.stdout
    (card,) = (made / "cards").glob("*.md")
    assert "142,296" in card.read_text()
    assert resbench.count(making.network.DemoNet().eval()).params == 142_296
    assert (made / "report.html").read_text().startswith("<!doctype html>")
    assert torch.get_default_dtype() == torch.float32


def test_a_second_demo_leaves_the_first_alone(tmp_path):
    (tmp_path / "made").mkdir()
    result = run("-o", str(tmp_path / "made"))
    assert "name a new folder with --output" in str(result.exception)
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize("wnid", DRAWINGS)
def test_drawings_are_classes_of_imagenet_and_differ(wnid):
    chance = random.Random(0)
    first, second = draw(wnid, chance), draw(wnid, chance)
    assert wnid in imagenet()
    assert isinstance(first, Image.Image)
    assert first.size == (64, 64)
    assert first.tobytes() != second.tobytes()


def test_equal_seeds_give_equal_weights():
    images, labels = making.drawn(2, seed=3)
    assert Counter(labels.tolist()) == dict.fromkeys(set(labels.tolist()), 2)
    assert len(set(labels.tolist())) == 10
    one, same, other = (making.trained(images, labels, 1, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_step_that_ends_otherwise_ends_the_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(making, "make", lambda *_: None)
    with pytest.raises(resbench.errors.InvalidMeasurementError, match="exit code 2 instead of 0"):
        demo.show_demo(tmp_path / "made", lambda words: 2, quiet=True)


def test_swapped_colours_are_those_of_the_reversed_image(tmp_path):
    images, labels = making.drawn(1, seed=4)
    module = making.trained(images, labels, 1, seed=0)
    making._save(module.state_dict(), tmp_path)
    making.swap_colours(tmp_path)
    swapped = making.network.DemoNet().eval()
    swapped.load_state_dict(making.load_file(tmp_path / WEIGHTS))
    with torch.no_grad():
        assert torch.allclose(swapped(images), module(images.flip(1)), atol=1e-5)
