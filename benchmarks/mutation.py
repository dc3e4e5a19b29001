"""Plants small faults, one at a time, and counts those that the nearest tests notice.

    python benchmarks/mutation.py resbench/judging/*.py [--sample 60] [--seed 1]

A fault is an operator exchanged, a comparison moved by its border, a condition turned round, or a number changed. For
each a copy of the tree is tested with `tests/test_<room>_<module>.py`, `tests/test_<module>.py` and
`tests/test_promises.py`, as far as there are such; a fault that no test notices is printed with its line.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
_EXCHANGED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or,
    ast.Or: ast.And,
}  # fmt: skip


def faults(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, description and text of every variant of `source` with one fault."""
    number = sum(1 for _ in _places(ast.parse(source)))
    for index in range(number):
        tree = ast.parse(source)
        line, change = next(place for place, at in zip(_places(tree), range(number), strict=True) if at == index)
        yield line, change(), ast.unparse(ast.fix_missing_locations(tree))


def _places(tree: ast.AST) -> Iterator[tuple[int, "Change"]]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _EXCHANGED:
            yield line, lambda node=node: _operator(node)
        elif isinstance(node, ast.Compare):
            yield from ((line, lambda node=node, at=at: _comparison(node, at)) for at in range(len(node.ops)))
        elif isinstance(node, ast.If | ast.IfExp):
            yield line, lambda node=node: _turned(node)
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield line, lambda node=node: _number(node)


Change = object


def _operator(node) -> str:
    old, node.op = type(node.op), _EXCHANGED[type(node.op)]()
    return f"{old.__name__} -> {type(node.op).__name__}"


def _comparison(node: ast.Compare, at: int) -> str:
    old, node.ops[at] = type(node.ops[at]), _EXCHANGED[type(node.ops[at])]()
    return f"{old.__name__} -> {type(node.ops[at]).__name__}"


def _turned(node) -> str:
    node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return "condition turned round"


def _number(node: ast.Constant) -> str:
    old, node.value = node.value, node.value + 1 if isinstance(node.value, int) else node.value * 1.25 or 1.0
    return f"{old} -> {node.value}"


def nearest(module: Path) -> list[str]:
    """Return the test files about `module`, as paths from the top."""
    names = (f"test_{module.parent.name}_{module.stem}.py", f"test_{module.stem}.py", "test_promises.py")
    return [f"tests/{name}" for name in names if (HERE / "tests" / name).exists()]


def notices(tree: Path, tests: list[str]) -> bool:
    """Tell whether the tests fail in `tree`."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=600).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, help="so many faults, chosen at random; without it all")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    planted = [(module, *fault) for module in given.modules for fault in faults(module.read_text())]
    if given.sample and given.sample < len(planted):
        planted = random.Random(given.seed).sample(planted, given.sample)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(HERE, tree, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
        noticed = 0
        for at, (module, line, what, text) in enumerate(planted, 1):
            target = tree / module.resolve().relative_to(HERE)
            whole = target.read_text()
            target.write_text(text)
            found = notices(tree, nearest(module))
            target.write_text(whole)
            noticed += found
            if not found:
                print(f"not noticed: {module}:{line}: {what}", flush=True)
            print(f"{noticed} of {at} noticed, {len(planted)} planted", file=sys.stderr, flush=True)
    print(f"{noticed} of {len(planted)} noticed, {noticed / max(len(planted), 1):.0%}")


if __name__ == "__main__":
    main()
