"""Folders for the Hugging Face hub, one per checkpoint: README.md with its front matter, and .eval_results."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resbench import units
from resbench.cards import architecture, markup, modelindex
from resbench.cards.facts import Card, flops, full_dataset, slug
from resbench.cards.markup import image
from resbench.cards.measured import speed_tables
from resbench.cards.render import claim_notes, pictures
from resbench.cards.summary import network_sentence
from resbench.cards.templating import SIGNATURE, render
from resbench.cards.unpublished import is_of
from resbench.counting.conventions import convention
from resbench.nets.cache import cached_name
from resbench.records.record import TOP_K, Evaluation
from resbench.words.observed import cut
from resbench.zoo.spec import Claim, Metric, Weights

# Data sets -> the hub's type, the split that accuracies are measured on, the repository that hosts it.
_DATASETS = {
    "ImageNet-1k": ("imagenet-1k", "validation", "ILSVRC/imagenet-1k"),
    "CIFAR-10": ("cifar10", "test", "uoft-cs/cifar10"),
    "CIFAR-100": ("cifar100", "test", "uoft-cs/cifar100"),
}
# Ours -> the type in a model index, the task in .eval_results, and the name for people.
_METRICS: dict[Metric, tuple[str, str, str]] = {
    "top1": ("accuracy", "top_1_accuracy", "Top-1 accuracy"),
    "top5": ("top_5_accuracy", "top_5_accuracy", "Top-5 accuracy"),
}


def huggingface_pages(cards: Sequence[Card]) -> dict[str, str]:
    """Return README.md, its pictures and .eval_results/<data set>.yaml of every checkpoint of these, by path."""
    pages: dict[str, str] = {}
    for card in cards:
        for weights in card.weights:
            folder, alone = slug(weights.name), replace(card, weights=(weights,))
            shown = pictures(alone).files(card.variant.name)
            pages[f"{folder}/README.md"] = _readme(alone, weights, [image(shown[path].title, path) for path in shown])
            pages |= {f"{folder}/{path}": picture.svg for path, picture in shown.items()}
            if results := _eval_results(card, weights):
                pages[f"{folder}/.eval_results/{_type(full_dataset(weights))}.yaml"] = (
                    f"# {SIGNATURE}\n{markup.yaml_text(results)}"
                )
    return pages


def _readme(card: Card, weights: Weights, plots: Sequence[markup.Markdown]) -> str:
    images, name = weights.preprocess, card.flops_convention
    return render(
        "huggingface.md.j2",
        summary=network_sentence(card, [weights]),
        plots=plots,
        speeds=speed_tables(card),
        front=markup.Markdown(markup.yaml_text(_front(card, weights))),
        card=card,
        weights=weights,
        facts=architecture.facts(card.variant),
        convention=name,
        meaning=convention(name).meaning,
        operations=flops(card.variant.name, name, images.crop_px),
        operations_px=convention(name).input_rule(images.crop_px),
        macs=flops(card.variant.name, "macs", images.crop_px),
        published=[f"{_METRICS[claim.metric][2]} {units.percent(claim.value)}" for claim in _claims(weights)],
        evaluations=list(_evaluations(card, weights).items()),
        notes=list(claim_notes([replace(card, weights=(weights,))])),
        images=cut(images, images.interpolation),
        name=card.variant.name,
        file=cached_name(weights) if weights.url else weights.name,
    )


def _front(card: Card, weights: Weights) -> dict[str, Any]:
    results = [_published(weights)] if _claims(weights) else []
    results += [_measured(path, record) for path, record in _evaluations(card, weights).items()]
    return {
        "license": weights.license,
        "library_name": "resbench",
        "tags": ["image-classification", "resbench", slug(card.variant.family)],
        "datasets": [_type(full_dataset(weights))],
        "metrics": ["accuracy"],
        "pipeline_tag": "image-classification",
        **({"model-index": [{"name": weights.name, "results": results}]} if results else {}),
    }


def _published(weights: Weights) -> dict[str, Any]:
    claims = _claims(weights)
    values = {claim.metric: modelindex.per_cent(claim) for claim in claims}
    result = _result(full_dataset(weights), f"{weights.preprocess.crop_px} px, published", values)
    return result | {"source": {"name": "publisher", "url": claims[0].source}}


def _measured(path: str, record: Evaluation) -> dict[str, Any]:
    # The hub merges results that differ only in their source: the configuration tells them apart.
    config = f"{record.pixels.crop_px} px, measured with resbench on {record.images} images, {path}"
    return _result(record.dataset.name, config, _shares(record))


def _result(name: str, config: str, values: dict[Metric, float]) -> dict[str, Any]:
    split = {"split": _DATASETS[name][1]} if name in _DATASETS else {}
    words = [(*_METRICS[metric], value) for metric, value in values.items()]
    return {
        "task": {"type": "image-classification", "name": "Image Classification"},
        "dataset": {"name": name, "type": _type(name), "config": config, **split},
        "metrics": [{"type": word, "value": value, "name": label} for word, _, label, value in words],
    }


def _eval_results(card: Card, weights: Weights) -> list[dict[str, Any]]:
    """Return the entries of the hub's newer format: what was published, and measured on the very same images.

    Empty for a data set that the hub does not host. A claim has no date, since none was published with it.
    """
    name = full_dataset(weights)
    if name not in _DATASETS:
        return []
    results = [
        {
            "dataset": _task(name, claim.metric),
            "value": modelindex.per_cent(claim),
            "source": {"url": claim.source, "name": "publisher"},
            "notes": f"{weights.preprocess.crop_px} px, published",
        }
        for claim in _claims(weights)
    ]
    results += [
        {
            "dataset": _task(name, metric),
            "value": value,
            "date": record.run.started,
            "notes": f"{record.pixels.crop_px} px, measured with resbench on {record.images} images",
        }
        for record in _evaluations(card, weights).values()
        if record.dataset.name == name
        for metric, value in _shares(record).items()
    ]
    return results


def _claims(weights: Weights) -> list[Claim]:
    """Return the published accuracies that are not known to be false."""
    return [claim for metric in _METRICS if (claim := weights.sound_claim(metric))]


def _shares(record: Evaluation) -> dict[Metric, float]:
    """Return the measured accuracies in per cent."""
    return {metric: modelindex.measured_per_cent(record, metric) for metric in TOP_K}


def _evaluations(card: Card, weights: Weights) -> dict[str, Evaluation]:
    return {path: record for path, record in card.evaluations.items() if is_of(record, weights)}


def _task(name: str, metric: Metric) -> dict[str, str]:
    return {"id": _DATASETS[name][2], "task_id": _METRICS[metric][1]}


def _type(name: str) -> str:
    return _DATASETS[name][0] if name in _DATASETS else slug(name)
