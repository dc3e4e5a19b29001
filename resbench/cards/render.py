"""Cards as text: the same facts give the same bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from resbench.cards import architecture, drawing, markup, measured, modelindex, plots, relatives
from resbench.cards.facts import Card, dataset, flops
from resbench.cards.shapes import stages
from resbench.cards.summary import network_sentence
from resbench.cards.templating import render
from resbench.cards.unpublished import OWN
from resbench.counting.conventions import CURRENT, convention
from resbench.counting.counted import counted, counted_or_none
from resbench.records.store import safe_name
from resbench.words.observed import cut
from resbench.words.quantities import WORDS, printed
from resbench.zoo.spec import Metric, Weights

MMPRETRAIN = "mmcv"  # the convention of its tables


def default_pages(cards: Sequence[Card]) -> dict[str, str]:
    """Return the card and the drawings of each network, by path."""
    return {path: text for card in cards for path, text in _files(card)}


def _files(card: Card) -> Iterator[tuple[str, str]]:
    shown = pictures(card).files(card.variant.name)
    yield f"{safe_name(card.variant.name)}.md", card_text(card, shown)
    yield from ((path, picture.svg) for path, picture in shown.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of a card: its network, and plots where there is something to plot."""

    network: drawing.Drawing | None  # None where code elsewhere builds it
    accuracy: drawing.Drawing | None  # published, against multiply-adds, among other networks
    latency: drawing.Drawing | None  # measured, with the accuracy, among other networks
    throughput: drawing.Drawing | None  # over the batch size

    def files(self, name: str) -> dict[str, drawing.Drawing]:
        """Return the pictures by path, beside the card of the network `name`."""
        drawn = {"": self.network, "-accuracy": self.accuracy, "-latency": self.latency, "-throughput": self.throughput}
        return {f"img/{safe_name(name)}{part}.svg": picture for part, picture in drawn.items() if picture}


def pictures(card: Card) -> Pictures:
    """Return what a card shows in pictures."""
    name, macs, latency = card.variant.name, relatives.by_macs(card), relatives.by_latency(card)
    return Pictures(
        network=drawing.network(card.variant) if stages(card.variant) else None,
        accuracy=plots.relatives_plot(name, macs, "multiply-adds", plots.macs_tick) if macs else None,
        latency=plots.relatives_plot(name, latency, "latency of a call", plots.ms_tick) if latency else None,
        throughput=plots.throughput_plot(measured.throughputs(card)),
    )


def card_text(card: Card, shown: Mapping[str, drawing.Drawing] | None = None) -> str:
    """Return the Markdown card of one network; `shown` are its pictures by path, where they are drawn already."""
    shown = pictures(card).files(card.variant.name) if shown is None else shown
    images = {path: markup.image(picture.title, path) for path, picture in shown.items()}
    return render(
        "default.md.j2",
        card=card,
        summary=network_sentence(card, card.weights),
        drawing=images.get(f"img/{safe_name(card.variant.name)}.svg", ""),
        facts=architecture.facts(card.variant),
        conventions=[_convention_row(card, name) for name in CURRENT if counted_or_none(card.variant.name, name)],
        rows=[result_row(card, weights, MMPRETRAIN) for weights in card.weights],
        datasets=" and ".join(sorted({dataset(weights) for weights in card.weights})),
        notes=list(claim_notes([card])),
        speeds=measured.speed_tables(card),
        speed_plots=[words for path, words in images.items() if path.endswith(("-latency.svg", "-throughput.svg"))],
        accuracy_plots=[words for path, words in images.items() if path.endswith("-accuracy.svg")],
        accuracies=measured.accuracy_tables(card),
        provenance=list(measured.provenance(card)),
        flops_px=counted(card.variant.name, card.flops_convention).input_px,
        first=card.weights[0].name if card.weights else "",
        block=modelindex.index_block([_published(card)]),
    )


def default_index(cards: Sequence[Card]) -> dict[str, str]:
    """Return the page that lists all cards, by file name."""
    return {"README.md": render("index.md.j2", count=len(cards), table=networks_table(cards, ""))}


def networks_table(cards: Iterable[Card], folder: str) -> markup.Markdown:
    """Return the table of networks, each linked to its card in `folder`."""
    return markup.Markdown(render("networks.md.j2", rows=[_network_row(card, folder) for card in cards]).strip())


def results_table(card: Card) -> markup.Markdown:
    """Return the table of a network's published checkpoints, with the columns of MMPretrain's pages."""
    rows = [result_row(card, weights, MMPRETRAIN) for weights in card.weights]
    return markup.Markdown(render("results.md.j2", rows=rows).strip())


def _published(card: Card) -> Card:
    """Return `card` without checkpoints of one's own: its model index is for those who read published ones."""
    return replace(card, weights=tuple(row for row in card.weights if row.source != OWN))


def _convention_row(card: Card, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "operations": flops(card.variant.name, name),
        "input_px": counted(card.variant.name, name).input_px,
        "meaning": convention(name).meaning,
    }


def result_row(card: Card, weights: Weights, flops_convention: str) -> dict[str, str]:
    """Return the cells of a checkpoint in a table of results."""
    return {
        "name": weights.name,
        "params": _scaled(card.counts.params, 1e6),
        "flops": _scaled(flops(card.variant.name, flops_convention, weights.preprocess.crop_px), 1e9),
        "top1": _accuracy(weights, "top1"),
        "top5": _accuracy(weights, "top5"),
        "config": markup.link("config", weights.code) if weights.code else "not published",
        "download": markup.link("model", weights.url) if weights.url else markup.code(weights.location or weights.name),
        "preprocess": cut(weights.preprocess, weights.preprocess.interpolation),
        "license": weights.license,
        "origin": _origin(weights),
        "hash": weights.sha256_prefix[:16],
    }


def _scaled(value: int, scale: float) -> str:
    """Return `value` in hundredths of `scale`, or in three digits where those would not show it."""
    return str(round(value / scale, 2)) if value >= scale / 100 else f"{value / scale:.6f}".rstrip("0")


def _hundredths(value: int, scale: float) -> str:
    return f"{value / scale:.2f}" if value >= scale / 100 else _scaled(value, scale)


def _accuracy(weights: Weights, metric: Metric) -> str:
    claim = weights.claim(metric)
    if claim is None:
        return "not published"
    return "false" if claim.error else f"{100 * claim.value:.2f}"


def _origin(weights: Weights) -> str:
    """Return by whom a checkpoint was published, with links; of one that was not, that it was validated here."""
    if weights.source == OWN and not weights.claims:
        return "validated here"
    sources = dict.fromkeys(claim.source for claim in weights.claims)
    links = [markup.link(_page(source), source) if "://" in source else markup.escaped(source) for source in sources]
    return markup.Markdown(f"published by {', '.join(links) or 'nobody known'}")


def _page(url: str) -> str:
    """https://github.com/a/b/blob/c/d/e.md -> github.com/…/d/e.md."""
    host, _, path = url.partition("://")[2].partition("/")
    return f"{host}/…/{'/'.join(path.split('/')[-2:])}"


def claim_notes(cards: Iterable[Card]) -> Iterator[str]:
    """Yield a sentence for each published figure that is known to be false, then what sets others apart."""
    caveats: dict[str, list[str]] = {}
    for weights in (weights for card in cards for weights in card.weights):
        for claim in (claim for claim in weights.claims if claim.error):
            sentence = f"{WORDS[claim.metric]} {printed(claim)}"
            yield f"{weights.name} was published with {sentence}, which is false: {claim.error}"
        if weights.caveat:
            caveats.setdefault(weights.caveat, []).append(weights.name)
    yield from (f"{', '.join(names)}: {caveat}" for caveat, names in caveats.items())


def _network_row(card: Card, folder: str) -> dict[str, Any]:
    accuracies = [claim.value for weights in card.weights if (claim := weights.sound_claim("top1"))]
    return {
        "name": markup.Markdown(f"[{markup.code(card.variant.name)}]({folder}{safe_name(card.variant.name)}.md)"),
        "family": card.variant.family,
        "input": card.variant.input_px,
        "params": _hundredths(card.counts.params, 1e6),
        "macs": _hundredths(card.counts.terms.macs, 1e9),
        "checkpoints": len(card.weights),
        "top1": f"{100 * max(accuracies):.2f}" if accuracies else "",
    }
