"""The form of a card: what the readers of each format refuse, drop, merge or guess at.

Source: model-index 0.1.11 (`mi check`).
"""

from collections.abc import Iterator
from pathlib import Path

from resbench.lint import hub, metafile
from resbench.lint.files import leads_outside
from resbench.lint.markdown import anchors, links
from resbench.lint.metafile import collection_elsewhere, in_layout
from resbench.lint.parse import Document
from resbench.lint.places import absent, exists, lacking, within
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.trees import Tree

_RESULT_KEYS = {"task", "dataset", "metrics"}
_PAGES = (".md", ".mdx", ".rst", ".ipynb")


def problems(document: Document, *, mmpretrain: bool = False) -> Iterator[Problem]:
    """Yield what is wrong with the form of `document`.

    MMPretrain's rules hold for metafiles in its layout, or for all metafiles when `mmpretrain` is true; no rule of
    form is known for other metafiles.
    """
    for line, reason in document.errors:
        yield within(document, "F001", Level.UNREADABLE, line, f"not readable: {reason}", "correct the file")
    if document.front_warning:
        yield within(document, "F001", Level.WARNING, 1, document.front_warning, "write --- alone on its line")
    for tree in (*document.indexes, *filter(None, (document.front, document.results))):
        yield from _repeated(document, tree)
    for index in document.indexes:
        if not document.is_metafile:
            yield from _index(document, index)
        elif mmpretrain or in_layout(document):
            yield from _index(document, index)
            yield from metafile.breaches(document, index)
    if document.front:
        yield from hub.front(document, document.front)
    if document.results:
        yield from hub.hub_problems(document, document.results)
    if document.fractions:
        yield _of_fractions(document)
    if str(document.path) != "-":
        yield from _links(document)


def _repeated(document: Document, tree: Tree) -> Iterator[Problem]:
    for key, first, line in tree.repeated():
        message = f"{key!r} is written twice, first at line {first}: readers keep the last one"
        yield within(document, "F006", Level.WARNING, line, message, "keep one of them")


def _of_fractions(document: Document) -> Problem:
    line = min(line for line, _ in document.fractions)
    names = ", ".join(dict.fromkeys(heading for _, heading in document.fractions))
    return within(document, "T007", Level.NOTE, line, f"fractions, not per cent: {names}", "")


def _index(document: Document, index: Tree) -> Iterator[Problem]:
    collections = index.find("Collections")
    names = {collection.say("Name") for collection in collections.entries()} if collections else set()
    for collection in collections.entries() if collections else ():
        yield from _named(document, collection, "collection")
    library = index.find("Library")
    if library and library.is_mapping:
        yield from _named(document, library, "library")
    imports, models = index.find("Import"), index.find("Models")
    if imports and imports.is_text:
        message = f"Import is the string {imports.text!r}, which readers split into single characters"
        yield within(document, "F003", Level.FALSE, imports.line, message, "write a list with one item")
    named = {file.text: file for file in imports.entries()} if imports else {}
    named |= {models.text: models} if models and models.is_text else {}
    for file in named.values():
        yield from _imported_file(document, file)
    for model in models.entries() if models else ():
        yield from _model(document, model, names if collections else None)


def _imported_file(document: Document, file: Tree) -> Iterator[Problem]:
    if str(document.path) != "-" and "://" not in file.text and leads_outside(document, file.text):
        message = f"imported file {file.text!r} is outside of the card's folder, and was not read"
        yield within(document, "F005", Level.WARNING, file.line, message, "import files below the card's folder")
    else:
        yield from absent(document, file.line, file.text, "imported file", Level.FALSE)


def _named(document: Document, tree: Tree, kind: str) -> Iterator[Problem]:
    yield from lacking(document, tree, kind, ("Name",))
    readme, image = tree.say("README"), tree.say("Image")
    if readme.endswith(".md") and len(readme) < 256:
        yield from absent(document, tree.line, readme, "README")
    if image and not image.startswith("http"):
        yield from absent(document, tree.line, image, "Image")


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
    for entry in [*belongs.entries(), belongs] if belongs else ():
        if entry.text and collections is not None and entry.text not in collections:
            yield _lost(document, entry, collections, name)
    results = model.find("Results")
    if results and not results.is_text and not results.is_null:
        for result in results.entries() if results.is_list else (results,):
            yield from _result(document, result, name)


def _lost(document: Document, belongs: Tree, collections: set[str], name: str) -> Problem:
    """Return the problem of a model whose collection is not in this file."""
    known = {collection.lower(): collection for collection in collections}
    message, level = f"collection {belongs.text!r} is not among Collections", Level.FALSE
    if other := known.get(belongs.text.lower()):
        message, level = f"{message}; {other!r} is, in other letters", Level.WARNING
    elif file := collection_elsewhere(document, belongs.text):
        message, level = f"{message} of this file; it is in {file}", Level.WARNING
    return within(document, "F004", level, belongs.line, message, "add it or correct the name", name)


def _result(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    for key in ("Task", "Dataset", "Metrics"):
        value = result.find(key)
        if value is None or (value.is_null and key != "Metrics"):
            yield within(document, "F002", Level.FALSE, result.line, f"result without {key}", f"add {key}", name)
        elif key != "Metrics" and not (value.text or value.say("name")):
            yield within(document, "F003", Level.FALSE, value.line, f"{key} is not a name", "give its name", name)
        elif key == "Metrics" and not (value.is_mapping or value.is_list or value.is_null):
            message = "Metrics is neither a mapping nor a list"
            yield within(document, "F003", Level.FALSE, value.line, message, "write a mapping", name)
    for key, value in result.items():
        if key.lower() not in _RESULT_KEYS:
            message = f"readers ignore {key!r} of a result"
            yield within(document, "F006", Level.WARNING, value.line, message, "move it to Metadata", name)


def _links(document: Document) -> Iterator[Problem]:
    headings = anchors(document.text)
    for line, target in links(document.text):
        path, _, anchor = target.partition("#")
        file = document.path.parent / path.partition("?")[0] if path else document.path
        if path.startswith("/"):
            continue
        message = ""
        if not _leads_somewhere(file):
            message = f"link to {path}: no such file"
        elif anchor and not path and anchor.lower() not in headings:
            message = f"link to #{anchor}: no such heading"
        if message:
            yield within(document, "F010", Level.WARNING, line, message, "correct the link")


def _leads_somewhere(file: Path) -> bool:
    """Whether a link's file exists; documentation builders leave its suffix out, or write that of the page."""
    suffixes = ("", *_PAGES) if file.suffix != ".html" else ("",)
    own = [file.with_name(file.name + suffix) for suffix in suffixes] if file.name else [file]
    pages = [file.with_suffix(suffix) for suffix in _PAGES] if file.suffix == ".html" else []
    return any(exists(each) for each in (*own, *pages))
