"""The form of a card: what the readers of each format refuse, drop, merge or guess at.

Sources: model-index 0.1.11 (`mi check`), MMPretrain's .dev_scripts/check_metafile.py, huggingface_hub's ModelCardData.
"""

import re
from collections.abc import Iterator

from resbench.cards.entry import file_name
from resbench.cards.parse import Document
from resbench.cards.tables import links
from resbench.cards.trees import Tree
from resbench.judging.problem import Edit, Level, Problem

_RESULT_KEYS = {"task", "dataset", "metrics"}
_TRAINING = re.compile(r"(\d+xb\d+|3rdparty)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
_LISTS = ("tags", "datasets", "metrics", "language")


def problems(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with the form of `document`."""
    for line, reason in document.errors:
        yield _problem(document, "F001", Level.UNREADABLE, line, f"not readable: {reason}", "correct the YAML")
    for index in document.indexes:
        yield from _index(document, index)
        if document.is_metafile:
            yield from _metafile(document, index)
    if document.front:
        yield from _front(document, document.front)
    if document.results:
        yield from _results(document, document.results)
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
        yield _problem(document, "F003", Level.FALSE, imports.line, message, "write a list with one item")
    for file in imports.entries() if imports else ():
        yield from _file(document, file.line, file.text, "imported file", Level.FALSE)
    models = index.find("Models")
    if models and models.is_text:
        yield from _file(document, models.line, models.text, "file of models", Level.FALSE)
    for model in models.entries() if models else ():
        yield from _model(document, model, names if collections else None)


def _named(document: Document, tree: Tree, kind: str, name: str = "") -> Iterator[Problem]:
    if not tree.say("Name"):
        yield _problem(document, "F002", Level.FALSE, tree.line, f"{kind} without a Name", "name it", name)
    readme, image = tree.say("README"), tree.say("Image")
    if readme.endswith(".md") and len(readme) < 256:
        yield from _file(document, tree.line, readme, "README")
    if image and not image.startswith("http"):
        yield from _file(document, tree.line, image, "Image")


def _model(document: Document, model: Tree, collections: set[str] | None) -> Iterator[Problem]:
    name = model.say("Name")
    yield from _named(document, model, "model", name)
    metadata = model.find("Metadata")
    if metadata and not (metadata.is_mapping or metadata.is_list or metadata.is_null or metadata.text.endswith("ml")):
        yield _problem(
            document,
            "F003",
            Level.FALSE,
            metadata.line,
            "Metadata is neither a mapping nor a list",
            "write a mapping",
            name,
        )
    for key, value in model.items():
        if key.lower() == "in collection" and key != "In Collection":
            message = f"{key!r} is not recognised; readers look for 'In Collection'"
            edit = Edit(old=key, new="In Collection")
            yield _problem(document, "F006", Level.WARNING, value.line, message, "In Collection", name, edit)
    belongs = model.find("In Collection")
    for one in [*belongs.entries(), belongs] if belongs else ():
        if one.text and collections is not None and one.text not in collections:
            message = f"collection {one.text!r} is not among Collections"
            yield _problem(document, "F004", Level.FALSE, one.line, message, "add it or correct the name", name)
    results = model.find("Results")
    if results and not results.is_text and not results.is_null:
        for result in results.entries() if results.is_list else (results,):
            yield from _result(document, result, name)


def _result(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    for key in ("Task", "Dataset", "Metrics"):
        value = result.find(key)
        if value is None or value.is_null:
            yield _problem(document, "F002", Level.FALSE, result.line, f"result without {key}", f"add {key}", name)
        elif key != "Metrics" and not (value.text or value.say("name")):
            yield _problem(document, "F003", Level.FALSE, value.line, f"{key} is no name", "give its name", name)
        elif key == "Metrics" and not (value.is_mapping or value.is_list):
            yield _problem(
                document,
                "F003",
                Level.FALSE,
                value.line,
                "Metrics is neither mapping nor list",
                "write a mapping",
                name,
            )
    for key, value in result.items():
        if key.lower() not in _RESULT_KEYS:
            message = f"{key!r} of a result is dropped by readers without a word"
            yield _problem(document, "F006", Level.WARNING, value.line, message, "move it to Metadata", name)


def _metafile(document: Document, index: Tree) -> Iterator[Problem]:
    collections = index.find("Collections")
    count = len(list(collections.entries())) if collections else 0
    if count != 1:
        message = f"{count} collections; a metafile has exactly one"
        yield _problem(
            document, "F002", Level.FALSE, collections.line if collections else 1, message, "one file per collection"
        )
    for collection in collections.entries() if collections else ():
        for keys in (("README",), ("Paper", "Title")):
            if not collection.say(*keys):
                message = f"collection without {'.'.join(keys)}"
                yield _problem(document, "F002", Level.FALSE, collection.line, message, f"add {'.'.join(keys)}")
    models = index.find("Models")
    names = [model.say("Name") for model in models.entries()] if models else []
    for model in models.entries() if models else ():
        yield from _metafile_model(document, model, set(names))
    yield from _imported(document)


def _metafile_model(document: Document, model: Tree, names: set[str]) -> Iterator[Problem]:
    name = model.say("Name")
    for keys in (("Metadata", "Parameters"), ("Metadata", "FLOPs"), ("In Collection",), ("Config",)):
        if not model.say(*keys):
            message = f"model without {'.'.join(keys)}"
            yield _problem(document, "F002", Level.FALSE, model.line, message, f"add {'.'.join(keys)}", name)
    yield from _file(document, model.line, model.say("Config"), "Config")
    downstream = model.find("Downstream")
    for other in downstream.entries() if downstream else ():
        if other.text not in names:
            message = f"downstream model {other.text!r} is not in this file"
            yield _problem(document, "F004", Level.WARNING, other.line, message, "correct the name", name)
    if name.endswith(".py"):
        message = "a model's name is no file name"
        yield _problem(document, "F007", Level.FALSE, model.line, message, name.removesuffix(".py"), name)
    elif name and (len(name.split("_")) < 3 or not _TRAINING.search(name)):
        message = "name is not {algorithm}_{model}_{training}_{data} with training such as 8xb32 or 3rdparty"
        yield _problem(document, "F007", Level.WARNING, model.line, message, "rename it", name)
    file = file_name(model.say("Weights"))
    if file and name and not file.startswith(name):
        message = f"weights file {file} does not begin with the model's name"
        yield _problem(document, "F007", Level.NOTE, model.line, message, "", name)


def _imported(document: Document) -> Iterator[Problem]:
    """Yield when the nearest model-index.yml above a metafile does not import it."""
    for folder in document.path.resolve().parents:
        index = folder / "model-index.yml"
        if index.is_file():
            relative = document.path.resolve().relative_to(folder).as_posix()
            text = index.read_text(encoding="utf-8", errors="replace")
            if not re.search(rf"(?m)^\s*-\s*['\"]?{re.escape(relative)}['\"]?\s*(#.*)?$", text):
                message = f"{index.name} does not import {relative}"
                yield _problem(document, "F009", Level.FALSE, 1, message, "add it to Import")
            return


def _front(document: Document, front: Tree) -> Iterator[Problem]:
    for key in _LISTS:
        value = front.find(key)
        if value and value.is_mapping:
            yield _problem(document, "F003", Level.FALSE, value.line, f"{key} is a mapping, not a list", "write a list")
    index = front.find("model-index")
    if index is None or index.is_mapping:
        return
    if not front.say("license"):
        yield _problem(document, "F002", Level.WARNING, 1, "no license", "add license")
    models = list(index.entries())
    if not models:
        yield _problem(document, "F003", Level.FALSE, index.line, "model-index is not a list of models", "write a list")
    if len(models) > 1:
        message = f"{len(models)} models; the hub's reader keeps the last name only"
        yield _problem(document, "F008", Level.WARNING, index.line, message, "one model per card")
    for model in models:
        yield from _hub_model(document, model)


def _hub_model(document: Document, model: Tree) -> Iterator[Problem]:
    name = model.say("name")
    results = model.find("results")
    for key, missing in (("name", not name), ("results", results is None or not results.is_list)):
        if missing:
            yield _problem(
                document, "F002", Level.FALSE, model.line, f"model-index entry without {key}", f"add {key}", name
            )
    seen: dict[tuple[str, ...], int] = {}
    for result in results.entries() if results else ():
        for keys in (("task", "type"), ("dataset", "type"), ("dataset", "name")):
            if not result.say(*keys):
                word = ".".join(keys)
                yield _problem(
                    document, "F002", Level.FALSE, result.line, f"result without {word}", f"add {word}", name
                )
        yield from _hub_metrics(document, result, name)
        yield from _source(document, result, name)
        data = ("config", "split", "revision")
        identity = (
            result.say("task", "type"),
            result.say("dataset", "type"),
            *(result.say("dataset", word) for word in data),
        )
        if identity in seen:
            message = (
                f"the hub merges this result with the one at line {seen[identity]}: task, dataset and config are equal"
            )
            yield _problem(
                document, "F008", Level.WARNING, result.line, message, "give each its own dataset.config", name
            )
        seen.setdefault(identity, result.line)


def _hub_metrics(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    metrics = result.find("metrics")
    if metrics is None or not metrics.is_list:
        yield _problem(
            document, "F002", Level.FALSE, result.line, "result without a list of metrics", "add metrics", name
        )
    for metric in metrics.entries() if metrics else ():
        value = metric.find("value")
        if not metric.say("type") or value is None or value.is_null:
            yield _problem(
                document, "F002", Level.FALSE, metric.line, "metric without type and value", "add both", name
            )


def _source(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    source = result.find("source")
    if source and not source.say("url"):
        yield _problem(document, "F002", Level.FALSE, source.line, "source without url", "add its url", name)


def _results(document: Document, results: Tree) -> Iterator[Problem]:
    for result in results.entries():
        value, date = result.find("value"), result.find("date")
        for key, missing in (
            ("dataset.id", not result.say("dataset", "id")),
            ("dataset.task_id", not result.say("dataset", "task_id")),
            ("value", value is None or value.is_null),
        ):
            if missing:
                yield _problem(document, "F002", Level.FALSE, result.line, f"result without {key}", f"add {key}")
        yield from _source(document, result, "")
        if date and not _DATE.fullmatch(date.text):
            yield _problem(
                document, "F003", Level.FALSE, date.line, f"date {date.text!r} is not ISO 8601", "2026-01-31"
            )


def _links(document: Document) -> Iterator[Problem]:
    for line, target in links(document.text):
        path, _, anchor = target.partition("#")
        file = document.path.parent / path.partition("?")[0] if path else document.path
        if path.startswith("/"):
            continue
        if not file.exists():
            yield _problem(document, "F010", Level.WARNING, line, f"link to {path}: no such file", "correct the link")
        elif anchor and not path and anchor.lower() not in _anchors(document.text):
            yield _problem(
                document, "F010", Level.WARNING, line, f"link to #{anchor}: no such heading", "correct the link"
            )


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to headings, and those that are set by hand."""
    headings = re.findall(r"(?m)^#{1,6}[ \t]+(.*?)[ \t#]*$", text)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | {name.lower() for name in re.findall(r"(?:id|name)=[\"']([^\"']+)", text)}


def _file(
    document: Document, line: int, name: str, what: str, level: Level = Level.WARNING
) -> Iterator[Problem]:  # fmt: skip
    """Yield when the file called `name` exists neither beside `document` nor below a folder above it."""
    if not name or str(document.path) == "-" or "://" in name:
        return
    folders = document.path.resolve().parents
    try:
        exists = any(any(folder.glob(name)) if "*" in name else (folder / name).exists() for folder in folders[:5])
    except (OSError, ValueError, NotImplementedError):  # a name that no file can have
        exists = False
    if not exists:
        yield _problem(document, "F005", level, line, f"{what} {name}: no such file", "correct the path")


def _problem(
    document: Document, code: str, level: Level, line: int, message: str, fix: str, model: str = "",
    edit: Edit | None = None,
) -> Problem:  # fmt: skip
    words = " ".join(message.split())
    return Problem(
        code=code, level=level, path=str(document.path), line=line, model=model, message=words, fix=fix, edit=edit
    )
