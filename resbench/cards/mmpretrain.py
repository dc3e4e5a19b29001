"""Files in the manner of MMPretrain: per collection a README with its table and a metafile, and an index of all."""

import re
from collections.abc import Sequence
from typing import Any

from resbench.cards import architecture, markup, measured, modelindex
from resbench.cards.facts import Card, collections, flops, full_dataset, slug
from resbench.cards.render import claim_notes, result_row
from resbench.cards.templating import SIGNATURE, render
from resbench.counting.conventions import convention
from resbench.zoo.spec import Weights

SOURCE = "mmpretrain"


def mmpretrain_pages(cards: Sequence[Card]) -> dict[str, str]:
    """Return README.md and metafile.yml per collection, by path.

    The paths are those of MMPretrain's repository, so that a checkout of it can be the output folder.
    """
    pages: dict[str, str] = {}
    for name, held in collections(cards, SOURCE).items():
        folder = _folder(name, held)
        pages[f"{folder}/README.md"] = _readme(name, held)
        pages[f"{folder}/metafile.yml"] = _yaml(_metafile(name, held, folder))
    return pages


def mmpretrain_index(cards: Sequence[Card]) -> dict[str, str]:
    """Return the root model-index.yml, which imports the metafile of every collection."""
    folders = (_folder(name, held) for name, held in collections(cards, SOURCE).items())
    return {"model-index.yml": _yaml({"Import": [f"{folder}/metafile.yml" for folder in sorted(folders)]})}


def _readme(collection: str, cards: Sequence[Card]) -> str:
    return render(
        "mmpretrain.md.j2",
        collection=collection,
        paper=cards[0].variant.paper,
        results=_results(cards),
        convention=cards[0].flops_convention,
        meaning=convention(cards[0].flops_convention).meaning,
        notes=list(claim_notes(cards)),
        speeds=[table for card in cards for table in measured.speed_tables(card)],
        accuracies=[table for card in cards for table in measured.accuracy_tables(card)],
        first=cards[0].weights[0],
        classes=cards[0].variant.classes,
    )


def _results(cards: Sequence[Card]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of the table of each data set."""
    results: dict[str, list[dict[str, str]]] = {}
    for card in cards:
        for weights in card.weights:
            row = result_row(card, weights, card.flops_convention)
            results.setdefault(full_dataset(weights), []).append(row)
    return results


def _metafile(collection: str, cards: Sequence[Card], folder: str) -> dict[str, Any]:
    paper = cards[0].variant.paper
    parts = sorted({term for card in cards for term in architecture.terms(card.variant.spec)})
    data = sorted({full_dataset(weights) for card in cards for weights in card.weights})
    return {
        "Collections": [
            {
                "Name": collection,
                "Metadata": {"Training Data": data[0] if len(data) == 1 else data, "Architecture": parts},
                **({"Paper": {"URL": paper.url, "Title": paper.title}} if paper.title or paper.url else {}),
                "README": f"{folder}/README.md",
            }
        ],
        "Models": [_model(card, weights) for card in cards for weights in card.weights],
    }


def _model(card: Card, weights: Weights) -> dict[str, Any]:
    metrics = modelindex.metrics(card, weights)
    result = {"Dataset": full_dataset(weights), "Metrics": metrics, "Task": "Image Classification"}
    operations = flops(card.variant.name, card.flops_convention, weights.preprocess.crop_px)
    return {
        "Name": weights.name,
        "Metadata": {
            "FLOPs": _rounded(operations, 10**7),
            "Parameters": _rounded(card.counts.params, 10**4),
        },
        "In Collection": weights.collection,
        "Results": [result] if metrics else None,
        "Weights": weights.location or weights.name,
        "Config": _in_repository(weights.code),
    }


def _rounded(value: int, step: int) -> int:
    """Return `value` in whole steps, as MMPretrain prints it; a network too small for that has its exact count."""
    return round(value / step) * step if value >= step else value


def _folder(collection: str, cards: Sequence[Card]) -> str:
    """Return the folder of the collection's configurations in MMPretrain's repository."""
    config = _in_repository(cards[0].weights[0].code)
    return config.rpartition("/")[0] or f"configs/{slug(collection)}"


def _in_repository(url: str) -> str:
    """https://github.com/open-mmlab/mmpretrain/blob/<commit>/configs/a/b.py -> configs/a/b.py."""
    return re.sub(r"^https://github\.com/[^/]+/[^/]+/blob/[^/]+/", "", url)


def _yaml(data: dict[str, Any]) -> str:
    return f"# {SIGNATURE}\n{markup.yaml_text(data)}"
