"""Anybody's cards as one noun: timm pages, MMPretrain's README and metafile, Hugging Face cards and results."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from resbench.counting.conventions import NAMES
from resbench.lint import frontmatter, lists, markdown, modelindex, tables, trees
from resbench.lint.columns import bare
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import ACCURACIES
from resbench.lint.tables import TextModels, Unread
from resbench.lint.trees import Tree

_INDEX = re.compile(r"^[ \t]*(Type:[ \t]*model-?index|Models:|Collections:)", re.MULTILINE | re.IGNORECASE)


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
    fractions: tuple[tuple[int, str], ...] = ()  # columns of accuracies as fractions: line and heading
    errors: tuple[tuple[int, str], ...] = ()  # blocks that could not be read: line and reason
    front_warning: str = ""  # why some readers do not find the front matter

    @property
    def is_metafile(self) -> bool:
        """Whether it is a metafile of Open-MMLab's kind, by its name."""
        return self.path.name in ("metafile.yml", "metafile.yaml")


def parse(path: Path, text: str) -> Document:
    """Return what `text`, read from `path`, says. Blocks that cannot be read are among its errors."""
    text = text.removeprefix("\ufeff")
    return _yaml_document(path, text) if _is_yaml(path, text) else _markdown_document(path, text)


def _markdown_document(path: Path, text: str) -> Document:
    errors: list[tuple[int, str]] = []
    head = frontmatter.find_front_matter(text)
    if head and head.error:
        errors.append((1, head.error))
    front = _read(head.text, head.line, errors) if head and not head.error else None
    body = "\n" * text.count("\n", 0, head.end) + text[head.end :] if head and not head.error else text
    blocks = [
        tree
        for line, comment in markdown.comments(body)
        if _INDEX.search(comment) and (tree := _read(comment, line, errors))
    ]
    hub = front.find("model-index") if front else None
    if hub and hub.is_mapping:  # the Papers with Code kind in front matter
        blocks.append(hub)
        hub = None
    readings = [
        lists.listed_values(path, grid) if lists.is_of_values(grid) else tables.table_models(path, grid)
        for grid in markdown.grids(body)
    ]
    readings.append(lists.listed_models(path, body))
    results = list(modelindex.hub_entries(path, hub)) if hub else []
    entries = [entry for block in blocks for entry in modelindex.index_entries(path, block)]
    entries = [*modelindex.fractions(entries), *results, *_on_the_cards_data(readings, front, results)]
    named = frozenset(name for name in NAMES if re.search(rf"(?<![\w-]){name}(?![\w-])", text))
    return Document(
        path=path,
        text=text,
        indexes=tuple(blocks),
        front=front,
        entries=tuple(replace(entry, conventions=named) for entry in entries),
        not_understood=tuple(unread for reading in readings for unread in reading.not_understood),
        fractions=(*_fractions(entries), *(column for reading in readings for column in reading.fractions)),
        errors=tuple(errors),
        front_warning=head.warning if head else "",
    )


def _on_the_cards_data(
    readings: Iterable[TextModels], front: Tree | None, results: list[ModelEntry]
) -> Iterator[ModelEntry]:
    """Yield what was read; the card's results or its field `datasets` say on which data, where nothing nearer does."""
    listed = front.find("datasets") if front else None
    own = [listed.text, *(item.text for item in listed.entries())] if listed else []
    own = list(dict.fromkeys(entry.dataset for entry in results if entry.dataset)) or own
    dataset = ", ".join(filter(None, own))
    for entry in (entry for reading in readings for entry in reading.entries):
        yield replace(
            entry, figures=tuple(replace(figure, dataset=figure.dataset or dataset) for figure in entry.figures)
        )


def _fractions(entries: Iterable[ModelEntry]) -> list[tuple[int, str]]:
    """Return the first accuracy of a model index whose accuracies are fractions."""
    figures = [figure for entry in entries if entry.style == "index" for figure in entry.figures]
    return [
        (figure.line, bare(figure.heading))
        for figure in figures
        if figure.quantity in ACCURACIES and figure.unit == "1"
    ][:1]


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
        entries = tuple(modelindex.result_entries(path, tree))
        return Document(path=path, text=text, results=tree, entries=entries)
    models = modelindex.fractions(list(modelindex.index_entries(path, tree)))
    return Document(path=path, text=text, indexes=(tree,), entries=tuple(models), fractions=tuple(_fractions(models)))


def _read(text: str, line: int, errors: list[tuple[int, str]]) -> Tree | None:
    try:
        return trees.read_yaml(text, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        errors.append((line + (mark.line if mark else 0), str(error.problem or "not YAML")))
    except yaml.YAMLError as error:
        errors.append((line, str(error).splitlines()[0]))
    except RecursionError:
        errors.append((line, "nested too deeply"))
    return None
