"""`resbench gate` in a repository that holds a copy of this package, and changes to its code."""

import json
import shutil
import sys
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import resbench
from resbench import count
from resbench.bench import comparing, gate
from resbench.cli.app import app
from resbench.errors import ResbenchError
from resbench.judging.family import Change, Timed, judge_together
from resbench.judging.finding import Finding, Verdict
from resbench.judging.limits import Config
from resbench.nets import build as building
from resbench.nets.build import build
from resbench.records.store import save
from resbench.running.settings import Running
from tests import places, scripted
from tests.examples import PROFILE
from tests.scripted import git

PACKAGE = Path(resbench.__file__).parent
NETWORK = "resnet20_cifar10"
ANCHOR = "        self.avgpool = nn.AdaptiveAvgPool2d(1)\n"  # inside ResNet.__init__, after the stages
CHANGES = {
    "none": "",
    "one more parameter": "        self.extra = nn.Parameter(torch.zeros(1))\n",
    "one more ReLU": "        self.conv1 = nn.Sequential(self.conv1, nn.ReLU())\n",
    "other padding": "        self.conv1.padding = (0, 0)\n",
    "another eps": "        for layer in self.modules():\n            layer.eps = 1e-2\n",
}


def committed(root):
    """Cut the table of counts of the package in `root` down to one network, add a record, and commit.

    The record is from before operators were counted, which must not make a finding.
    """
    table = root / "resbench" / "counting" / "counted.json"
    table.write_text(json.dumps({NETWORK: json.loads(table.read_text())[NETWORK]}))
    save(replace(PROFILE, network=NETWORK, counts=replace(count(NETWORK), operators=None)), root / "results")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    return root


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A repository with what the tests read of the package, for those that start none of its programs."""
    root = tmp_path_factory.mktemp("base")
    for place in ("__init__.py", "counting/counted.json", "nets/resnet.py"):
        (root / "resbench" / place).parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / place, root / "resbench" / place)
    return committed(root)


@pytest.fixture
def repository(base, tmp_path, monkeypatch):
    """A copy of it on a branch, in which to change code."""
    root = tmp_path / "repository"
    shutil.copytree(base, root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """A repository with every module of the package."""
    root = tmp_path / "whole"
    shutil.copytree(PACKAGE, root / "resbench", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(root)
    return committed(root)


@pytest.fixture
def one_process(monkeypatch):
    """Each process imports torch, which takes seconds."""
    monkeypatch.setattr(gate.environment, "cpu_cores", lambda: 1)


@pytest.fixture
def counted_here(monkeypatch):
    """Count with the ResNet of the work tree, but in this process."""

    def recounted(sides, asked):
        with resnet_of(sides.root, monkeypatch):
            return [count(name, size) for name, size in asked]

    monkeypatch.setattr(gate, "_recounted", recounted)


@pytest.fixture
def evaluated_here(monkeypatch):
    """Evaluate with the ResNet of each side, but in this process."""

    def run(tree, *words):
        with resnet_of(tree, monkeypatch):
            return in_this_process(tree, *words)

    monkeypatch.setattr(gate, "_run", run)


def in_this_process(tree, *words):
    """Do what a process of the program does in the folder `tree`."""
    with chdir(tree):
        done = CliRunner().invoke(app, list(words))
    return CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


@contextmanager
def resnet_of(tree, monkeypatch):
    """Build networks with the ResNet that a tree has."""
    module = ModuleType("resnet")
    exec((tree / "resbench" / "nets" / "resnet.py").read_text(), vars(module))
    with monkeypatch.context() as changed:
        changed.setattr(building, "ResNet", module.ResNet)
        yield


def change(root, name):
    path = root / "resbench" / "nets" / "resnet.py"
    text = path.read_text()
    assert ANCHOR in text
    path.write_text(text.replace(ANCHOR, ANCHOR + CHANGES[name]))


def invoke(*words):
    told = CliRunner().invoke(app, ["gate", "--json", "--quiet", *words])
    assert told.exit_code in (0, 1, 3, 4, 5), told.output + str(told.exception)
    return told.exit_code, json.loads(told.stdout), told


def told_everywhere(monkeypatch):
    """What the gate finds, as JSON, with its exit code; every place must say just that. It judges once."""
    judge, judged = gate.gate, []

    def once(*words):
        judged[:] = judged or [judge(*words)]
        return judged[0]

    monkeypatch.setattr(gate, "gate", once)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    shown = CliRunner().invoke(app, ["gate", "--quiet", "--junit", "report.xml"])
    summary = Path("summary.md").read_text()
    exited, found, _ = invoke()
    everything = places.in_json(found)
    assert shown.exit_code == exited
    assert places.in_terminal(shown.stdout) == everything
    assert places.in_junit("report.xml") == everything
    assert places.in_summary(summary) == everything
    annotated = places.in_annotations(shown.stderr)
    assert set(annotated) <= set(everything)
    assert len(annotated) == (len(everything) if len(everything) <= 10 else 9)
    verdicts = [f["verdict"] for f in found]
    assert summary.startswith(f"## resbench: {verdicts[0]}\n")
    return exited, found


@pytest.mark.parametrize(
    ("name", "code", "regressed"),
    [
        ("none", 0, set()),
        ("one more parameter", 1, {"params", "weights_bytes"}),
        ("one more ReLU", 1, {"operators", "terms.relu", "terms.relu_last"}),
        (
            "other padding",
            1,
            {"macs", "activations", "traffic", "terms.conv", "terms.bn", "terms.relu", "terms.relu_last"},
        ),
    ],
)
def test_code_that_changes_counts_is_told_in_every_place(repository, counted_here, monkeypatch, name, code, regressed):
    change(repository, name)
    exited, found = told_everywhere(monkeypatch)
    assert exited == code
    assert {(f["verdict"], f["metric"]) for f in found if f["verdict"] != "ok"} == {("regressed", m) for m in regressed}
    assert {"params", "macs"} <= {f["metric"] for f in found}
    records = {f["record"] for f in found}
    assert {f"{NETWORK} at 32x32"} < records
    assert any(record.endswith("(recounted)") for record in records)


def test_each_side_is_counted_by_its_own_program(whole, one_process):
    change(whole, "other padding")
    exited, found, _ = invoke()
    seen = [f for f in found if f["metric"] == "macs"]
    assert count(NETWORK).terms.macs in [f["before"] for f in seen]
    assert exited == 1
    assert all(f["after"] < f["before"] and f["verdict"] == "regressed" for f in seen)


def test_what_the_branch_did_not_do_is_not_held_against_it(repository):
    git(repository, "checkout", "-qb", "feature")
    git(repository, "checkout", "-q", "main")
    (next((repository / "results").rglob("*.json"))).unlink()
    git(repository, "commit", "-qam", "main moves on")
    git(repository, "checkout", "-q", "feature")
    with gate.trees(repository, None) as sides:
        assert list(gate.changed_records(sides, Path("results"), Config())) == []
    git(repository, "rm", "-q", "-r", "results")
    git(repository, "commit", "-qm", "the branch deletes too")
    (repository / "results").mkdir()
    save(replace(PROFILE, network="resnet18"), repository / "results")
    with gate.trees(repository, "main") as sides:
        found = list(gate.changed_records(sides, Path("results"), Config()))
    assert [f.verdict for f in found] == [Verdict.NOT_COMPARABLE] * 2  # one is missing, one is new


def coloured_noise():
    """64 images of CIFAR-10's binary test batch: coarse patches of random colours, random labels."""
    generator = np.random.default_rng(0)
    patches = generator.integers(0, 256, (64, 3, 4, 4), dtype=np.uint8).repeat(8, 2).repeat(8, 3)
    return np.concatenate([generator.integers(0, 10, (64, 1), dtype=np.uint8), patches.reshape(64, -1)], axis=1)


@torch.inference_mode()
def undecided(images):
    """Weights that see every class about equally often in `images`."""
    torch.manual_seed(0)
    module = build(NETWORK)
    for key, tensor in module.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.01, 0.1)
    pixels = torch.tensor(images[:, 1:].reshape(64, 3, 32, 32)) / 255
    module.fc.bias -= module((pixels - 0.45) / 0.23).mean(0)
    return module.state_dict()


@pytest.mark.usefixtures("counted_here", "evaluated_here")
def test_an_eps_that_flips_predictions_is_found_with_images(repository, tmp_path):
    images = coloured_noise()
    (tmp_path / "test_batch.bin").write_bytes(images.tobytes())
    torch.save(undecided(images), tmp_path / "weights.pth")
    change(repository, "another eps")
    exited, found, _ = invoke(
        "--data", str(tmp_path / "test_batch.bin"), "--evaluate", NETWORK, "--weights", str(tmp_path / "weights.pth")
    )  # fmt: skip
    assert exited == 1
    flips = next(f for f in found if f["metric"] == "predictions changed")
    assert (flips["verdict"], 0 < flips["after"] < 64) == ("regressed", True)
    assert all(f["verdict"] == "ok" for f in found if f["metric"] in ("params", "macs"))


def test_a_stale_card_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    assert CliRunner().invoke(app, ["card", "resnet18", "resnet34", "resnet50"]).exit_code == 0
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "cards")
    with gate.trees(tmp_path, None) as sides, monkeypatch.context() as changed:
        changed.setattr(gate, "_run", in_this_process)
        assert sides.base is None
        assert [f.verdict for f in gate.stale_cards(sides, Path("cards"), Path("results"))] == [Verdict.OK]
    card = tmp_path / "cards" / "resnet18.md"
    card.write_text(card.read_text().replace("11,689,512", "11,689,513"))
    other = tmp_path / "cards" / "resnet34.md"
    other.write_text(other.read_text().replace("21,797,672", "21,797,673"))
    exited, found = told_everywhere(monkeypatch)
    assert exited == 1
    stale = ["cards/resnet18.md", "cards/resnet34.md"]
    assert places.in_json(found) == [("regressed", card, "card") for card in stale]
    assert {f["why"] for f in found} == {
        f"stale or missing; write it with `resbench card {name}`" for name in ("resnet18", "resnet34")
    }


def test_a_card_that_is_missing_and_one_too_many_are_not_up_to_date():
    assert gate._changed_files("--- /dev/null\n+++ cards/resnet34.md\n@@\n+x\n") == ["cards/resnet34.md"]
    assert gate._changed_files("--- cards/resnet35.md\n+++ /dev/null\n@@\n-x\n") == ["cards/resnet35.md"]


def test_a_repository_with_some_cards_and_pages_of_its_own_is_held_to_those_cards(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gate, "_run", in_this_process)
    git(tmp_path, "init", "-q")
    assert CliRunner().invoke(app, ["card", "resnet18", "resnet34"]).exit_code == 0
    (tmp_path / "cards" / "resnet50.md").write_text("# What we think of it\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "cards")
    with gate.trees(tmp_path, None) as sides:
        assert [f.verdict for f in gate.stale_cards(sides, Path("cards"), Path("results"))] == [Verdict.OK]
        card = tmp_path / "cards" / "resnet18.md"
        card.write_text(card.read_text().replace("11,689,512", "11,689,513"))
        assert [f.record for f in gate.stale_cards(sides, Path("cards"), Path("results"))] == ["cards/resnet18.md"]


def test_speeds_are_those_of_the_base_and_of_the_work_tree(repository, monkeypatch):
    change(repository, "one more parameter")
    (repository / "resbench.toml").write_text("[check.networks.resnet18]\nlatency = 0.2\nnoise_floor = 0.02\n")
    seen = []

    def ab(old, new, **how):
        texts = [(side.tree / "resbench" / "nets" / "resnet.py").read_text() for side in (old, new)]
        seen.append(
            (old.network.name, *("self.extra" in text for text in texts), how["rules"], old.running, how["batch_size"])
        )

    def timed(_, record):
        finding = Finding(record=record, metric="latency", before=1, after=2, verdict=Verdict.OK, why="", limit=0.0)
        return Timed(finding=finding, change=Change(log=0.05, error=0.017, freedom=9), floor=0.01)

    monkeypatch.setattr(comparing, "ab", ab)
    monkeypatch.setattr(comparing, "timed_sides", timed)
    monkeypatch.setattr(gate, "changed_counts", lambda *_: [])
    exited, found, _ = invoke("resnet18", "resnet34", "-b", "2", "--input-px", "64", "--time-budget", "7")
    assert [f["record"].partition(",")[0] for f in found] == ["resnet18", "resnet34"]
    # Each by itself would have regressed (p = 0.02); Holm's procedure asks two of them for more.
    assert (exited, {f["verdict"] for f in found}) == (0, {"inconclusive"})
    assert next(judge_together([timed(None, "alone")])).verdict == Verdict.REGRESSED
    assert [entry[:3] for entry in seen] == [("resnet18", False, True), ("resnet34", False, True)]
    assert [(entry[3].limit, entry[3].floor) for entry in seen] == [(0.2, 0.02), (0.03, 0.01)]
    first, second = (entry[3].time_budget_s for entry in seen)
    assert first == pytest.approx(7 / 2, abs=0.1)  # each has its share of what is left
    assert second == pytest.approx(7, abs=0.2)
    assert (seen[0][4], seen[0][5]) == (Running(input_px=(64, 64)), 2)


@pytest.mark.parametrize(
    ("slower", "expected"), [(1.1, (1, "regressed")), pytest.param(1.0, (0, "ok"), marks=pytest.mark.nightly)]
)
def test_an_own_network_is_timed_with_the_files_of_each_side(tmp_path, monkeypatch, slower, expected):
    """Only the program that times is scripted: what a call takes is in a file beside the network."""
    scripted.package(tmp_path / "program", "duration")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "program"))
    monkeypatch.setattr(sys, "path", list(sys.path))  # a network's folder stays on it
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    (root / "mine.py").write_text(
        "from torch import nn\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(192, 2))\n"
    )
    (root / "duration.py").write_text("NS = 20_000_000\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    (root / "duration.py").write_text(f"NS = {round(20_000_000 * slower)}\n")
    exited, (finding,), _ = invoke("mine.py:build", "--input-px", "8")
    assert (exited, finding["verdict"]) == expected
    assert (finding["network"], finding["record"]) == ("mine.py:build", "mine.py:build, base and work tree in turn")
    assert finding["after"] / finding["before"] == pytest.approx(slower, rel=0.01)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--against", "nonesuch"], "nonesuch"),
        (["resnet0"], "unknown network"),
        (["--data", "x"], "give both"),
        (["--evaluate", "resnet18"], "give both"),
        (["--weights", "x.pth"], "give both"),
    ],
)
def test_what_cannot_be_done_is_said(repository, words, says):
    with pytest.raises(ResbenchError, match=says):
        CliRunner().invoke(app, ["gate", "-q", *words], catch_exceptions=False)


@pytest.mark.parametrize("option", ["--results", "--cards"])
def test_a_folder_that_is_named_must_be_there(repository, option):
    done = CliRunner().invoke(app, ["gate", "-q", option, "nonesuch"])
    assert (done.exit_code, f"'{option}': " in done.stderr) == (2, True)


def test_code_that_does_not_run_is_an_error_and_not_ok(repository, one_process):
    (repository / "resbench" / "__init__.py").write_text("raise RuntimeError('broken')\n")
    with pytest.raises(ResbenchError, match=r"counting .*broken"):
        CliRunner().invoke(app, ["gate", "-q"], catch_exceptions=False)


def test_records_that_are_gone_with_their_folder_are_missed(repository):
    shutil.rmtree(repository / "results")
    with pytest.raises(ResbenchError, match=r"results: \w+ has records there, but the work tree has none"):
        CliRunner().invoke(app, ["gate", "-q"], catch_exceptions=False)


def test_a_folder_without_anything_to_judge_or_outside_git_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResbenchError, match="not a git repository"):
        CliRunner().invoke(app, ["gate", "-q"], catch_exceptions=False)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "nothing")
    with pytest.raises(ResbenchError, match="no records, cards or networks"):
        CliRunner().invoke(app, ["gate", "-q"], catch_exceptions=False)
    with pytest.raises(ResbenchError, match="has no resbench package"):
        CliRunner().invoke(app, ["gate", "-q", "resnet18"], catch_exceptions=False)


@pytest.mark.nightly
@pytest.mark.parametrize(("share", "verdicts"), [(0.0, {"ok", "inconclusive"}), (0.15, {"regressed"})])
def test_a_block_that_is_really_slower_is_found(whole, share, verdicts):
    path = whole / "resbench" / "nets" / "resnet.py"
    burn = (
        "        import time\n"
        "        started = time.process_time_ns()\n"
        "        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))\n"
        "        for name in self.stages:\n"
        "            x = getattr(self, name)(x)\n"
        f"        until = time.process_time_ns() + {share} * (time.process_time_ns() - started)\n"
        "        while time.process_time_ns() < until:\n"
        "            pass\n"
    )
    text = path.read_text()
    old = text[text.index("        x = self.maxpool(") : text.index("        return self.fc(")]
    path.write_text(text.replace(old, burn))
    _, found, _ = invoke("resnet18", "--input-px", "64")
    assert next(f["verdict"] for f in found if "in turn" in f["record"]) in verdicts
