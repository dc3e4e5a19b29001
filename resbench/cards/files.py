"""The files that cards are written to: what they should hold, how that differs from the disk, writing them whole."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from resbench.bench.table import speed_rows
from resbench.cards import facts, huggingface, mmpretrain, regions, render, timm
from resbench.cards.facts import Card
from resbench.cards.templating import SIGNATURE
from resbench.cards.unpublished import OWN
from resbench.counting.conventions import NAMES
from resbench.counting.counted import counted_or_none, forget, remembered
from resbench.errors import ResbenchError
from resbench.records import store
from resbench.records.files import read_exactly, write_text
from resbench.records.record import Record
from resbench.zoo.find import checkpoints, find, match, networks
from resbench.zoo.own import own_source
from resbench.zoo.spec import Variant, Weights

Wanted = dict[Path, str | None]  # None: should not exist

Pages = Callable[[Sequence[Card]], dict[str, str]]  # text by path below the output folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A form of cards: its pages, those that list all others, and the convention of its FLOPs."""

    pages: Pages
    index: Pages = lambda _: {}
    convention: str
    source: str = ""  # whose collections a page holds whole; empty: a page is about one network or checkpoint


STYLES = {
    "default": Style(pages=render.default_pages, index=render.default_index, convention=facts.TIMM_CARD),
    "timm": Style(pages=timm.timm_pages, convention=facts.TIMM_CARD, source=timm.SOURCE),
    "mmpretrain": Style(
        pages=mmpretrain.mmpretrain_pages,
        index=mmpretrain.mmpretrain_index,
        convention=render.MMPRETRAIN,
        source=mmpretrain.SOURCE,
    ),
    "huggingface": Style(pages=huggingface.huggingface_pages, convention="fvcore"),
}


@dataclass(frozen=True)
class _Known:
    """What a folder of records says, looked through once for all cards."""

    records: Mapping[str, Record]

    @cached_property
    def by_network(self) -> dict[str, dict[str, Record]]:
        by_network: dict[str, dict[str, Record]] = {}
        for path, record in self.records.items():
            by_network.setdefault(record.network, {})[path] = record
        return by_network

    @cached_property
    def speeds(self) -> facts.SpeedTable:
        return facts.SpeedTable(speed_rows(self.records, cpu=False))

    def card(self, variant: Variant, flops_convention: str = facts.TIMM_CARD) -> Card:
        return facts.gather(variant, self.by_network.get(variant.name, {}), flops_convention, self.speeds)


def wanted(
    names: Sequence[str],
    *,
    every: bool,
    output: Path,
    update: Sequence[Path],
    results: Path,
    style: str = "default",
    flops: str | None = None,
) -> Wanted:
    """Return the text of each file that was asked for.

    Raises ResbenchError for unknown names, for a file to update without regions, when nothing was asked for, and
    when a file that somebody else wrote is in the way.
    """
    if bool(names) == every and (every or not update):
        raise ResbenchError("no networks given; give their names, --all, or --update FILE")
    if flops and flops not in NAMES:
        raise ResbenchError(f"unknown convention {flops!r}; --flops takes {', '.join(NAMES)}")
    form, known = STYLES[style], _Known(store.stored_records(results))
    chosen = match(names or (["*"] if every else []))
    _counted(_whole(chosen, form.source))
    chosen = [remembered(variant) for variant in chosen]
    cards = [known.card(remembered(variant), flops or form.convention) for variant in _whole(chosen, form.source)]
    pages = form.pages(_held(cards, chosen, form.source))
    if chosen and not pages:
        raise ResbenchError(f"{', '.join(names)}: no checkpoint that style {style} could show; take another --style")
    files: Wanted = {output / path: text for path, text in (pages | (form.index(cards) if every else {})).items()}
    if every and style == "default":
        files |= {path: None for path in _made(output) if path not in files and _is_generated(path)}
    for path in files:
        if path.exists() and not _is_generated(path):
            raise ResbenchError(f"{path}: was not written by resbench; choose another --output, or remove it")
    return files | {path: _updated(path, output, known) for path in update}


def there(output: Path, results: Path, flops: str | None = None) -> Wanted:
    """Return the text of the cards that lie in `output`; of every network where their index lies there too.

    Raises ResbenchError when there is no such folder.
    """
    if not output.is_dir():
        raise ResbenchError(f"{output}: no such folder; write cards with `resbench card NAME`, or name their --output")
    every = _is_card(output / "README.md")
    names = [variant.name for variant in networks() if _is_card(output / f"{store.safe_name(variant.name)}.md")]
    if not (every or names):
        return {}
    return wanted([] if every else names, every=every, output=output, update=(), results=results, flops=flops)


def _counted(variants: Sequence[Variant]) -> None:
    """Have the counts of `variants`; those that no table has are built and counted now, which needs torch."""
    forget()
    if missing := [variant for variant in variants if counted_or_none(variant.name) is None]:
        from resbench.bench.entrance import remember_counts

        remember_counts(missing)


def _made(output: Path) -> Iterator[Path]:
    """Yield the cards and drawings that lie in `output`."""
    yield from (*output.glob("*.md"), *output.glob("img/*.svg"))


def _is_card(path: Path) -> bool:
    return path.is_file() and _is_generated(path)


def _whole(chosen: Sequence[Variant], source: str) -> Sequence[Variant]:
    """Return the networks that share a collection of `source` with `chosen`: a page holds its collection whole."""
    if not source:
        return chosen
    wanted_too = _collections(chosen, source)
    return [variant for variant in networks() if variant in chosen or wanted_too & _collections([variant], source)]


def _held(cards: Sequence[Card], chosen: Sequence[Variant], source: str) -> Sequence[Card]:
    """Return `cards` without the checkpoints of other collections than those of `chosen`."""
    if not source:
        return cards
    held = _collections(chosen, source)

    def shown(card: Card) -> tuple[Weights, ...]:
        own = card.variant in chosen
        return tuple(row for row in card.weights if row.collection in held or (own and row.source == OWN))

    return [replace(card, weights=shown(card)) for card in cards]


def _collections(variants: Sequence[Variant], source: str) -> set[str]:
    rows = (row for variant in variants for row in checkpoints(variant.name))
    return {row.collection for row in rows if own_source(row.source, source)}


def _updated(path: Path, output: Path, known: _Known) -> str:
    """Return the text of `path` with its regions generated anew; links to cards are relative to it."""
    generate = partial(_region, folder=f"{output.as_posix()}/", known=known)
    return regions.replace(read_exactly(path), generate, str(path))


def _region(name: str, folder: str, known: _Known) -> str:
    if name == "networks":
        return render.networks_table([known.card(variant) for variant in networks()], folder)
    return render.results_table(known.card(find(name)))


def _is_generated(path: Path) -> bool:
    return SIGNATURE in read_exactly(path)[:5000]


def stale(wanted: Wanted) -> str:
    """Return a unified diff from the files on disk to `wanted` (None: should not exist); empty when they agree."""
    return "".join(_diff(path, text) for path, text in sorted(wanted.items()))


def write(wanted: Wanted) -> list[Path]:
    """Write the files of `wanted` that differ from those on disk, each whole or not at all. Return their paths."""
    changed = [path for path, text in sorted(wanted.items()) if text is not None and _on_disk(path) != text]
    for path in changed:
        write_text(path.resolve(), wanted[path] or "")
    return changed


def _diff(path: Path, text: str | None) -> str:
    old = _on_disk(path)
    if old == text:
        return ""
    before, after = (value.splitlines(keepends=True) if value else [] for value in (old, text))
    names = ("/dev/null" if old is None else str(path), "/dev/null" if text is None else str(path))
    lines = difflib.unified_diff(before, after, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _on_disk(path: Path) -> str | None:
    return read_exactly(path) if path.exists() else None
