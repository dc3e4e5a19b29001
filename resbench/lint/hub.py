"""The form of Hugging Face cards and results: what huggingface_hub's ModelCardData and EvalResultEntry require."""

import re
from collections.abc import Iterator

from resbench.lint.parse import Document
from resbench.lint.places import lacking, within
from resbench.lint.problem import Level, Problem
from resbench.lint.trees import Tree

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
_LISTS = ("tags", "datasets", "metrics", "language")


def front(document: Document, front: Tree) -> Iterator[Problem]:
    """Yield what is wrong with the front matter of a card."""
    for key in _LISTS:
        value = front.find(key)
        if value and value.is_mapping:
            yield within(document, "F003", Level.FALSE, value.line, f"{key} is a mapping, not a list", "write a list")
    index = front.find("model-index")
    if index is None or index.is_mapping:
        return
    if not front.say("license"):
        yield within(document, "F002", Level.WARNING, 1, "no license", "add license")
    models = list(index.entries())
    if not models:
        yield within(document, "F003", Level.FALSE, index.line, "model-index is not a list of models", "write a list")
    if len(models) > 1:
        message = f"{len(models)} models; the hub's reader keeps the last name only"
        yield within(document, "F008", Level.WARNING, index.line, message, "one model per card")
    for model in models:
        yield from _hub_model(document, model)


def _hub_model(document: Document, model: Tree) -> Iterator[Problem]:
    name, results = model.say("name"), model.find("results")
    yield from lacking(document, model, "model-index entry", ("name",))
    if results is None or not results.is_list:
        message = "model-index entry without a list of results"
        yield within(document, "F002", Level.FALSE, model.line, message, "add results", name)
    seen: dict[tuple[str, ...], int] = {}
    for result in results.entries() if results else ():
        required = (("task", "type"), ("dataset", "type"), ("dataset", "name"))
        yield from lacking(document, result, "result", *required, model=name)
        yield from _hub_metrics(document, result, name)
        yield from _source(document, result, name)
        data = (result.say("dataset", key) for key in ("type", "config", "split", "revision"))
        identity = (result.say("task", "type"), *data)
        if identity in seen:
            first, fix = seen[identity], "give each its own dataset.config"
            message = f"the hub merges this result with the one at line {first}: task, dataset and config are equal"
            yield within(document, "F008", Level.WARNING, result.line, message, fix, name)
        seen.setdefault(identity, result.line)


def _hub_metrics(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    metrics = result.find("metrics")
    if metrics is None or not metrics.is_list:
        message = "result without a list of metrics"
        yield within(document, "F002", Level.FALSE, result.line, message, "add metrics", name)
    for metric in metrics.entries() if metrics else ():
        value = metric.find("value")
        if not metric.say("type") or value is None or value.is_null:
            yield within(document, "F002", Level.FALSE, metric.line, "metric without type and value", "add both", name)


def _source(document: Document, result: Tree, name: str) -> Iterator[Problem]:
    source = result.find("source")
    if source:
        yield from lacking(document, source, "source", ("url",), model=name)


def hub_problems(document: Document, results: Tree) -> Iterator[Problem]:
    """Yield what is wrong with the entries of an .eval_results file."""
    for result in results.entries():
        date = result.find("date")
        yield from lacking(document, result, "result", ("dataset", "id"), ("dataset", "task_id"), ("value",))
        yield from _source(document, result, "")
        if date and not _DATE.fullmatch(date.text):
            yield within(document, "F003", Level.FALSE, date.line, f"date {date.text!r} is not ISO 8601", "2026-01-31")
