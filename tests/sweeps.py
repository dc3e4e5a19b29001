"""Sweeps with real processes: a network that can be told to die, images, and what a sweep must leave."""

import sys
import textwrap

import torch
from typer.testing import CliRunner

from resbench.cli.app import app
from resbench.records.store import read_folder
from resbench.sweep import drive, engines
from resbench.sweep.jobs import Job
from tests import planted

NETWORK = """
    import os, pathlib, signal, time, torch

    class Dot(torch.nn.Module):
        \"\"\"Ten classes by the mean of an image; a worker that sees one dies once for each file called die*.\"\"\"

        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 10)

        def forward(self, x):
            working = os.environ.keys() & {"SUBMITIT_EXECUTOR", "RAY_RAYLET_PID"}  # it is not only looked at
            if working and x.any() and x.std((2, 3)).max() < 0.1:  # an image of one colour
                die(pathlib.Path(__file__).parent)
            return self.fc(x.mean((2, 3)))

    def die(here):
        with open(here / "worked", "a") as worked:
            worked.write(f"{os.getpid()}\\n")
        if (here / "slow").exists():
            time.sleep(1)
        for path in sorted(here.glob("die*")):
            try:
                path.unlink()
            except FileNotFoundError:  # for another worker
                continue
            os.kill(os.getpid(), getattr(signal, path.suffix[1:]))
            break
"""


def folder(root, monkeypatch):
    """Work in `root`, with a network, ten images of ten classes, and files of weights."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["resbench", "sweep"])
    (root / "dots.py").write_text(textwrap.dedent(NETWORK))
    for label in range(10):
        planted.write(root / "val" / f"class{label}" / "a.JPEG", 100 * label)
    return root


def checkpoints(count):
    """Write weights of `Dot` that differ; return the words that name them."""
    for number in range(count):
        weights = torch.randn(10, 3, generator=torch.Generator().manual_seed(number))
        torch.save({"fc.weight": weights, "fc.bias": torch.zeros(10)}, f"w{number}.pth")
    return [word for number in range(count) for word in ("--with", f"weights=w{number}.pth")]


def sweep(*words):
    return CliRunner().invoke(app, ["sweep", *map(str, words)])


def asked(count):
    return ["dots.py:Dot", "--data", "val", "--with", "input-px=16", "--with", "threads=1", *checkpoints(count)]


def counts(root):
    """(weights, top-1, hash of the predictions) of every record."""
    records = read_folder(root).values()
    return sorted((record.weights, record.top1_right, record.predictions_sha256) for record in records)


def serial(root, count):
    """The same, by `validate` in this process."""
    for number in range(count):
        words = [
            "--data",
            "val",
            "--img-size",
            "16",
            "--threads",
            "1",
            "--weights",
            f"w{number}.pth",
            "--save",
            "-o",
            root,
        ]
        done = CliRunner().invoke(app, ["validate", "dots.py:Dot", *map(str, words)])
        assert done.exit_code == 0, done.output
    return counts(root)


def died(here):
    return not list(here.glob("die*"))


def interrupt_once(monkeypatch):
    """Let Ctrl-C come once, when all is submitted; return the engines that it came to."""
    real, submitters = drive._ended, []

    def ended(engine, busy):
        if submitters:
            return real(engine, busy)
        submitters.append(engine)
        raise KeyboardInterrupt

    monkeypatch.setattr(drive, "_ended", ended)
    return submitters


def bundle(kind, name="a"):
    return engines.Bundle(jobs=(Job(kind=kind, name=name),))
