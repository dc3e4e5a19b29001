"""Pages in the manner of timm's documentation: one per collection, its model index in an HTML comment."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resbench import units
from resbench.cards import architecture, measured, modelindex
from resbench.cards.facts import Card, collections, flops, slug
from resbench.cards.render import claim_notes, result_row
from resbench.cards.templating import render
from resbench.counting.conventions import convention
from resbench.zoo.spec import Weights

SOURCE = "timm"


def timm_pages(cards: Sequence[Card]) -> dict[str, str]:
    """Return a page per collection that timm publishes of these networks, by file name."""
    return {f"{slug(name)}.md": _page(name, held) for name, held in collections(cards, SOURCE).items()}


def _page(collection: str, cards: Sequence[Card]) -> str:
    in_order = sorted(((card, weights) for card in cards for weights in card.weights), key=lambda pair: pair[1].name)
    name = cards[0].flops_convention
    return render(
        "timm.md.j2",
        collection=collection,
        paper=cards[0].variant.paper,
        families=" and ".join(dict.fromkeys(card.variant.family for card in cards)),
        rows=[_row(card, weights) for card, weights in in_order],
        convention=name,
        meaning=convention(name).meaning,
        shared=[fact for fact in _facts(cards[0]) if all(fact in _facts(card) for card in cards)],
        networks=[(card.variant.name, _own_facts(card, cards)) for card in cards],
        notes=list(claim_notes(cards)),
        speeds=[table for card in cards for table in measured.speed_tables(card)],
        accuracies=[table for card in cards for table in measured.accuracy_tables(card)],
        first=in_order[0][1],
        classes=cards[0].variant.classes,
        block=modelindex.index_block(replace(card, weights=(weights,)) for card, weights in in_order),
    )


def _facts(card: Card) -> list[tuple[str, str]]:
    return architecture.facts(card.variant)


def _own_facts(card: Card, cards: Sequence[Card]) -> str:
    """Return what sets a network apart from the others on its page, in words."""
    own = [fact for fact in _facts(card) if not all(fact in _facts(other) for other in cards)]
    return "; ".join(f"{aspect.lower()}: {words}" for aspect, words in own) or "as above"


def _row(card: Card, weights: Weights) -> dict[str, Any]:
    side_px = weights.preprocess.crop_px
    at = convention(card.flops_convention).input_rule(side_px)
    return result_row(card, weights, card.flops_convention) | {
        "params": units.integer(card.counts.params),
        "macs": f"{units.integer(flops(card.variant.name, 'macs', side_px))} at {units.pixels(side_px)}",
        "flops": f"{units.integer(flops(card.variant.name, card.flops_convention, side_px))} at {units.pixels(at)}",
    }
