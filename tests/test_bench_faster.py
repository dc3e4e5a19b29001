"""What `resbench validate` chooses by itself on the CPU, on generated images, with networks whose answers are known."""

import copy
import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from resbench.accuracy.distributed import Portion, Ranks
from resbench.accuracy.layouts import open_set
from resbench.bench import entries, faster, recorded, validation
from resbench.bench.entries import Validating
from resbench.cli.app import app
from resbench.judging.compare import compare
from resbench.judging.finding import Verdict
from resbench.records import jsonio, predictions
from resbench.records.record import ChosenOptions
from resbench.records.store import path_of
from tests import planted

pytestmark = pytest.mark.usefixtures("planted_checkpoint")
WORDS = ["--img-size", "16", "--crop-pct", "0.8", "--device", "cpu", "--threads", "1", "--workers", "1"]


class Normed(planted.Planted):
    """The planted network behind a convolution and a batch norm, which change nothing that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(3)[:, :, None, None])
            self.conv.bias.zero_()
        self.eval()

    def forward(self, x):
        return super().forward(self.norm(self.conv(x)))


class Tied(nn.Module):
    """Its two best classes differ by 1e-5, and a folded batch norm computes one of them without a rounding of 6e-5.

    That one goes through a bias of 1024, of which the batch norm takes 1024 again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 1000, 1), nn.BatchNorm2d(1000, eps=0)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[:2, 0] = 1
            self.conv.bias.zero_()
            self.norm.bias.copy_(-10 - torch.arange(1000) / 10)
            self.norm.bias[:2] = torch.tensor([1e-5, 0])
            self.conv.bias[1] = self.norm.running_mean[1] = 1024
        self.eval()

    def forward(self, x):
        return self.norm(self.conv(x)).amax((2, 3))


class Unfoldable(Normed):
    """Its batch norm keeps no statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False, affine=False)

    def forward(self, x):
        self.norm(self.conv(x))
        return planted.Planted.forward(self, x)


@pytest.fixture
def folder(tmp_path):
    return planted.write_four(tmp_path / "val")


@pytest.fixture
def ran(monkeypatch):
    """The modules that evaluated whole sets."""
    modules = []
    scored = validation.scored

    def seen(contestants, *rest):
        modules.extend(contestant.forward.args[0].module for contestant in contestants)
        return scored(contestants, *rest)

    monkeypatch.setattr(validation, "scored", seen)
    return modules


def use(monkeypatch, module):
    def load_checkpoint(*given):
        return replace(planted.load_checkpoint(*given), module=copy.deepcopy(module))

    monkeypatch.setattr(entries, "load_checkpoint", load_checkpoint)


def run(folder, *words):
    done = CliRunner().invoke(app, ["validate", "--data", str(folder), "resnet18", *WORDS, *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


def validated(folder, *words):
    (record,) = json.loads(run(folder, *words, "--json").stdout)
    return jsonio.loads(json.dumps(record))


def test_what_is_faster_is_chosen_and_told_and_plain_switches_it_off(folder, monkeypatch, ran):
    use(monkeypatch, Normed())
    chosen, plain = validated(folder), validated(folder, "--plain")
    assert [type(module.norm) for module in ran] == [nn.Identity, nn.BatchNorm2d]
    assert (chosen.settings.fuse, chosen.settings.memory_format) == (True, "channels_last")
    assert chosen.chosen.options == ("fuse", "channels-last", "simplejpeg")
    assert (chosen.chosen.images, chosen.chosen.differing, chosen.chosen.failure) == (4, 0, "")
    assert chosen.chosen.difference < 1e-5
    assert chosen.pixels.decoder == f"simplejpeg {chosen.pixels.decoder.split()[1][:-1]}, {plain.pixels.decoder}"
    assert plain.chosen is None
    assert replace(plain.settings, fuse=True, memory_format="channels_last") == chosen.settings
    assert {(record.top1_right, record.top5_right) for record in (chosen, plain)} == {(2, 3)}
    shown = run(folder)
    told = "chosen    fuse, channels-last, simplejpeg: the five best classes of plain torch on the first 4 images"
    assert told in shown.stdout
    assert "plain torch" not in shown.stderr
    assert "chosen " not in run(folder, "--plain").stdout


def test_a_record_of_what_was_chosen_is_compared_with_a_plain_one(folder, monkeypatch):
    use(monkeypatch, Normed())
    chosen, plain = validated(folder), validated(folder, "--plain")
    assert path_of(chosen) == path_of(plain)
    assert path_of(chosen).name == "evaluation-resnet18-val-20-bilinear-fp32-16px.json"
    assert path_of(validated(folder, "--fuse")).name == "evaluation-resnet18-val-20-bilinear-fp32-16px-fuse.json"
    findings = compare(plain, chosen, "a record")
    assert {finding.verdict for finding in findings} <= {Verdict.OK, Verdict.INCONCLUSIVE}  # there are no predictions
    assert [finding.why for finding in findings if finding.metric == "top1 right"] == ["equal, of 4 images"]


def test_a_network_with_other_answers_runs_as_plain_torch_and_says_so(folder, monkeypatch, ran):
    use(monkeypatch, Tied())
    shown = run(folder, "--save", "--output", folder.parent / "results")
    (path,) = (folder.parent / "results").rglob("*.json")
    record, answers = jsonio.read_record(path), predictions.load_predictions(predictions.path_beside(path))
    run(folder, "--plain", "--save", "--output", folder.parent / "plain")
    other = folder.parent / "plain" / path.relative_to(folder.parent / "results")
    plain = predictions.load_predictions(predictions.path_beside(other))
    assert np.array_equal(answers.rows, plain.rows)
    assert [type(module.norm) for module in ran] == [nn.BatchNorm2d] * 2
    assert (record.settings.fuse, record.settings.memory_format) == (False, "contiguous")
    assert record.chosen.options == ("simplejpeg",)
    assert record.chosen.differing > 0
    assert record.chosen.difference < 1e-3
    told = f"on {record.chosen.differing} of the first 4 images, logits within {record.chosen.difference:.2g}"
    assert (
        "note: resnet18: runs as plain torch; with fuse, channels-last: other five best classes than in plain torch "
        f"{told}" in shown.stderr
    )
    assert f"chosen    simplejpeg: other five best classes than in plain torch {told}" in shown.stdout


def test_logits_beyond_the_bound_are_no_equal_answers(folder, monkeypatch):
    monkeypatch.setattr(faster, "compared_rows", lambda *_: (0, 0.002))
    shown = run(folder)
    assert "the first 4 images, logits within 0.002 of the largest, more than 0.001\n" in shown.stderr
    assert "batch norm folded" not in shown.stdout


def test_a_network_that_cannot_be_folded_runs_as_plain_torch(folder, monkeypatch):
    use(monkeypatch, Unfoldable())
    record = validated(folder)
    assert record.chosen.options == ("simplejpeg",)
    assert record.chosen.failure
    assert record.top1_right == 2
    assert f"with fuse, channels-last: the network fails ({record.chosen.failure})" in run(folder).stderr


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--fuse"], ("simplejpeg",)),
        (["--channels-last"], ("simplejpeg",)),
        (["--dtype", "bf16"], ("simplejpeg",)),
        (["--decoder", "pillow"], ("fuse", "channels-last")),
        (["--decoder", "simplejpeg"], ("fuse", "channels-last")),
        (["--cache", "frames"], ("fuse", "channels-last")),
        (["--decoder", "pillow", "--fuse"], None),
    ],
)
def test_what_is_asked_for_stays(folder, monkeypatch, words, options):
    monkeypatch.chdir(folder.parent)
    record = validated(folder, *words)
    assert (record.chosen.options if record.chosen else None) == options
    settings = record.settings
    network = bool(options and "fuse" in options)
    assert settings.fuse == (network or "--fuse" in words)
    assert settings.memory_format == ("channels_last" if network or "--channels-last" in words else "contiguous")
    assert settings.dtype == ("bf16" if "--dtype" in words else "fp32")
    assert record.pixels.decoder.startswith("simplejpeg") == ("simplejpeg" in (*words, *(options or ())))


def test_a_decoder_with_other_pixels_is_not_chosen(folder, monkeypatch):
    monkeypatch.setattr(faster, "largest_difference", lambda *_: 1)
    shown = run(folder)
    assert "note: decoded by Pillow: pixels of simplejpeg differ by up to 1 of 255" in shown.stderr
    assert "chosen    fuse, channels-last: " in shown.stdout
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    assert validated(folder).pixels.decoder.startswith("pillow ")


@pytest.fixture
def long(monkeypatch):
    """Every set takes long, and ONNX Runtime half of the time of torch."""
    monkeypatch.setattr(faster, "LONG_S", 0.0)
    monkeypatch.setattr(faster._First, "seconds", lambda _, course: 1 if course.settings.runtime == "eager" else 0.5)


@pytest.mark.parametrize(("module", "chooses"), [(Normed, faster.FOLDED), (Tied, faster.PLAIN), (Normed, faster.ONNX)])
def test_an_interrupted_run_goes_on_with_what_it_chose(folder, monkeypatch, request, module, chooses):
    use(monkeypatch, module())
    if chooses == faster.ONNX:
        request.getfixturevalue("long")
    (folder.parent / "file").touch()
    words = ["validate", "--data", str(folder), "resnet18", *WORDS, "--save", "--output"]
    assert "what was evaluated is kept" in str(CliRunner().invoke(app, [*words, str(folder.parent / "file")]).exception)
    monkeypatch.setattr(faster, "_compared", None)  # who compares again fails
    shown = run(folder, "--save", "--output", folder.parent / "results")
    (path,) = (folder.parent / "results").rglob("*.json")
    assert jsonio.read_record(path).chosen.options[:-1] == chooses
    assert ("runs as plain torch" in shown.stderr) != bool(chooses)
    assert not list((folder.parent / "cache" / "resbench" / "unfinished").iterdir())


def test_ranks_take_plain_torch_if_one_of_them_must(folder, monkeypatch):
    class Two(Ranks):
        def gather(self, value):
            other = replace(value, options=("simplejpeg",), differing=1) if isinstance(value, ChosenOptions) else value
            return [value] if isinstance(value, np.ndarray | list) else [value, other]

    monkeypatch.setattr(validation, "ranks", lambda: nullcontext(Two()))
    record = validated(folder)
    assert (record.settings.fuse, record.chosen.options, record.chosen.differing) == (False, ("simplejpeg",), 1)


def test_a_set_that_takes_long_is_answered_in_onnx_runtime_where_it_is_faster(folder, monkeypatch, long):
    use(monkeypatch, Normed())
    results, plain = folder.parent / "results", validated(folder, "--plain")
    shown = run(folder, "--save", "--output", results, "--threads", 2)
    (path,) = results.rglob("*.json")
    record = jsonio.read_record(path)
    assert (record.settings.runtime, record.settings.fuse, record.settings.threads) == ("onnxruntime", False, 2)
    assert record.engine.options["intra_op_num_threads"] == "1"
    assert record.exported.difference < 1e-5
    assert record.chosen.options == ("onnxruntime", "simplejpeg")
    assert (record.chosen.differing, record.chosen.difference < 1e-5) == (0, True)
    assert (record.top1_right, record.top5_right) == (plain.top1_right, plain.top5_right) == (2, 3)
    assert "chosen    onnxruntime, simplejpeg: the five best classes of plain torch" in shown.stdout
    assert path.relative_to(results) == path_of(plain)
    verdicts = {finding.verdict for finding in compare(plain, record, "a record")}
    assert verdicts <= {Verdict.OK, Verdict.INCONCLUSIVE}  # there are no predictions
    monkeypatch.setattr(recorded, "_has_weights", lambda *_: True)
    how = Validating(running=replace(Validating().running, input_px=16), crop_pct=0.8, device="cpu")
    (entry,) = entries.select(["resnet18"], [], [folder], how)[1]
    assert recorded.recorded_evaluation(entry, open_set(folder), how, results) == record
    assert recorded.recorded_evaluation(entry, open_set(folder), replace(how, plain=True), results) is None


def test_onnx_runtime_must_be_clearly_faster(folder, monkeypatch):
    use(monkeypatch, Normed())
    monkeypatch.setattr(faster, "LONG_S", 0.0)
    monkeypatch.setattr(faster._First, "seconds", lambda _, course: 1 if course.settings.runtime == "eager" else 0.97)
    record = validated(folder)
    assert record.settings.runtime == "eager"
    assert record.chosen.options == ("fuse", "channels-last", "simplejpeg")


def test_an_export_that_is_not_proved_is_not_used(folder, monkeypatch, long):
    use(monkeypatch, Normed())
    monkeypatch.setattr(faster, "with_proof", lambda course, *_: course if course.arm.files is None else 1 / 0)
    assert validated(folder).chosen.options == ("fuse", "channels-last", "simplejpeg")


def test_nothing_is_exported_for_a_short_set_for_a_portion_or_without_onnx_runtime(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(faster, "prepare", lambda _, settings, *__: asked.append(settings.runtime) or 1 / 0)
    run(folder)
    monkeypatch.setattr(faster, "LONG_S", 0.0)
    run(folder)
    monkeypatch.setattr(faster, "missing", lambda name: f"no {name}")
    run(folder)
    assert asked == ["eager", "eager", "onnxruntime", "eager"]
    monkeypatch.undo()
    half = SimpleNamespace(portion=Portion(number=0, of=2))
    assert faster._ways(half) == (faster.PLAIN, faster.FOLDED)


def test_answers_are_compared_by_class_and_by_logit():
    def rows(top5, logits, own, logsumexp):
        made = np.zeros(2, predictions.ROW)
        made["top5"], made["logits"], made["own"], made["logsumexp"] = top5, logits, own, logsumexp
        return made

    few = [1, 0, -1, -1, -1]  # of two classes
    before = rows([[1, 2, 3, 4, 5], few], [[8, 4, 2, 1, 0], [2, 1, *[-np.inf] * 3]], [8, 1], [8.5, 2.5])
    assert faster.compared_rows(before, before) == (0, 0)
    after = rows([[1, 2, 3, 5, 4], few], [[8, 4, 2, 1, 0.5], [2, 1.25, *[-np.inf] * 3]], [8, 1], [8.5, 2.5])
    assert faster.compared_rows(before, after) == (1, pytest.approx(0.25 / 2.5))


def test_a_record_that_is_there_stands_for_what_would_be_chosen(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "_has_weights", lambda *_: True)
    how = Validating(running=replace(Validating().running, input_px=16), crop_pct=0.8, device="cpu")
    images = open_set(folder)
    (entry,) = entries.select(["resnet18"], [], [folder], how)[1]
    for words, found in ((["--plain"], (True, True)), ([], (True, False)), (["--fuse"], (False, False))):
        root = Path(tmp_path, "".join(["results", *words]))
        run(folder, *words, "--save", "--output", root)
        there = [recorded.recorded_evaluation(entry, images, asked, root) for asked in (how, replace(how, plain=True))]
        assert tuple(record is not None for record in there) == found, words
