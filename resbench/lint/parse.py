"""Anybody's cards as one noun: timm pages, MMPretrain's README and metafile, Hugging Face cards and results."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml

from resbench.counting.conventions import NAMES
from resbench.lint import trees
from resbench.lint.entry import ModelEntry, side, stem
from resbench.lint.figure import StatedFigure, accuracy
from resbench.lint.tables import COMMENT, list_entries, table_entries
from resbench.lint.trees import Tree
from resbench.words.quantities import Quantity

_FRONT = re.compile(r"\A---[ ]*\r?\n(.*?)^---[ ]*\r?$", re.DOTALL | re.MULTILINE)
_INDEX_KEYS = {"models", "collections", "import", "library"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A figure that is recognised as one and not understood."""

    line: int
    heading: str  # of its column
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file: its text, its blocks of YAML, the models that it speaks of."""

    path: Path
    text: str
    indexes: tuple[Tree, ...] = ()  # model indexes of the Papers with Code kind
    front: Tree | None = None  # the front matter of a Hugging Face card
    results: Tree | None = None  # the list of an .eval_results file
    entries: tuple[ModelEntry, ...] = ()
    not_understood: tuple[Unread, ...] = ()  # figures that were seen but could not be read
    errors: tuple[tuple[int, str], ...] = ()  # blocks that could not be read: line and reason

    @property
    def is_metafile(self) -> bool:
        """Whether it is MMPretrain's, by its name."""
        return self.path.name in ("metafile.yml", "metafile.yaml")


def parse(path: Path, text: str) -> Document:
    """Return what `text`, read from `path`, says. Blocks that cannot be read are among its errors."""
    text = text.removeprefix("\ufeff")
    if _is_yaml(path, text):
        return _yaml_document(path, text)
    blocks: list[Tree] = []
    errors: list[tuple[int, str]] = []
    front = None
    if found := _FRONT.match(text):
        front = _read(found[1], 2, errors)
    for comment in COMMENT.finditer(text):
        line = text.count("\n", 0, comment.start(1)) + 1
        if _looks_like_index(comment[1]) and (tree := _read(comment[1], line, errors)):
            blocks.append(tree)
    hub = front.find("model-index") if front else None
    if hub and hub.is_mapping:  # the Papers with Code kind in front matter
        blocks.append(hub)
        hub = None
    entries = [entry for block in blocks for entry in _index_entries(path, block)]
    entries += _hub_entries(path, hub) if hub else []
    entries += [*table_entries(path, text), *list_entries(path, text)]
    named = frozenset(name for name in NAMES if re.search(rf"(?<![\w-]){name}(?![\w-])", text))
    return Document(
        path=path,
        text=text,
        indexes=tuple(blocks),
        front=front,
        entries=tuple(replace(entry, conventions=named) for entry in entries),
        errors=tuple(errors),
    )


def _is_yaml(path: Path, text: str) -> bool:
    if path.suffix in (".yml", ".yaml"):
        return True
    if path.suffix in (".md", ".mdx"):
        return False
    return "<!--" not in text and bool(re.search(r"^(Models|Collections|Import|Library):", text, re.MULTILINE))


def _yaml_document(path: Path, text: str) -> Document:
    errors: list[tuple[int, str]] = []
    tree = _read(text, 1, errors)
    if tree is None:
        return Document(path=path, text=text, errors=tuple(errors))
    if tree.is_list:
        return Document(path=path, text=text, results=tree, entries=tuple(_result_entries(path, tree)))
    return Document(path=path, text=text, indexes=(tree,), entries=tuple(_index_entries(path, tree)))


def _read(text: str, line: int, errors: list[tuple[int, str]]) -> Tree | None:
    try:
        return trees.read(text, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        errors.append((line + (mark.line if mark else 0), str(error.problem or "not YAML")))
    except yaml.YAMLError as error:
        errors.append((line, str(error).splitlines()[0]))
    except RecursionError:
        errors.append((line, "nested too deeply"))
    return None


def _looks_like_index(comment: str) -> bool:
    return bool(re.search(r"^\s*(Type:\s*model-?index|Models:|Collections:)", comment, re.MULTILINE | re.IGNORECASE))


def _index_entries(path: Path, index: Tree) -> Iterator[ModelEntry]:
    models = index.find("Models")
    for model in models.entries() if models else ():
        metadata = model.find("Metadata")
        said: dict[Quantity, StatedFigure] = {}
        if metadata:
            said |= _counts(metadata)
        results = model.find("Results")
        first = next(results.entries(), results) if results else None
        if first:
            said |= _accuracies(first.find("Metrics"), first.say("Dataset"))
        size = metadata.say("Image Size") if metadata else ""
        yield ModelEntry(
            style="index",
            path=path,
            line=model.line,
            name=model.say("Name"),
            figures=tuple(said.values()),
            names=(stem(model.say("Config")), metadata.say("ID") if metadata else ""),
            weights_url=model.say("Weights"),
            image_px=side(size),
        )


def _counts(metadata: Tree) -> dict[Quantity, StatedFigure]:
    keys: dict[Quantity, str] = {"params": "Parameters", "flops": "FLOPs", "file_size": "File Size"}
    found = {quantity: metadata.find(key) for quantity, key in keys.items()}
    return {
        quantity: StatedFigure(quantity=quantity, text=tree.text, unit="", line=tree.line, is_count=True)
        for quantity, tree in found.items()
        if tree and tree.text
    }


def _accuracies(metrics: Tree | None, dataset: str) -> dict[Quantity, StatedFigure]:
    pairs = list(metrics.items()) if metrics else []
    pairs += _named_values(metrics)
    return _first_of_each(pairs, dataset, may_be_fraction=False)


def _named_values(metrics: Tree | None) -> list[tuple[str, Tree]]:
    """Return the metrics of a list of `{name, type, value}`."""
    found = (
        [(f"{one.say('type')} {one.say('name')}", one.find("value")) for one in metrics.entries()] if metrics else []
    )
    return [(name, value) for name, value in found if value]


def _first_of_each(
    pairs: list[tuple[str, Tree]], dataset: str, *, may_be_fraction: bool
) -> dict[Quantity, StatedFigure]:
    found: dict[Quantity, StatedFigure] = {}
    for name, value in pairs:
        if (quantity := _accuracy(name)) and value.text:
            figure = accuracy(quantity, value.text, value.line, may_be_fraction=may_be_fraction)
            found.setdefault(quantity, replace(figure, dataset=dataset))
    return found


def _accuracy(name: str) -> Literal["top1", "top5"] | None:
    name = name.lower()
    if re.search(r"top.?5|acc@5|acc5", name):
        return "top5"
    return "top1" if re.search(r"top.?1|acc@1|acc1|accuracy", name) else None


def _hub_entries(path: Path, index: Tree) -> Iterator[ModelEntry]:
    for model in index.entries():
        results = model.find("results")
        for result in results.entries() if results else ():
            dataset = f"{result.say('dataset', 'name')} {result.say('dataset', 'config')}".strip()
            yield ModelEntry(
                style="huggingface",
                path=path,
                line=result.line,
                name=model.say("name"),
                figures=tuple(
                    _first_of_each(_named_values(result.find("metrics")), dataset, may_be_fraction=True).values()
                ),
            )


def _result_entries(path: Path, results: Tree) -> Iterator[ModelEntry]:
    for result in results.entries():
        value = result.find("value")
        pairs = [(result.say("dataset", "task_id"), value)] if value else []
        yield ModelEntry(
            style="results",
            path=path,
            line=result.line,
            name="",  # the repository's; the file does not say
            figures=tuple(_first_of_each(pairs, result.say("dataset", "id"), may_be_fraction=True).values()),
        )
