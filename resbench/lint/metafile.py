"""MMPretrain's rules for its metafiles, as its hook runs them. Source: its .dev_scripts/check_metafile.py."""

import re
from collections.abc import Iterator
from pathlib import Path

from resbench.lint.entry import file_name
from resbench.lint.parse import Document
from resbench.lint.places import absent, lacking, within
from resbench.lint.problem import Level, Problem
from resbench.lint.trees import Tree

_TRAINING = re.compile(r"(\d+xb\d+|3rdparty)")
_OWN = re.compile(r"(open-mmlab|openmmlab\.com)/(mmpretrain|mmclassification)\b")
_NAME = re.compile(r"[ \t]*(?:-[ \t]+)?Name:[ \t]*['\"]?([^'\"\n]{1,200})")
_SHOWN = 3


def in_layout(document: Document) -> bool:
    """Whether a metafile lies where MMPretrain keeps its own, `configs/ALGORITHM/metafile.yml`, and speaks of it."""
    folders = document.path.parts[:-1]
    if folders[-2:-1] != ("configs",):
        return False
    return bool(_OWN.search(document.text)) or (document.path.parents[2] / "mmpretrain").is_dir()


def breaches(document: Document, index: Tree) -> Iterator[Problem]:
    """Yield what MMPretrain's hook refuses or warns of in a metafile; of many names alike, one problem."""
    collections = index.find("Collections")
    count = len(list(collections.entries())) if collections else 0
    if count != 1:
        line, message = collections.line if collections else 1, f"{count} collections; a metafile has exactly one"
        yield within(document, "F002", Level.FALSE, line, message, "one file per collection")
    for collection in collections.entries() if collections else ():
        yield from lacking(document, collection, "collection", ("README",), ("Paper", "Title"))
    models = index.find("Models")
    listed = list(models.entries()) if models else []
    names = {model.say("Name") for model in listed}
    for model in listed:
        yield from _model(document, model, names)
    yield from _names(document, listed)
    yield from _imported(document)


def collection_elsewhere(document: Document, name: str) -> str:
    """Return the file that holds the collection `name`, of those that the nearest model-index.yml imports."""
    index = _index(document.path)
    text = index.read_text(encoding="utf-8", errors="replace") if index else ""
    for file in re.findall(r"(?m)^[ \t]*-[ \t]*['\"]?([\w./-]{1,300}\.ya?ml)", text):
        path = index.parent / file if index else Path(file)
        if path.is_file() and name in _collections(path.read_text(encoding="utf-8", errors="replace")):
            return str(file)
    return ""


def _collections(text: str) -> list[str]:
    block = text.partition("Collections:")[2].partition("\nModels:")[0]
    return [match[1].strip() for line in block.split("\n") if (match := _NAME.match(line))]


def _model(document: Document, model: Tree, names: set[str]) -> Iterator[Problem]:
    name = model.say("Name")
    yield from lacking(document, model, "model", ("In Collection",), ("Config",), model=name)
    for key in ("Parameters", "FLOPs"):  # null where a model has no such count
        if model.find("Metadata", key) is None:
            message = f"model without Metadata.{key}"
            yield within(document, "F002", Level.FALSE, model.line, message, f"add Metadata.{key}", name)
    yield from absent(document, model.line, model.say("Config"), "Config")
    downstream = model.find("Downstream")
    for other in downstream.entries() if downstream else ():
        if other.text not in names:
            message = f"downstream model {other.text!r} is not in this file"
            yield within(document, "F004", Level.WARNING, other.line, message, "correct the name", name)
    if name.endswith(".py"):
        message = "the name ends in .py"
        yield within(document, "F007", Level.FALSE, model.line, message, name.removesuffix(".py"), name)


def _names(document: Document, models: list[Tree]) -> Iterator[Problem]:
    """Yield one problem for all names outside the grammar, and one for all weights under other names."""
    odd = [model for model in models if _is_odd(model.say("Name"))]
    if odd:
        grammar = "{algorithm}_{model}_{training}_{data} with training such as 8xb32 or 3rdparty"
        message = f"not named {grammar}: {_shown([model.say('Name') for model in odd])}"
        yield within(document, "F007", Level.WARNING, odd[0].line, message, "rename them")
    other = [model for model in models if not _file(model).startswith(model.say("Name"))]
    if other:
        message = f"weights files that do not begin with their models' names: {_shown([_file(url) for url in other])}"
        yield within(document, "F007", Level.NOTE, other[0].line, message, "")


def _is_odd(name: str) -> bool:
    is_file = name.endswith(".py")
    return bool(name) and not is_file and (len(name.split("_")) < 3 or not _TRAINING.search(name))


def _file(model: Tree) -> str:
    """Return the name of a model's weights' file; that of the model where it has none."""
    return file_name(model.say("Weights")) or model.say("Name")


def _shown(names: list[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def _imported(document: Document) -> Iterator[Problem]:
    """Yield when the nearest model-index.yml above a metafile does not import it."""
    index = _index(document.path)
    if index:
        relative = document.path.resolve().relative_to(index.parent).as_posix()
        text = index.read_text(encoding="utf-8", errors="replace")
        if not re.search(rf"(?m)^[ \t]*-[ \t]*['\"]?{re.escape(relative)}['\"]?[ \t\r]*(#.*)?$", text):
            message = f"{index.name} does not import {relative}"
            yield within(document, "F009", Level.FALSE, 1, message, "add it to Import")


def _index(path: Path) -> Path | None:
    """Return the nearest model-index.yml above `path`."""
    indexes = (folder / "model-index.yml" for folder in path.resolve().parents)
    return next((index for index in indexes if index.is_file()), None)
