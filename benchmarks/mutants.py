"""Plants faults in modules, one at a time, and counts how many of them the tests notice.

    python benchmarks/mutants.py resbench/counting/tally.py --tests tests/test_counting_tally.py
    python benchmarks/mutants.py resbench/judging/*.py --sample 300 --tests tests/test_judging_*.py

Each fault is one changed operator, comparison, number, condition or word; each runs in a forked process, in which the
module is the changed one from the start. A fault that no test notices is printed with its line. Tests that run five
times as long as without a fault have noticed it: most likely a loop that does not end.
"""

import argparse
import ast
import copy
import importlib.util
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # threads of PyTorch do not survive a fork
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, what was changed, source) of every fault."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    texts = {id(node.value) for node in nodes if isinstance(node, ast.Expr)} | _annotations(nodes)
    for index, node in enumerate(nodes):
        if id(node) in texts:
            continue
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[index])
            yield getattr(node, "lineno", 0), what, ast.unparse(changed)


def _annotations(nodes: list[ast.AST]) -> set[int]:
    """Return what never runs: types, and the options of dataclasses."""
    roots = [getattr(node, "annotation", None) or getattr(node, "returns", None) for node in nodes]
    roots += [decorator for node in nodes for decorator in getattr(node, "decorator_list", [])]
    return {id(inner) for root in roots if root is not None for inner in ast.walk(root)}


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    for field in ("op", "ops"):
        value = getattr(node, field, None)
        first = value[0] if isinstance(value, list) and value else value
        if type(first) in OPERATORS:
            other = OPERATORS[type(first)]()
            yield (
                f"{type(first).__name__} -> {type(other).__name__}",
                _setter(field, [other] if value is not first else other),
            )
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", _setter("value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield f"{node.value} -> {node.value + 1}", _setter("value", node.value + 1)
    elif isinstance(node, ast.If | ast.IfExp):
        yield "condition -> not condition", lambda other: setattr(other, "test", ast.UnaryOp(ast.Not(), other.test))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "return -> return None", _setter("value", ast.Constant(None))


def _setter(field: str, value: object) -> object:
    return lambda node: setattr(node, field, value)


def survives(path: Path, source: str, tests: list[str], limit_s: int) -> bool:
    """Return whether `tests` pass with the module's source changed; those named after the module run first."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("resbench", "tests")]:
        del sys.modules[name]  # PyTorch stays, warm
    sys.meta_path.insert(0, _Changed(".".join(path.with_suffix("").parts), source))
    nearest = [name for name in tests if path.stem in name]
    others = [name for name in tests if name not in nearest]
    os._exit(any(_outcome(names) for names in (nearest, others) if names))


def _outcome(tests: list[str]) -> int:
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants", *tests]))


class _Changed:
    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source

    def find_spec(self, name: str, *_: object) -> object:
        return importlib.util.spec_from_loader(name, self) if name == self.module else None

    def create_module(self, _: object) -> None:
        return None

    def exec_module(self, module: object) -> None:
        module.__file__ = str(Path(*self.module.split(".")).with_suffix(".py").resolve())  # type: ignore[attr-defined]
        exec(compile(self.source, self.module, "exec"), module.__dict__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--sample", type=int, help="Plant so many of the faults only, chosen by chance.")
    parser.add_argument("--seed", type=int, default=0, help="Of the sample.")
    chosen = parser.parse_args()
    started = time.process_time()
    if _outcome(chosen.tests):
        sys.exit("the tests fail without any fault")
    limit_s = 60 + 5 * round(time.process_time() - started)
    faults = [(path, *fault) for path in chosen.modules for fault in mutants(path.read_text(encoding="utf-8"))]
    if chosen.sample:
        faults = random.Random(chosen.seed).sample(faults, min(chosen.sample, len(faults)))
    missed = 0
    for path, line, what, source in faults:
        if survives(path, source, chosen.tests, limit_s):
            missed += 1
            print(f"{path}:{line}: {what}", flush=True)
    noticed = len(faults) - missed
    print(f"{noticed} of {len(faults)} faults were noticed ({100 * noticed / max(1, len(faults)):.1f} %)")


if __name__ == "__main__":
    main()
