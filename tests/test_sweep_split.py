"""A validation that is split by images over jobs: what they leave together is what one process leaves."""

import json
import shutil
import sys
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

import resbench
from resbench.accuracy import loader
from resbench.accuracy.distributed import Portion
from resbench.cli.app import app
from resbench.errors import InvalidMeasurementError
from resbench.records.store import read_folder
from resbench.running import fresh
from resbench.sweep import ranked
from resbench.sweep.jobs import Job, split_by_images, together
from resbench.zoo import find
from tests import planted
from tests.examples import ENVIRONMENT, RUN
from tests.test_running_arm import TINY

WORDS = ("tiny", "--data", "val", "-b", "2", "--with", "input-px=32", "--with", "threads=1", "--with", "workers=1")
WEIGHTS = ("--with", "weights=w0.pth", "--with", "weights=w1.pth")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Two files of weights of one network."""
    paths = [tmp_path_factory.mktemp("weights") / f"w{number}.pth" for number in range(2)]
    for number, path in enumerate(paths):
        torch.manual_seed(number)
        torch.save(resbench.build(TINY).state_dict(), path)
    return paths


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, weights):
    """Ten images of ten classes, one of them unreadable, and two files of weights; processes are this one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["resbench", "sweep"])
    monkeypatch.setattr(find, "VARIANTS", (*find.VARIANTS, TINY))
    monkeypatch.setattr(fresh, "call", lambda function, *arguments: function(*arguments))
    for label in range(10):
        planted.write(tmp_path / "val" / f"class{label}" / "a.JPEG", 100 * label)
    (tmp_path / "val" / "class3" / "a.JPEG").write_bytes(b"no image")
    for path in weights:
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.fixture
def evaluated(monkeypatch):
    """Where the batches began that each pass over the images evaluated."""
    passes, real = [], loader.batches

    def batches(*arguments, starts, **named):
        if "caches" in named:  # not the first images alone, by which options are chosen
            passes.append(list(starts))
        return real(*arguments, starts=starts, **named)

    monkeypatch.setattr(loader, "batches", batches)
    return passes


def sweep(*words):
    return CliRunner().invoke(app, ["sweep", *map(str, words)])


def endings(folder):
    """How each job ended, by its checkpoint and part."""
    jobs = json.loads(sweep("status", "-o", folder, "--json").stdout)["jobs"]
    return {(each["job"]["options"]["weights"], tuple(each["job"]["part"] or ())): each["ending"] for each in jobs}


def readable(here):
    """Replace the image that cannot be read."""
    planted.write(here / "val" / "class3" / "a.JPEG", 300)


def kept(folder):
    """The records without times, and the files of predictions byte for byte."""
    records = [replace(record, run=RUN, environment=ENVIRONMENT) for record in read_folder(folder).values()]
    return records, [path.read_bytes() for path in sorted(folder.rglob("*.npz"))]


def test_parts_together_are_what_one_process_leaves(here, evaluated):
    skipping = ("--with", "skip-unreadable")
    serial = sweep(*WORDS, *WEIGHTS[:2], *skipping, "-o", "serial")
    assert serial.exit_code == 0, serial.output
    assert evaluated == [[0, 2, 4, 6, 8]]  # nine images
    evaluated.clear()
    split = sweep(*WORDS, *WEIGHTS[:2], *skipping, "--split", "3", "-o", "split")
    assert split.exit_code == 0, split.output
    assert "4 done" in split.stdout
    assert evaluated == [[0], [2, 4], [6, 8], []]
    assert kept(here / "split") == kept(here / "serial")
    (record,) = read_folder(here / "split").values()
    assert (record.images, record.skipped) == (9, ("class3/a.JPEG",))
    assert list((here / "split" / ".sweep" / "unfinished").iterdir()) == []


def test_checkpoints_share_the_pass_of_each_part():
    jobs = [Job(kind="validate", name=name, options={"data": "val"}) for name in "ab"]
    groups = [[(job.name, job.part) for job in group] for group in together(split_by_images(jobs, 2))]
    assert groups == [[("a", part), ("b", part)] for part in ((1, 2), (2, 2), None)]


def test_a_part_that_dies_is_tried_again_alone(here, evaluated, monkeypatch):
    readable(here)
    tries = []

    def call(function, root, keys, code, attempt):
        tries.append((len(keys), attempt))
        if len(tries) == 2:
            raise fresh.DiedError("killed")
        return function(root, keys, code, attempt)

    monkeypatch.setattr(fresh, "call", call)
    done = sweep(*WORDS, *WEIGHTS[:2], "--split", "3", "-o", "split")
    assert done.exit_code == 0, done.output
    assert tries == [(1, 1), (1, 1), (1, 1), (1, 2), (1, 1)]
    attempts = {part: ending["attempts"] for (_, part), ending in endings("split").items()}
    assert sorted(attempts.values()) == [1, 1, 1, 2]
    assert attempts[()] == 1
    assert evaluated == [[0], [6, 8], [2, 4], []]


def test_a_part_that_fails_for_good_fails_the_validation_and_resume_does_what_is_missing(here, monkeypatch):
    readable(here)
    real = ranked.validate_all

    def failing(*arguments, keeping, **named):
        if keeping.portion == Portion(number=1, of=3):
            raise InvalidMeasurementError("logits are not finite")
        return real(*arguments, keeping=keeping, **named)

    monkeypatch.setattr(ranked, "validate_all", failing)
    done = sweep(*WORDS, *WEIGHTS[:2], "--split", "3", "-o", "split")
    assert done.exit_code == 5
    assert "2 done, 2 failed" in done.stdout
    assert "part 2 of 3: logits are not finite" in endings("split")["w0.pth", ()]["reason"]
    asked = []
    monkeypatch.setattr(ranked, "validate_all", lambda *words, **named: asked.append(named) or real(*words, **named))
    again = sweep("resume", "-o", "split")
    assert again.exit_code == 0, again.output
    assert [named["keeping"].portion for named in asked] == [Portion(number=1, of=3), Portion()]
    assert len(read_folder(here / "split")) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tiny", "--split", "2"), "are of validations, and there are none; give --data"),
        (("tiny", "--ranks", "2"), "are of validations, and there are none; give --data"),
        ((*WORDS, *WEIGHTS, "--with", "dtype=int8", "--split", "2"), "calibrated anew"),
        ((*WORDS[:3], *WEIGHTS, "-b", "auto", "--split", "2"), "give a number"),
        ((*WORDS, *WEIGHTS, "--split", "2", "--print-script"), "do not wait for one another"),
    ],
)
def test_what_cannot_be_split_is_refused(words, message):
    assert message in str(sweep(*words, "-o", "split").exception)


def test_a_dry_run_shows_validations_whole():
    assert "2 jobs: 2 waiting" in sweep(*WORDS, *WEIGHTS, "--split", "3", "--dry-run").stdout


@pytest.mark.parametrize(("count", "of"), [(0, 3), (1, 3), (7, 3), (9, 3), (5, 8)])
def test_portions_are_everything_once_and_of_equal_size(count, of):
    shares = [Portion(number=number, of=of).share(range(count)) for number in range(of)]
    assert [item for share in shares for item in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
