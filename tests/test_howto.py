"""docs/howto.md: each task is done with the page's own commands, and one sees what the page says.

Networks are tiny ones under the names on the page, images are planted, and little time is taken.
"""

import os
import re
import shlex
import shutil
import subprocess
import types
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn
from typer.testing import CliRunner

from resbench import count
from resbench.bench import gate, ladder, measuring, profiles
from resbench.cli.app import app
from resbench.counting import counted
from resbench.nets import elsewhere
from resbench.records.store import save
from resbench.running.runtimes import exported, runtime
from resbench.timing import contest, interleave, speeds
from resbench.zoo import find
from resbench.zoo.spec import ResNetSpec
from tests import planted
from tests.examples import PROFILE, series
from tests.scripted import git
from tests.test_journeys import HERE

DOCS = Path(__file__).parent.parent / "docs"
TASKS = dict(
    re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", (DOCS / "howto.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
)
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What each task's text says that its commands print, and the files that it says they write.
SEEN = {
    "Compare three networks": ["≠", "verdict", "B", "C"],
    "Validate my checkpoint": ["top-1", "top-5", "calibration"],
    "Write cards for my zoo": ["resbench.toml", "cards/tinynet.md", "cards/tinynet_wide.md"],
    "Guard my pull requests": ["ok"],
    "Choose a network that answers within 20 ms": ["latency_ms", "top1"],
    "Make a picture for a talk": ["report.html", "resnet50.svg", "cards/img/resnet50-accuracy.svg"],
    "Use it in a notebook": ["record", "frame"],
    "Get everything as a CSV file": ["all.csv"],
    "Measure my own network": ["parameters", "B"],
    "Measure a network of timm, or another runtime": ["eager", "onnxruntime", "tensorrt"],
}
LONG = ("Measure a network of timm, or another runtime",)  # two to three seconds
# Of what the commands of a task read, records: latency of networks on this machine.
MEASURED_MS = {"resnet50": 15.0, "resnet18": 6.0}
PLAIN = ResNetSpec(block="basic", depths=(1, 1), planes=4)
TINY = {
    "resnet18": PLAIN,
    "resnet50": replace(PLAIN, block="bottleneck"),
    "resnet101": replace(PLAIN, block="bottleneck", depths=(1, 2)),
    "seresnet50": replace(PLAIN, block="bottleneck", squeeze="se"),
    "resnext50_32x4d": replace(PLAIN, block="bottleneck", groups=2, width_per_group=32),
}


def commands_of(task: str) -> list[str]:
    """The lines of a task that are typed into a shell."""
    return [line for kind, text in BLOCK.findall(TASKS[task]) if kind == "sh" for line in text.splitlines()]


def test_the_page_has_ten_tasks_of_at_most_three_commands():
    assert list(TASKS) == list(SEEN)
    assert len(TASKS) == 10
    for task in TASKS:
        assert 1 <= len(commands_of(task)) + TASKS[task].count("```python") <= 3


@pytest.mark.parametrize(("task", "seen"), SEEN.items())
def test_what_is_looked_for_is_what_the_text_says(task, seen):
    text = BLOCK.sub("", TASKS[task])
    assert [word for word in seen if f"`{word}`" not in text] == []


@pytest.fixture
def _quick(monkeypatch, few_samples):
    """Take few samples, in this process, and none of what takes long."""
    monkeypatch.setattr(profiles.fresh, "call", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(measuring, "_memory", lambda *_: ())
    monkeypatch.setattr(measuring, "_ceilings", lambda *_: None)
    monkeypatch.setattr(speeds, "FULL_BATCH", {"cpu": 2})
    monkeypatch.setattr(interleave, "BURST_S", 1e-9)
    monkeypatch.setattr(interleave, "CLUSTER_S", 1e-9)
    monkeypatch.setitem(contest.Rules.__init__.__kwdefaults__, "looks", (3,))
    monkeypatch.setattr(gate, "_recounted", lambda _, asked: [count(name, size) for name, size in asked])
    monkeypatch.setattr(ladder, "MOST_UNITS", 3)
    rows = {name: runtime.RUNTIMES[name] for name in ("eager", "onnxruntime", "tensorrt")}
    monkeypatch.setattr(ladder, "RUNTIMES", rows)


@pytest.fixture
def _timm(monkeypatch):
    """Stand in for timm, which the plain tests do not have."""

    def create_model(name):
        module = nn.Sequential(nn.Conv2d(3, 8, 7, stride=8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1000))
        module.pretrained_cfg = {"input_size": (3, 224, 224)}
        return module

    there = elsewhere.import_module
    fake = types.SimpleNamespace(create_model=create_model)
    monkeypatch.setattr(elsewhere, "import_module", lambda name: fake if name == "timm" else there(name))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with what the page takes for granted: images, weights, and the example of a network."""
    monkeypatch.chdir(tmp_path)
    small = {name: replace(find.find(name), spec=spec, input_px=64) for name, spec in TINY.items()}
    monkeypatch.setattr(find, "VARIANTS", tuple(small.get(variant.name, variant) for variant in find.VARIANTS))
    shutil.copy(DOCS / "examples" / "tinynet.py", tmp_path)
    planted.write_four(tmp_path / "imagenet" / "val")
    (tmp_path / "mine.pth").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "tinynet.py")
    git(tmp_path, "commit", "-qm", "A network")
    yield tmp_path
    counted.forget()  # the counts of the tiny networks that have names of the table


def measure(folder):
    for network, milliseconds in MEASURED_MS.items():
        full = replace(series("throughput", 6 * milliseconds), batch_size=8)
        record = replace(PROFILE, network=network, series=(series(scale=milliseconds), full), environment=HERE)
        save(record, folder / "results")


def typed(line: str) -> str:
    """Run a line as a shell does; return what it prints."""
    if not line.startswith("resbench "):
        who = {f"GIT_{role}_{part}": "t" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        return subprocess.run(
            ["sh", "-ec", line], env=os.environ | who, check=True, capture_output=True, text=True
        ).stdout
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    verdict = line.startswith("resbench ab ") and done.exit_code == 1  # one of them may be slower
    assert done.exit_code == 0 or verdict, (line, done.output, done.exception)
    return done.stdout


@pytest.mark.usefixtures("_quick", "_timm", "planted_checkpoint")
@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=[pytest.mark.nightly] if task in LONG else [])
        for task, text in TASKS.items()
        if "```sh" in text
    ],
)
def test_a_task_is_done_with_the_commands_of_the_page(task, folder, monkeypatch):
    if not re.search("--save|zoo new", TASKS[task]):
        measure(folder)
    if "--measure" in TASKS[task]:  # not all that have no record
        monkeypatch.setattr(find, "VARIANTS", tuple(variant for variant in find.VARIANTS if variant.name in TINY))
    if "ladder" in TASKS[task]:
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
        from tests.test_running_runtimes import written

        monkeypatch.setattr(exported, "write_model", written)
    printed = "".join(map(typed, commands_of(task)))
    missing = [word for word in SEEN[task] if not (re.search(rf"(?<!\w){re.escape(word)}(?!\w)", printed))]
    assert [word for word in missing if not (folder / word).exists()] == []


@pytest.mark.usefixtures("_quick")
def test_the_notebooks_cell_runs(folder):
    measure(folder)
    task = "Use it in a notebook"
    ((_, code),) = BLOCK.findall(TASKS[task])
    scope = {}
    exec(code, scope)
    assert scope["fastest"]["network"].tolist() == ["resnet18", "resnet50"]
    assert {series.batch_size for series in scope["record"].series} == {1, 8}
    assert len(scope["frame"]) == 2 * len(MEASURED_MS)
