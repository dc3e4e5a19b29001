"""What every test run has: one thread per process, a worker per core, few random examples."""

import functools
import gc
import itertools
import logging
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import typer.testing
from hypothesis import Phase, settings

# Workers and the processes that they start would take each other's cores; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Every process that a test starts would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
gc.disable()  # until all tests are collected: nothing of what that makes is garbage

settings.register_profile("plain", max_examples=40, deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
# The first example that fails is enough (benchmarks/mutants.py).
settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None, deadline=None)
settings.load_profile("plain")

# Typer builds every command of the program anew for each invocation, in 35 ms of processor time.
typer.testing._get_command = functools.cache(typer.testing._get_command)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the cores that this process may use, for `pytest -n auto`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_SLOW_S = 0.03
_collection_started_s = 0.0


def _keep_collections_short(phase: str, info: dict[str, int]) -> None:
    """Leave what survived a slow collection of garbage, which each measurement begins with, out of every later one."""
    global _collection_started_s
    if phase == "start":
        _collection_started_s = time.thread_time()
    elif info["generation"] == 2 and time.thread_time() - _collection_started_s > _SLOW_S:
        gc.freeze()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collect garbage from now on, and let the loggers of torch pass on what they hear.

    To those that do not, of which torch has forty, pytest adds its handlers six times a test.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("torch") and isinstance(logger, logging.Logger):
            logger.propagate = True
    if not any(item.get_closest_marker("nightly") for item in session.items):
        gc.callbacks.append(_keep_collections_short)  # it keeps garbage too, of large networks gigabytes
    gc.collect()
    gc.enable()


_NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own; pytest takes long to look for a free name among the folders of all tests before."""
    folder = tmp_path_factory.getbasetemp() / str(next(_NUMBERS))
    folder.mkdir()
    return folder


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles take three clusters of one sample, and hardly warm up."""
    from resbench.timing import sampler, speeds

    plan = speeds._plan
    few = {"warmup_s": 0.0, "warmup_limit_s": 0.0, "least_clusters": 3, "most_clusters": 3, "samples": (1, 1)}
    monkeypatch.setattr(speeds, "_plan", lambda *arguments: replace(plan(*arguments), **few, cluster_s=0.0))
    monkeypatch.setattr(speeds, "WINDOW_S", 0.0)
    monkeypatch.setattr(sampler, "WINDOW_CALLS", 2)


@pytest.fixture
def planted_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every checkpoint that is validated is a planted network; what is kept of a run is the test's own."""
    from resbench.bench import entries
    from tests import planted

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(entries, "load_checkpoint", planted.load_checkpoint)
