"""A small repository that keeps records under git, and the changes that people make to it."""

import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import torch

from resbench.counting.tally import count_module
from resbench.nets.build import build
from resbench.records import predictions
from resbench.records.record import Evaluation, Profile
from resbench.records.store import save
from resbench.zoo.find import find
from resbench.zoo.spec import ResNetSpec, Variant
from tests.examples import ENVIRONMENT, EVALUATION, PROFILE, series

TINY = Variant(
    name="resnet18",  # a name that limits and cards know
    family="ResNet",
    spec=ResNetSpec(block="basic", depths=(1, 1), planes=8),
    paper=find("resnet18").paper,
    input_px=32,
    classes=10,
)
IMAGES = 96
RUNS = 8


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def network() -> torch.nn.Module:
    """The same weights every time, with statistics as training leaves them."""
    generator = torch.Generator().manual_seed(0)
    module = build(TINY)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.01, 0.5, generator=generator)
            elif name == "fc.bias":
                tensor.zero_()
            elif tensor.is_floating_point() and tensor.dim() > 1:
                tensor.normal_(0, tensor[0].numel() ** -0.5, generator=generator)
    return module


def profile(module: torch.nn.Module, run: int, slower: float = 1.0) -> Profile:
    """Counted for real; its timings are made up, one half per cent apart from run to run."""
    scale = slower * (1 + random.Random(run).gauss(0, 0.005))
    return replace(
        PROFILE,
        network=TINY.name,
        counts=count_module(module, TINY.input_px),
        settings=replace(PROFILE.settings, input_px=(32, 32)),
        series=(series(scale=scale),),
        run=replace(PROFILE.run, started=f"2026-01-{run:02}T00:00:00+00:00"),
    )


@torch.inference_mode()
def evaluation(module: torch.nn.Module) -> tuple[Evaluation, predictions.Predictions]:
    """Scored for real, on noise: a third of the labels are the base network's own answers."""
    generator = torch.Generator().manual_seed(1)
    logits = module(torch.randn(IMAGES, 3, 32, 32, generator=generator))
    best = network()(torch.randn(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(1))).argmax(1)
    labels = torch.where(torch.arange(IMAGES) % 3 == 0, best, (best + 1) % 10)
    values, classes = logits.topk(5)
    rows = torch.arange(IMAGES).numpy().astype(predictions.ROW)
    rows["place"], rows["label"], rows["top5"], rows["logits"] = range(IMAGES), labels, classes, values
    found = predictions.Predictions(names=tuple(f"{number}.JPEG" for number in range(IMAGES)), rows=rows)
    record = replace(
        EVALUATION,
        network=TINY.name,
        images=IMAGES,
        top1_right=int(predictions.top1(rows).sum()),
        top5_right=int(predictions.top5(rows).sum()),
    )
    return record, found


def write(root: Path, module: torch.nn.Module, run: int, slower: float = 1.0, torch_version: str = "2.13.0") -> None:
    """Measure and evaluate, and write the records with their predictions."""
    machine = replace(ENVIRONMENT.machine, torch=torch_version)
    environment = replace(ENVIRONMENT, machine=machine)
    save(replace(profile(module, run, slower), environment=environment), root / "results")
    record, found = evaluation(module)
    path = save(replace(record, environment=environment), root / "results")
    predictions.save_predictions(found, predictions.path_beside(path))


def base(root: Path) -> Path:
    """Return a repository whose records have been measured and committed RUNS times."""
    git(root, "init", "-q")
    write(root, network(), 1)
    for run in range(1, RUNS + 1):
        save(profile(network(), run), root / "results")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"run {run}")
    return root


def _one_more_parameter(root: Path) -> None:
    module = network()
    module.register_parameter("extra", torch.nn.Parameter(torch.zeros(1)))
    write(root, module, RUNS + 1)


def _one_more_operator(root: Path) -> None:
    """Another ReLU where nothing is negative, written so that no term counts it: every number but one stays."""
    module = network()
    module.fc.register_forward_pre_hook(lambda _, inputs: inputs[0].clamp(min=0))
    write(root, module, RUNS + 1)


def _other_padding(root: Path) -> None:
    """The first convolution no longer sees the border: same parameters, other output sizes."""
    module = network()
    module.conv1.padding = (0, 0)
    write(root, module, RUNS + 1)


def _other_eps(root: Path) -> None:
    module = network()
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = 1e-3
    write(root, module, RUNS + 1)


def _deleted_record(root: Path) -> None:
    write(root, network(), RUNS + 1)
    next((root / "results").rglob("evaluation*.json")).unlink()


CHANGES = {
    "none": lambda root: write(root, network(), RUNS + 1),
    "a slower block": lambda root: write(root, network(), RUNS + 1, slower=1.1),
    "one more parameter": _one_more_parameter,
    "one more operator": _one_more_operator,
    "other padding": _other_padding,
    "another eps": _other_eps,
    "another environment": lambda root: write(root, network(), RUNS + 1, torch_version="2.6.0"),
    "a deleted record": _deleted_record,
}


def changed(base: Path, root: Path, change: str) -> Path:
    """Return a copy of `base` with a change in its work tree, not committed."""
    shutil.copytree(base, root, dirs_exist_ok=True)
    CHANGES[change](root)
    return root


# A package that times itself: what the gate asks of a side's own program, without torch and with the time of a block.
WORKER = """
import json, random, sys
from resbench.block import NS

chance = random.Random()
for number, line in enumerate(sys.stdin):
    order = json.loads(line)
    if number == 0:
        result = {"program": "scripted", "output_difference": None}
    elif order == "materialise":
        result = None
    else:
        result = [round(order * NS * chance.lognormvariate(0, 0.003)) for _ in range(2)]
    print(json.dumps({"result": result}), flush=True)
"""


def package(root: Path, block_module: str = "resbench.block") -> None:
    """Write the package that times itself, the time of its block read from `block_module`."""
    (root / "resbench" / "bench").mkdir(parents=True)
    for name in ("__init__.py", "bench/__init__.py"):
        (root / "resbench" / name).touch()
    (root / "resbench" / "bench" / "worker.py").write_text(WORKER.replace("resbench.block", block_module))


def program(root: Path) -> Path:
    """Return a repository with a package whose forward pass takes as long as its block says, committed on main."""
    package(root)
    block(root, 20_000_000)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a block")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(root, "checkout", "-qb", "feature")
    return root


def block(root: Path, nanoseconds: int) -> None:
    """Let the block of the work tree take so long."""
    (root / "resbench" / "block.py").write_text(f"NS = {nanoseconds}\n")
