"""Every command of docs/sweeping.md runs, one after another, on the local engine; nothing is measured."""

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from resbench.cli import sweep
from resbench.cli.app import app
from resbench.running import fresh
from resbench.sweep import ranked, start, work
from resbench.sweep.engines import Here
from resbench.zoo import find
from tests import planted
from tests.examples import EVALUATION
from tests.test_sweep import record_of

PAGE = (Path(__file__).parent.parent / "docs" / "sweeping.md").read_text(encoding="utf-8")
NAMED = ("resnet18", "resnet50", "resnet101", "resnet152", "seresnext50_32x4d")


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder to work in, with the images and the plan of the page; returns that which all nodes see."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["resbench", "sweep"])
    monkeypatch.setattr(find, "VARIANTS", tuple(network for network in find.VARIANTS if network.name in NAMED))
    planted.write(tmp_path / "imagenet" / "val" / "n01440764" / "a.JPEG", 5)
    (plan,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "plan.toml").write_text(plan)
    return tmp_path / "shared"


@pytest.fixture
def asked(monkeypatch):
    """The engines that were asked for, and what was checked; jobs run here and measure nothing."""
    names = []

    def engine(options, ledger, code):
        names.append(options.name)
        return Here(ledger, code)

    def validate_all(networks, weights, data, how, *, output, keeping):
        records = [replace(EVALUATION, network=name, weights=name) for name in networks]
        return [SimpleNamespace(record=record) for record in records if keeping.portion.is_whole]

    def validated_in_ranks(validation, size):
        names.append(f"{size} ranks")
        return ranked.validated(validation)

    monkeypatch.setattr(start, "_engine", engine)
    monkeypatch.setattr(fresh, "call", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(work, "profiled", record_of)
    monkeypatch.setattr(ranked, "validate_all", validate_all)
    monkeypatch.setattr(work, "validated_in_ranks", validated_in_ranks)
    monkeypatch.setattr(sweep, "check_", lambda output, against: names.append(against))
    return names


def run(*words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


def test_the_commands_of_the_page_run_in_their_order(shared, asked):
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    for line in lines:
        program, *words = shlex.split(line.replace("/shared", str(shared)), comments=True)
        if program == "sbatch":
            script = Path(words[0]).read_text()
            for task in range(int(re.search(r"--array=0-(\d+)", script)[1]) + 1):
                run("sweep", "work", str(task), "-o", str(shared / "results"))
        elif ">" in words:
            Path(words[-1]).write_text(run(*words[:-2]))
        else:
            assert program == "resbench"
            assert "failed" not in run(*words)
    assert len(lines) >= 20
    assert {"here", "processes", "slurm", "ray", "2 ranks", "git:main"} <= set(asked)
    assert "waiting" not in run("sweep", "status", "-o", str(shared / "results"))
