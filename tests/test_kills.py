"""Killed at any step of writing, a command leaves whole files only, and the same command then does its work."""

import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import resbench
from resbench.accuracy.labels import imagenet
from resbench.cards.templating import SIGNATURE
from resbench.records import jsonio, predictions
from resbench.records.store import save
from tests import card_corpus, examples, planted
from tests.kills import killed

CARD = card_corpus.README.replace("| 44.18 |", "| 44.81 |")


def check_whole(folder: Path) -> None:
    """Everything that a reader would look at can be read to its end."""
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp")):
        match path.suffix:
            case ".json":
                record = jsonio.read_record(path)
                if getattr(record, "predictions_sha256", None):
                    assert predictions.load_predictions(path.with_suffix(".npz")).sha256 == record.predictions_sha256
            case ".md" | ".svg" if path.parent.name in ("cards", "img"):
                text = path.read_text()
                assert SIGNATURE in text
                assert text.endswith(("\n", "</svg>\n"))
            case ".safetensors":
                assert load_file(path)
            case ".xml":
                assert path.read_text().rstrip().endswith("</testsuites>")


def command(name: str, folder: Path, inputs: Path) -> list[object]:
    """The words of a command that writes below `folder`, and what it needs there or in `inputs`."""
    match name:
        case "card":
            return ["card", "resnet18", "--output", folder / "cards"]
        case "card --update":
            page = folder / "page.md"
            page.write_text("<!-- resbench:resnet18 begin -->\n<!-- resbench:resnet18 end -->\n")
            return ["card", "--update", page]
        case "baseline save":
            save(examples.PROFILE, inputs)
            return ["baseline", "save", inputs, "--pool", folder / "pool"]
        case "check --junit":
            save(examples.PROFILE, inputs)
            return ["check", inputs, "--against", inputs, "--junit", folder / "report.xml"]
        case "lint --fix":
            (folder / "README.md").write_text(CARD)
            return ["lint", folder / "README.md", "--fix"]
        case "weights convert":
            torch.save(resbench.build("resnet20_cifar10").state_dict(), inputs / "resnet20.pth")
            return ["weights", "convert", inputs / "resnet20.pth", "-o", folder / "resnet20.safetensors"]
        case "profile":
            quick = ["--input-px", 32, "--time-budget", 0.1, "--threads", 1, "--batch-size", 1]
            return ["profile", "resnet20_cifar10", *quick, "--save", "-o", folder / "results"]
        case "validate":
            torch.save(resbench.build("resnet18").state_dict(), inputs / "resnet18.pth")
            for label, wnid in enumerate(list(imagenet())[:3]):
                planted.write(inputs / "val" / wnid / "a.JPEG", label)
            words = ["--data", inputs / "val", "--weights", inputs / "resnet18.pth", "resnet18", "--img-size", 32]
            return ["validate", *words, "--cache", folder / "cache", "--save", "--output", folder / "results"]
    raise ValueError(name)


CHEAP = ["card", "card --update", "baseline save", "check --junit", "lint --fix"]


def try_points(name: str, tmp_path: Path, points) -> int:
    """Kill the command at each of `points` until it comes to its end; return at how many it was killed."""
    count = 0
    for number in points:
        folder, inputs = tmp_path / f"out{number}", tmp_path / f"in{number}"
        folder.mkdir()
        inputs.mkdir()
        words = command(name, folder, inputs)
        if not killed(folder, number, *words):
            break
        count += 1
        check_whole(folder)
        if name != "weights convert" or not words[-1].exists():  # it never writes over a file
            assert not killed(folder, 10**6, *words)
        check_whole(folder)
        assert not list(folder.rglob("*.tmp"))
    return count


def test_a_killed_command_leaves_whole_files_and_can_be_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert try_points("baseline save", tmp_path, (3,)) == 1


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*CHEAP, "weights convert", "profile", "validate"])
def test_a_command_may_be_killed_at_every_step(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    count = try_points(name, tmp_path, itertools.count(1))
    print(f"{name}: killed at {count} points")
    assert count >= 2
