"""The form of a card: what the readers of each format refuse, drop, merge or guess at.

Sources: model-index 0.1.11 (`mi check`), MMPretrain's .dev_scripts/check_metafile.py.
"""

import re
from collections.abc import Iterator

from resbench.lint import hub
from resbench.lint.entry import file_name
from resbench.lint.markdown import anchors, links
from resbench.lint.parse import Document
from resbench.lint.places import lacking, within
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.trees import Tree

_RESULT_KEYS = {"task", "dataset", "metrics"}
_TRAINING = re.compile(r"(\d+xb\d+|3rdparty)")


def problems(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with the form of `document`."""
    for line, reason in document.errors:
        yield within(document, "F001", Level.UNREADABLE, line, f"not readable: {reason}", "correct the YAML")
    for index in document.indexes:
        yield from _index(document, index)
        if document.is_metafile:
            yield from _metafile(document, index)
    if document.front:
        yield from hub.front(document, document.front)
    if document.results:
        yield from hub.results(document, document.results)
    if str(document.path) != "-":
        yield from _links(document)


def _index(document: Document, index: Tree) -> Iterator[Problem]:
    collections = index.find("Collections")
    names = {collection.say("Name") for collection in collections.entries()} if collections else set()
    for collection in collections.entries() if collections else ():
        yield from _named(document, collection, "collection")
    library = index.find("Library")
    if library and library.is_mapping:
        yield from _named(document, library, "library")
    imports = index.find("Import")
    if imports and imports.is_text:
        message = f"Import is the string {imports.text!r}: its readers take it for a list of single characters"
        yield within(document, "F003", Level.FALSE, imports.line, message, "write a list with one item")
    for file in imports.entries() if imports else ():
        yield from _file(document, file.line, file.text, "imported file", Level.FALSE)
    models = index.find("Models")
    if models and models.is_text:
        yield from _file(document, models.line, models.text, "file of models", Level.FALSE)
    for model in models.entries() if models else ():
        yield from _model(document, model, names if collections else None)


def _named(document: Document, tree: Tree, kind: str) -> Iterator[Problem]:
    yield from lacking(document, tree, kind, ("Name",))
    readme, image = tree.say("README"), tree.say("Image")
    if readme.endswith(".md") and len(readme) < 256:
        yield from _file(document, tree.line, readme, "README")
    if image and not image.startswith("http"):
        yield from _file(document, tree.line, image, "Image")


def _model(document: Document, model: Tree, collections: set[str] | None) -> Iterator[Problem]:
    name = model.say("Name")
    yield from _named(document, model, "model")
    metadata = model.find("Metadata")
    if metadata and not (metadata.is_mapping or metadata.is_list or metadata.is_null or metadata.text.endswith("ml")):
        message = "Metadata is neither a mapping nor a list"
        yield within(document, "F003", Level.FALSE, metadata.line, message, "write a mapping", name)
    for key, value in model.items():
        if key.lower() == "in collection" and key != "In Collection":
            message = f"{key!r} is not recognised; readers look for 'In Collection'"
            edit = Edit(old=key, new="In Collection")
            yield within(document, "F006", Level.WARNING, value.line, message, "In Collection", name, edit)
    belongs = model.find("In Collection")
    for one in [*belongs.entries(), belongs] if belongs else ():
        if one.text and collections is not None and one.text not in collections:
            message = f"collection {one.text!r} is not among Collections"
            yield within(document, "F004", Level.FALSE, one.line, message, "add it or correct the name", name)
    results = model.find("Results")
    if results and not results.is_text and not results.is_null:
        for result in results.entries() if results.is_list else (results,):
            yield from _result(document, result, name)


def _result(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    for key in ("Task", "Dataset", "Metrics"):
        value = result.find(key)
        if value is None or value.is_null:
            yield within(document, "F002", Level.FALSE, result.line, f"result without {key}", f"add {key}", name)
        elif key != "Metrics" and not (value.text or value.say("name")):
            yield within(document, "F003", Level.FALSE, value.line, f"{key} is no name", "give its name", name)
        elif key == "Metrics" and not (value.is_mapping or value.is_list):
            message = "Metrics is neither a mapping nor a list"
            yield within(document, "F003", Level.FALSE, value.line, message, "write a mapping", name)
    for key, value in result.items():
        if key.lower() not in _RESULT_KEYS:
            message = f"{key!r} of a result is dropped by readers without a word"
            yield within(document, "F006", Level.WARNING, value.line, message, "move it to Metadata", name)


def _metafile(document: Document, index: Tree) -> Iterator[Problem]:
    collections = index.find("Collections")
    count = len(list(collections.entries())) if collections else 0
    if count != 1:
        line, message = collections.line if collections else 1, f"{count} collections; a metafile has exactly one"
        yield within(document, "F002", Level.FALSE, line, message, "one file per collection")
    for collection in collections.entries() if collections else ():
        yield from lacking(document, collection, "collection", ("README",), ("Paper", "Title"))
    models = index.find("Models")
    names = [model.say("Name") for model in models.entries()] if models else []
    for model in models.entries() if models else ():
        yield from _metafile_model(document, model, set(names))
    yield from _imported(document)


def _metafile_model(document: Document, model: Tree, names: set[str]) -> Iterator[Problem]:
    name = model.say("Name")
    required = (("Metadata", "Parameters"), ("Metadata", "FLOPs"), ("In Collection",), ("Config",))
    yield from lacking(document, model, "model", *required, model=name)
    yield from _file(document, model.line, model.say("Config"), "Config")
    downstream = model.find("Downstream")
    for other in downstream.entries() if downstream else ():
        if other.text not in names:
            message = f"downstream model {other.text!r} is not in this file"
            yield within(document, "F004", Level.WARNING, other.line, message, "correct the name", name)
    if name.endswith(".py"):
        message = "a model's name is no file name"
        yield within(document, "F007", Level.FALSE, model.line, message, name.removesuffix(".py"), name)
    elif name and (len(name.split("_")) < 3 or not _TRAINING.search(name)):
        message = "name is not {algorithm}_{model}_{training}_{data} with training such as 8xb32 or 3rdparty"
        yield within(document, "F007", Level.WARNING, model.line, message, "rename it", name)
    file = file_name(model.say("Weights"))
    if file and name and not file.startswith(name):
        message = f"weights file {file} does not begin with the model's name"
        yield within(document, "F007", Level.NOTE, model.line, message, "", name)


def _imported(document: Document) -> Iterator[Problem]:
    """Yield when the nearest model-index.yml above a metafile does not import it."""
    for folder in document.path.resolve().parents:
        index = folder / "model-index.yml"
        if index.is_file():
            relative = document.path.resolve().relative_to(folder).as_posix()
            text = index.read_text(encoding="utf-8", errors="replace")
            if not re.search(rf"(?m)^[ \t]*-[ \t]*['\"]?{re.escape(relative)}['\"]?\s*(#.*)?$", text):
                message = f"{index.name} does not import {relative}"
                yield within(document, "F009", Level.FALSE, 1, message, "add it to Import")
            return


def _links(document: Document) -> Iterator[Problem]:
    headings = anchors(document.text)
    for line, target in links(document.text):
        path, _, anchor = target.partition("#")
        file = document.path.parent / path.partition("?")[0] if path else document.path
        if path.startswith("/"):
            continue
        message = ""
        if not file.exists():
            message = f"link to {path}: no such file"
        elif anchor and not path and anchor.lower() not in headings:
            message = f"link to #{anchor}: no such heading"
        if message:
            yield within(document, "F010", Level.WARNING, line, message, "correct the link")


def _file(document: Document, line: int, name: str, what: str, level: Level = Level.WARNING) -> Iterator[Problem]:
    """Yield when the file called `name` exists neither beside `document` nor below a folder above it."""
    if not name or str(document.path) == "-" or "://" in name:
        return
    folders = document.path.resolve().parents
    try:
        exists = any(any(folder.glob(name)) if "*" in name else (folder / name).exists() for folder in folders[:5])
    except (OSError, ValueError, NotImplementedError):  # a name that no file can have
        exists = False
    if not exists:
        yield within(document, "F005", level, line, f"{what} {name}: no such file", "correct the path")
