"""Benchmarks ResNet-family models (cost, speed, accuracy) and writes verifiable model cards."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from resbench.records import shown as _shown

if TYPE_CHECKING:
    from resbench.bench.costs import count as count
    from resbench.bench.profiling import profile as profile
    from resbench.bench.single import validate as validate
    from resbench.bench.table import results as results
    from resbench.nets.build import build as build
    from resbench.nets.checkpoints import load as load
    from resbench.report.progress import progress as progress
    from resbench.zoo.find import find as find

try:
    from resbench._version import __version__ as __version__  # written by the build, from the tag
except ImportError:  # a tree that was never installed, such as the base of `resbench gate`
    __version__ = "0+unknown"

_HOME = {
    "count": "resbench.bench.costs",
    "build": "resbench.nets.build",
    "load": "resbench.nets.checkpoints",
    "find": "resbench.zoo.find",
    "profile": "resbench.bench.profiling",
    "progress": "resbench.report.progress",
    "results": "resbench.bench.table",
    "validate": "resbench.bench.single",
}
_shown.present_by(lambda: _import_module("resbench.words.presented"))
__all__ = ["build", "count", "find", "load", "profile", "progress", "results", "validate"]


def __dir__() -> list[str]:
    """Return the public names, which come with their first use, beside those of every module."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import resbench` stays free of torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'resbench' has no attribute {name!r}")
    return getattr(_import_module(_HOME[name]), name)
