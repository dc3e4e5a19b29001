"""AOTInductor: a network compiled ahead of time by torch into a package, for one batch size each."""

import random
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError
from resbench.records.settings import Engine
from resbench.running import fresh
from resbench.running.fresh import DiedError
from resbench.running.runtimes.compiled import uncompiled
from resbench.running.runtimes.eager import placed_module
from resbench.running.runtimes.modelfile import exporting
from resbench.running.runtimes.runtime import Program, Source


def aotinductor_program(source: Source) -> Program:
    """Return the network in packages of AOTInductor, each compiled when its batch size is called first."""
    module = placed_module(source) if source.module else None
    packages: dict[int, Callable[[Tensor], Tensor]] = {}

    def run(batch: Tensor) -> Tensor:
        if len(batch) not in packages:
            path = source.folder / f"network-{len(batch)}.pt2"
            if not path.exists():
                _compile(module, batch, path)
            packages[len(batch)] = torch._inductor.aoti_load_package(str(path))
        return packages[len(batch)](batch)

    def relocate(_: random.Random) -> None:
        """Leave the weights where they are: they lie in the package's library, and loading takes no other place."""

    return Program(run=run, relocate=relocate, engine=Engine(options={"shapes": "static"}))


def _compile(module: nn.Module | None, batch: Tensor, path: Path) -> None:
    if module is None:
        raise ResbenchError(f"{path.name}: was not compiled for {len(batch)} images; measure that batch size too")
    with exporting(module, "AOTInductor"), torch.inference_mode(False), torch.no_grad():
        program = torch.export.export(module, (batch.clone(),))
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch, about itself
            torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    except Exception as error:  # of the compilers, of many kinds
        raise uncompiled("aotinductor", error) from None
    try:
        fresh.call(loads_package, path)
    except DiedError as error:
        raise ResbenchError(
            f"runtime aotinductor: torch {torch.__version__} cannot load what it has compiled ({error}); "
            "use the runtime compile"
        ) from None


def loads_package(path: Path) -> None:
    """Load a package: in a process of its own first, since native code that crashes takes its process along."""
    torch._inductor.aoti_load_package(str(path))
