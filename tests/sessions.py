"""A validation in a process of its own, to be killed, or to share its images with others."""

import os
import time
from pathlib import Path

import numpy as np
import torch

from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.distributed import Ranks, ranks
from resbench.accuracy.evaluate import Contestant
from resbench.accuracy.layouts import open_set
from resbench.accuracy.session import Session, examined, score
from tests import planted


def session(**changes) -> Session:
    """A session of this process alone on the CPU."""
    plan = {"device": torch.device("cpu"), "batch_size": 4, "workers": 2, "threads": 1, "group": Ranks()}
    return Session(**(plan | changes))


def contestant(model=None, identity="0") -> Contestant:
    """The planted network, or another."""
    return Contestant(name="planted", identity=identity, forward=model or planted.Planted(), preprocess=planted.SMALL)


def checked(data: Path) -> ImageSet:
    """The images of a folder, looked at as before a validation."""
    return examined(open_set(data), session(), skip=False, streams=[planted.SMALL]).images


def interrupted_after(images):
    """The planted network, cut off when it has seen so many images."""
    network, seen = planted.Planted(), []

    def forward(inputs):
        seen.extend(inputs)
        if len(seen) > images:
            raise KeyboardInterrupt
        return network(inputs)

    return forward


class Slow(planted.Planted):
    """Takes its time for every pass."""

    def forward(self, x):
        time.sleep(0.01)
        return super().forward(x)


def run(data: Path, out: Path, variables: dict[str, str], models: int = 1) -> None:
    """Evaluate networks on `data` and write their rows to `out`.

    A file `out`.begun says that evaluation begins, `out`.evaluated how many images this process has looked at.
    """
    os.environ.update(variables)
    torch.set_num_threads(1)
    seen: list[int] = []

    def on_progress(stage: str, done: int, total: int, right: int | None) -> None:
        if stage == "evaluating":
            seen.append(done)

    with ranks() as group:
        images = open_set(data)
        own = session(workers=1, group=group, on_progress=on_progress)
        contestants = [
            Contestant(name=f"planted {k}", identity=str(k), forward=Slow(classes=1000 - k), preprocess=planted.SMALL)
            for k in range(models)
        ]
        usable = examined(images, own, skip=False, streams=[planted.SMALL]).images
        out.with_suffix(".begun").touch()
        found = score(contestants, usable, own)
    np.save(out, np.stack(found))
    out.with_suffix(".evaluated").write_text(str(len(seen)))
