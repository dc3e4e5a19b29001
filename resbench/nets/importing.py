"""The code that builds networks elsewhere: files by their path, modules by their name."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from resbench.errors import ResbenchError
from resbench.zoo.papers import LIBRARIES
from resbench.zoo.spec import Elsewhere


def file_of(spec: Elsewhere) -> Path:
    """Return the .py file that `spec` names. Raises ResbenchError when there is none."""
    path = Path(spec.folder, spec.place)
    if not path.is_file():
        raise ResbenchError(f"{spec}: {path}: no such file; write path/to/mine.py:build")
    return path


@contextmanager
def reachable(spec: Elsewhere) -> Iterator[None]:
    """Let code import what lies beside it, as in a program that Python runs; afterwards only what nothing else is."""
    if not spec.place or spec.place in LIBRARIES:
        yield
        return
    folder = str((file_of(spec).parent if spec.place.endswith(".py") else Path(spec.folder)).resolve())
    before = list(sys.path)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        # At the end: a later import inside the network finds its neighbours, and nothing of ours is hidden by them.
        sys.path[:] = before if folder in before else [*before, folder]


def imported_from(spec: Elsewhere) -> ModuleType:
    """Return the module of the file or name that `spec` gives; a file is run again only when it has changed.

    Raises ResbenchError when there is none, and whatever its code raises.
    """
    if spec.place.endswith(".py"):
        return _from_file(file_of(spec))
    try:
        return import_module(spec.place)
    except ModuleNotFoundError as error:
        if error.name and spec.place.startswith(error.name):
            raise ResbenchError(
                f"{spec}: no module named {error.name!r} here; install it, run this in its folder, or give a .py file"
            ) from None
        raise


def _from_file(path: Path) -> ModuleType:
    source = path.read_bytes()
    digest = hashlib.sha256(str(path.resolve()).encode() + source).hexdigest()
    name = f"{path.stem}_{digest[:12]}"  # its own name may be that of another module, such as `code` or `types`
    if name in sys.modules:
        return sys.modules[name]
    loader = SourceFileLoader(name, str(path))
    found = spec_from_file_location(name, path, loader=loader)
    assert found
    module = module_from_spec(found)
    sys.modules[name] = module  # before it runs: dataclasses and torch look their module up there
    try:
        # Not from bytecode that Python keeps: an edit within a second that leaves the length does not outdate it.
        exec(loader.source_to_code(source, str(path)), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
