"""The files that cards are written to: what they should hold, how that differs from the disk, writing them whole."""

import difflib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from resbench.cards import facts, regions, render
from resbench.errors import ResbenchError
from resbench.records.record import Record
from resbench.records.store import write_text
from resbench.zoo.find import find, match
from resbench.zoo.variants import VARIANTS

Wanted = dict[Path, str | None]  # None: should not exist


def wanted(names: Sequence[str], *, every: bool, output: Path, update: Sequence[Path], results: Path) -> Wanted:
    """Return the text of each file that was asked for.

    Raises ResbenchError for unknown names, for a file to update without regions, and when nothing was asked for.
    """
    if bool(names) == every and (every or not update):
        raise ResbenchError("which networks? give their names, or --all, or --update FILE")
    records = facts.results(results)
    cards = [facts.gather(variant, records) for variant in match(names or (["*"] if every else []))]
    found: Wanted = {output / f"{card.variant.name}.md": render.card_text(card) for card in cards}
    if every:
        found[output / "README.md"] = render.index_text(cards)
        found |= {path: None for path in output.glob("*.md") if path not in found and _is_generated(path)}
    return found | {path: _updated(path, output, records) for path in update}


def _updated(path: Path, output: Path, records: Mapping[str, Record]) -> str:
    """Return the text of `path` with its regions generated anew; links to cards are relative to it."""
    generate = partial(_region, folder=f"{output.as_posix()}/", records=records)
    return regions.replace(regions.read_exactly(path), generate, str(path))


def _region(name: str, folder: str, records: Mapping[str, Record]) -> str:
    if name == "networks":
        return render.networks_table([facts.gather(variant, records) for variant in VARIANTS], folder)
    return render.results_table(facts.gather(find(name), records))


def _is_generated(path: Path) -> bool:
    return render.SIGNATURE in regions.read_exactly(path).partition("\n")[0]


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
    return regions.read_exactly(path) if path.exists() else None
