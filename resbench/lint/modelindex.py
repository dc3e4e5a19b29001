"""Models in YAML: model indexes of the Papers with Code kind, Hugging Face's model-index and .eval_results."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from resbench.lint.columns import LONGEST
from resbench.lint.datasets import known_in
from resbench.lint.entry import ModelEntry, side, stem
from resbench.lint.figure import ACCURACIES, StatedFigure
from resbench.lint.trees import Tree
from resbench.words.quantities import Quantity

_COUNTS: dict[Quantity, str] = {"params": "Parameters", "flops": "FLOPs", "file_size": "File Size"}
_ARGUMENTS = ("config", "split", "revision", "args")


def index_entries(path: Path, index: Tree) -> Iterator[ModelEntry]:
    """Yield the models of a model index: those of timm's pages, MMPretrain's metafiles and their like."""
    models = index.find("Models")
    for model in models.entries() if models else ():
        metadata, results = model.find("Metadata"), model.find("Results")
        size = side(metadata.say("Image Size")) if metadata else None
        figures = list(_counts(metadata)) if metadata else []
        for result in (list(results.entries()) or [results]) if results else ():
            figures += _accuracies(result)
        yield ModelEntry(
            style="index",
            path=path,
            line=model.line,
            name=model.say("Name"),
            figures=tuple(replace(figure, image_px=size) for figure in figures),
            names=(stem(model.say("Config")), metadata.say("ID") if metadata else ""),
            weights_url=model.say("Weights"),
            image_px=size,
        )


def hub_entries(path: Path, index: Tree) -> Iterator[ModelEntry]:
    """Yield the results in the model-index of a Hugging Face card, each as an entry."""
    for model in index.entries():
        results = model.find("results")
        for result in results.entries() if results else ():
            dataset = result.find("dataset")
            yield ModelEntry(
                style="huggingface",
                path=path,
                line=result.line,
                name=model.say("name"),
                figures=tuple(_hub_figures(result, _data_set(dataset) if dataset else "")),
            )


def result_entries(path: Path, results: Tree) -> Iterator[ModelEntry]:
    """Yield the results of an .eval_results file; it names no model, which is the repository's."""
    for result in results.entries():
        value = result.find("value")
        pairs = [(result.say("dataset", "task_id"), value)] if value else []
        figures = _figures(pairs, result.say("dataset", "id"), _arguments(result, "dataset"), may_be_fraction=True)
        yield ModelEntry(style="results", path=path, line=result.line, name="", figures=tuple(figures))


def _counts(metadata: Tree) -> Iterator[StatedFigure]:
    for quantity, key in _COUNTS.items():
        value = metadata.find(key)
        if value and value.text:
            yield StatedFigure(
                quantity=quantity, text=value.text[:LONGEST], unit="", line=value.line, is_count=True, heading=key
            )  # fmt: skip


def _accuracies(result: Tree) -> Iterator[StatedFigure]:
    metrics = result.find("Metrics")
    pairs = [*metrics.items(), *_named_values(metrics)] if metrics else []
    dataset = result.say("Dataset") or result.say("Dataset", "name")
    yield from _figures(pairs, dataset, _arguments(result, "Dataset"), may_be_fraction=False)


def _hub_figures(result: Tree, dataset: str) -> Iterator[StatedFigure]:
    metrics = result.find("metrics")
    arguments = _arguments(result, "dataset")
    for metric in metrics.entries() if metrics else ():
        value = metric.find("value")
        pairs = [(_metric_name(metric), value)] if value else []
        own = " ".join(filter(None, (arguments, *(_flat(metric.find(key)) for key in ("config", "args")))))
        yield from _figures(pairs, dataset, own, may_be_fraction=True)


def _named_values(metrics: Tree) -> list[tuple[str, Tree]]:
    """Return the metrics of a list of `{name, type, value}`."""
    return [(_metric_name(metric), value) for metric in metrics.entries() if (value := metric.find("value"))]


def _metric_name(metric: Tree) -> str:
    return f"{metric.say('type')} {metric.say('name')}"


def _figures(
    pairs: list[tuple[str, Tree]], dataset: str, arguments: str, *, may_be_fraction: bool
) -> Iterator[StatedFigure]:
    """Yield the accuracies among named values; where fractions are usual, 1 and less is one."""
    for name, value in pairs:
        quantity = _accuracy(name)
        if not quantity or not value.text:
            continue
        figure = StatedFigure(
            quantity=quantity,
            text=value.text[:LONGEST],
            unit="%" if "%" in value.text else "",
            line=value.line,
            is_error_rate=bool(re.search(r"(?<![a-z])err(or)?\b", name.lower())),
            heading=name.strip(),
            dataset=dataset,
            arguments=arguments,
        )
        is_fraction = may_be_fraction and not figure.unit and figure.number is not None and 0 <= figure.number <= 1
        yield replace(figure, unit="1") if is_fraction else figure


def fractions(entries: list[ModelEntry]) -> list[ModelEntry]:
    """Take the accuracies of a model index for fractions where most of them are 1 or less, without per cent signs."""
    figures = [figure for entry in entries for figure in entry.figures if figure.quantity in ACCURACIES]
    small = [figure for figure in figures if not figure.unit and figure.number is not None and figure.number <= 1]
    if 2 * len(small) <= len(figures):
        return entries
    return [
        replace(
            entry,
            figures=tuple(
                replace(figure, unit="1") if figure.quantity in ACCURACIES and not figure.unit else figure
                for figure in entry.figures
            ),
        )
        for entry in entries
    ]


def _accuracy(name: str) -> Literal["top1", "top5"] | None:
    name = name.lower()
    if re.search(r"top.?5|(acc|err)@?5", name):
        return "top5"
    return "top1" if re.search(r"top.?1|(acc|err)@?1|accuracy", name) else None


def _data_set(dataset: Tree) -> str:
    name, kind = dataset.say("name"), dataset.say("type")
    return name if known_in(name) or not kind else f"{name} ({kind})".strip()


def _arguments(result: Tree, key: str) -> str:
    """Return what tells one evaluation on a data set from another: config, split, revision, arguments."""
    dataset = result.find(key)
    return " ".join(filter(None, (_flat(dataset.find(name)) for name in _ARGUMENTS))) if dataset else ""


def _flat(tree: Tree | None) -> str:
    """Return a value in one line: "batch_size=8 crop=224"."""
    if tree is None:
        return ""
    parts = [f"{key}={value.text}" for key, value in tree.items()] + [value.text for value in tree.entries()]
    return " ".join([tree.text, *parts]).strip()
