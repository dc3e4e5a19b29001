"""The model-index block of timm's cards: keys, order and types as in its documentation."""

from collections.abc import Iterable
from typing import Any

from resbench.cards import architecture, markup
from resbench.cards.facts import Card, dataset, flops
from resbench.cards.unpublished import OWN, is_of
from resbench.counting.figures import parameters
from resbench.records.record import Evaluation, TopK
from resbench.zoo.spec import Claim, Paper, Weights

# The pages by which timm's cards name the papers; the site has closed, the addresses still identify them.
_PAPERS_WITH_CODE = {
    "Deep Residual Learning for Image Recognition": "deep-residual-learning-for-image-recognition",
    "Aggregated Residual Transformations for Deep Neural Networks": "aggregated-residual-transformations-for-deep",
    "Squeeze-and-Excitation Networks": "squeeze-and-excitation-networks",
    "Wide Residual Networks": "wide-residual-networks",
    "Bag of Tricks for Image Classification with Convolutional Neural Networks": (
        "bag-of-tricks-for-image-classification-with"
    ),
    "Billion-scale semi-supervised learning for image classification": "billion-scale-semi-supervised-learning-for",
    "Exploring the Limits of Weakly Supervised Pretraining": "exploring-the-limits-of-weakly-supervised",
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning": (
        "inception-v4-inception-resnet-and-the-impact"
    ),
    "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks": (
        "eca-net-efficient-channel-attention-for-deep"
    ),
    "Adversarial Attacks and Defences Competition": "adversarial-attacks-and-defences-competition",
    "Identity Mappings in Deep Residual Networks": "identity-mappings-in-deep-residual-networks",
    "Selective Kernel Networks": "selective-kernel-networks",
    "Res2Net: A New Multi-Scale Backbone Architecture": "res2net-a-new-multi-scale-backbone",
    "ResNeSt: Split-Attention Networks": "resnest-split-attention-networks",
}
# Collections that are about how the weights came about, not about the architecture.
_TRAINING_PAPERS = {
    "IG": "Exploring the Limits of Weakly Supervised Pretraining",
    "SSL": "Billion-scale semi-supervised learning for image classification",
    "SWSL": "Billion-scale semi-supervised learning for image classification",
    "Ensemble": "Adversarial Attacks and Defences Competition",
}


def index_block(cards: Iterable[Card]) -> markup.Markdown:
    """Return the HTML comment that holds the model index of `cards`."""
    return markup.comment(markup.yaml_text(index(cards)))


def index(cards: Iterable[Card]) -> dict[str, Any]:
    """Return the model index of `cards`: each collection once, each checkpoint as a model.

    A network without a published checkpoint is a model too, without what only a checkpoint has.
    """
    collections: dict[str, Paper] = {}
    models = []
    for card in cards:
        for weights in card.weights:
            collections.setdefault(weights.collection, card.variant.paper)
            models.append(_model(card, weights))
        if not card.weights:
            collections.setdefault(card.variant.family, card.variant.paper)
            models.append(_untrained(card))
    return {
        "Type": "model-index",
        "Collections": [_collection(name, paper) for name, paper in collections.items()],
        "Models": models,
    }


_METRICS: dict[str, TopK] = {"Top 1 Accuracy": "top1", "Top 5 Accuracy": "top5"}


def metrics(card: Card, weights: Weights) -> dict[str, float]:
    """Return the published accuracies in per cent; a figure known to be false is not passed on.

    Of a checkpoint of which nothing was published, those that were measured here.
    """
    claims = {name: claim for name, metric in _METRICS.items() if (claim := weights.sound_claim(metric))}
    if claims or weights.source != OWN:
        return {name: per_cent(claim) for name, claim in claims.items()}
    record = next((record for record in card.evaluations.values() if is_of(record, weights)), None)
    return {name: measured_per_cent(record, metric) for name, metric in _METRICS.items()} if record else {}


def measured_per_cent(record: Evaluation, metric: TopK) -> float:
    """Return a measured accuracy in per cent, with the digits that published ones have."""
    return round(100 * record.right(metric) / record.images, 3)


def per_cent(claim: Claim) -> float:
    """Return a claimed accuracy in per cent, with the digits that were published."""
    return round(100 * claim.value, 6)


def _collection(name: str, paper: Paper) -> dict[str, Any]:
    title = _TRAINING_PAPERS.get(name.split(" ")[0], paper.title)
    slug = _PAPERS_WITH_CODE.get(title)
    url = f"https://paperswithcode.com/paper/{slug}" if slug else paper.url
    return {"Name": name, **({"Paper": {"Title": title, "URL": url}} if title or url else {})}


def _model(card: Card, weights: Weights) -> dict[str, Any]:
    file_size = weights.sound_claim("file_size")
    metadata = {
        "FLOPs": flops(card.variant.name, card.flops_convention, weights.preprocess.crop_px),
        "Parameters": parameters(card.counts.params),
        **({"File Size": int(file_size.value)} if file_size and file_size.quantum <= 1 else {}),
        "Architecture": architecture.terms(card.variant.spec),
        "Tasks": ["Image Classification"],
        "Training Data": weights.dataset.split(", "),
        "ID": weights.name,
        "Crop Pct": str(weights.preprocess.crop_pct),
        "Image Size": str(weights.preprocess.crop_px),
        "Interpolation": weights.preprocess.interpolation,
    }
    results = _results(card, weights)
    return {
        "Name": weights.name,
        "In Collection": weights.collection,
        "Metadata": metadata,
        **({"Code": weights.code} if weights.code else {}),
        "Weights": weights.location or weights.name,
        **({"Results": results} if results else {}),
    }


def _untrained(card: Card) -> dict[str, Any]:
    metadata = {
        "FLOPs": flops(card.variant.name, card.flops_convention),
        "Parameters": parameters(card.counts.params),
        "Architecture": architecture.terms(card.variant.spec),
        "Tasks": ["Image Classification"],
        "ID": card.variant.name,
        "Image Size": str(card.variant.input_px),
    }
    return {"Name": card.variant.name, "In Collection": card.variant.family, "Metadata": metadata}


def _results(card: Card, weights: Weights) -> list[dict[str, Any]]:
    printed = {name: f"{value}%" for name, value in metrics(card, weights).items()}
    return [{"Task": "Image Classification", "Dataset": dataset(weights), "Metrics": printed}] if printed else []
