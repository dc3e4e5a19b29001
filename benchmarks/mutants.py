"""Plants faults in modules, one at a time, and counts how many of them the tests notice.

    python benchmarks/mutants.py resbench/counting/tally.py --tests tests/test_counting_tally.py
    python benchmarks/mutants.py resbench/judging/*.py --sample 300 --tests tests/test_judging_*.py

Each fault is one changed operator, comparison, number, condition or result that changes the compiled code, and gets a
forked process. A fault inside a function is put into the function that is loaded, so that nothing is imported again;
any other gets the whole module anew, and so does one that was not noticed: its function may have run already, when the
module was imported. A fault that no test notices is printed with its line. Tests that run five times as long as
without a fault have noticed it: most likely a loop that does not end.
"""

import argparse
import ast
import copy
import functools
import gc
import importlib.util
import inspect
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

os.environ["OMP_NUM_THREADS"] = "1"  # threads of PyTorch do not survive a fork
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile", "mutants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One change of one module."""

    path: Path
    line: int
    what: str
    source: str  # of the whole module, with the fault

    @property
    def module(self) -> str:
        """The name under which the module is imported."""
        return ".".join(self.path.with_suffix("").parts)

    def functions(self) -> dict[str, CodeType] | None:
        """Return the functions that differ, by qualified name; None where that is not all, or does not tell which."""
        whole, changed = sound(self.path), compile(self.source, "", "exec")
        if _plain(whole, inside=False) != _plain(changed, inside=False):
            return None
        pairs = list(zip(_functions(whole), _functions(changed), strict=True))
        differing = {new.co_qualname: new for old, new in pairs if _plain(old) != _plain(new)}
        names = Counter(old.co_qualname for old, _ in pairs)
        clear = all(names[name] == 1 and "<" not in name and not new.co_freevars for name, new in differing.items())
        return differing if clear else None


@functools.cache
def sound(path: Path) -> CodeType:
    """Return the code of a module without a fault."""
    return compile(ast.unparse(ast.parse(path.read_text(encoding="utf-8"))), "", "exec")


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the functions of a module and of its classes, not those inside of functions."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from [inner] if inner.co_flags & inspect.CO_OPTIMIZED else _functions(inner)


def _plain(code: CodeType, *, inside: bool = True) -> object:
    """Return what a code object does, without its lines; not `inside` of its functions unless asked."""

    def constant(value: object) -> object:
        if not isinstance(value, CodeType):
            return type(value), repr(value)
        function = value.co_flags & inspect.CO_OPTIMIZED
        return value.co_qualname if function and not inside else _plain(value, inside=inside)

    return code.co_code, code.co_names, code.co_varnames, tuple(map(constant, code.co_consts))


def nothing_in(path: Path) -> Fault:
    """Return what is no fault: the module as it is."""
    return Fault(path=path, line=0, what="nothing", source=path.read_text(encoding="utf-8"))


def faults_of(path: Path) -> Iterator[Fault]:
    """Yield every fault that is planted in a module; a change that leaves the compiled code as it is is none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    left_out = {id(node.value) for node in nodes if isinstance(node, ast.Expr)} | _never_run(nodes)
    for index, node in enumerate(nodes):
        if id(node) in left_out:
            continue
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[index])
            source = ast.unparse(changed)
            if _plain(compile(source, "", "exec")) != _plain(sound(path)):
                yield Fault(path=path, line=getattr(node, "lineno", 0), what=what, source=source)


def _never_run(nodes: list[ast.AST]) -> set[int]:
    """Return what never runs: types, imports for types, and the options of dataclasses."""
    roots = [getattr(node, "annotation", None) or getattr(node, "returns", None) for node in nodes]
    roots += [decorator for node in nodes for decorator in getattr(node, "decorator_list", [])]
    roots += [node for node in nodes if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {id(inner) for root in roots if root is not None for inner in ast.walk(root)}


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
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


def _setter(field: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, field, value)


def survives(run: Callable[[], bool], limit_s: int) -> bool:
    """Return whether `run` says, in a forked process and in time, that all tests pass."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    try:
        passed = run()
    except BaseException:
        os._exit(1)
    os._exit(not passed)


def limit_without_fault(run: Callable[[], bool], path: Path) -> int:
    """Return how many seconds of processor time the tests get; they must pass while nothing is planted in `path`."""
    started = sum(os.times()[:4])
    if not survives(run, 10**6):
        sys.exit(f"{path}: the tests fail without any fault")
    return 60 + 5 * round(sum(os.times()[:4]) - started)


def paths_of(faults: list[Fault]) -> list[Path]:
    """Return the modules of the faults, each once."""
    return list(dict.fromkeys(fault.path for fault in faults))


def anew(fault: Fault, tests: list[str]) -> bool:
    """Run the tests with the module and all that imports it loaded anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("resbench", "tests")]:
        del sys.modules[name]  # PyTorch stays, warm
    sys.meta_path.insert(0, _Changed(fault.module, fault.source))
    nearest = [name for name in tests if fault.path.stem in name]
    others = [name for name in tests if name not in nearest]
    return not any(pytest.main([*OPTIONS, *names]) for names in (nearest, others) if names)


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


class InPlace:
    """A plugin of pytest: instead of the tests once, it runs them once for each fault, in the functions as loaded."""

    def __init__(self, faults: list[tuple[Fault, dict[str, CodeType]]]) -> None:
        self.faults, self.missed = faults, list[Fault]()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        limit_s = 0
        for path in paths_of([fault for fault, _ in self.faults]):
            run = functools.partial(self._noticed_none, nothing_in(path), {}, session)
            limit_s = max(limit_s, limit_without_fault(run, path))
        for fault, changed in self.faults:
            if survives(functools.partial(self._noticed_none, fault, changed, session), limit_s):
                self.missed.append(fault)
        return True

    def _noticed_none(self, fault: Fault, functions: dict[str, CodeType], session: pytest.Session) -> bool:
        self._planted(fault, functions)
        return self._passes(sorted(session.items, key=lambda item: fault.path.stem not in item.path.stem))

    @staticmethod
    def _planted(fault: Fault, functions: dict[str, CodeType]) -> None:
        for function in gc.get_objects():
            # Nothing but the type is asked of the others: some objects run code, or raise, when they are looked at.
            if type(function) is FunctionType and function.__module__ == fault.module:
                function.__code__ = functions.get(function.__code__.co_qualname, function.__code__)

    @staticmethod
    def _passes(items: list[pytest.Item]) -> bool:
        for item, following in zip(items, [*items[1:], None], strict=True):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return False
        return True


def missed_anew(faults: list[Fault], tests: list[str]) -> int:
    """Return how many of the faults the tests do not notice when all is loaded anew with them."""
    missed = 0
    for path in paths_of(faults):
        limit_s = limit_without_fault(functools.partial(anew, nothing_in(path), tests), path)
        for fault in [fault for fault in faults if fault.path == path]:
            if survives(functools.partial(anew, fault, tests), limit_s):
                missed += 1
                print(f"{fault.path}:{fault.line}: {fault.what}", flush=True)
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--sample", type=int, help="Plant so many of the faults only, chosen by chance.")
    parser.add_argument("--seed", type=int, default=0, help="Of the sample.")
    chosen = parser.parse_args()
    faults = [fault for path in chosen.modules for fault in faults_of(path)]
    if chosen.sample:
        faults = random.Random(chosen.seed).sample(faults, min(chosen.sample, len(faults)))
    changed = [(fault, fault.functions()) for fault in faults]
    started_s = time.monotonic()
    plugin = InPlace([(fault, functions) for fault, functions in changed if functions])
    if pytest.main([*OPTIONS, "-s", *chosen.tests], plugins=[plugin]):
        sys.exit("the tests fail without any fault")
    missed = missed_anew([fault for fault, functions in changed if not functions] + plugin.missed, chosen.tests)
    share = 100 * (len(faults) - missed) / max(1, len(faults))
    minutes = (time.monotonic() - started_s) / 60
    print(f"{len(faults) - missed} of {len(faults)} faults were noticed ({share:.1f} %), in {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
