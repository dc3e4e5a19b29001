"""The rows of a user's zoo: verified (builds, counts, files, claims against counts and records), and written."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from resbench.bench.entrance import counts_at, entered
from resbench.counting.conventions import operations
from resbench.counting.counted import counted_or_none, sizes
from resbench.counting.stored import StoredCounts, is_current, read_stored, source_sha256, stored_path, stored_text
from resbench.errors import ResbenchError
from resbench.judging.claims import reproduction
from resbench.nets.cache import cached_path, check_file, sha256
from resbench.nets.checkpoints import load_checkpoint
from resbench.nets.probing import probed
from resbench.records.files import write_text
from resbench.records.record import TOP_K, Counts, Evaluation, Record
from resbench.units import integer, pixels, size
from resbench.words.quantities import printed
from resbench.zoo.find import find
from resbench.zoo.own import FILE, VARIABLE, own_zoo
from resbench.zoo.places import is_place
from resbench.zoo.spec import Claim, Elsewhere, Variant, Weights

OnRow = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """What became of one thing that a row says."""

    row: str  # "networks.toy"
    what: str  # "builds", "counts", "file", "top1"
    holds: bool | None  # None: cannot be told here
    why: str


def check_zoo(
    records: Mapping[str, Record], *, write: bool = False, on_progress: OnRow = lambda *_: None
) -> list[RowCheck]:
    """Verify every row of the user's zoo; with `write` bring the counts beside it up to date.

    This builds every network of the zoo, which runs the code that its rows name.
    Raises ResbenchError where there is no zoo, or its file cannot be read.
    """
    zoo = own_zoo()
    if zoo.path is None:
        raise ResbenchError(f"no {FILE} with networks here or above; write one with `resbench zoo new mine.py:build`")
    found: list[RowCheck] = []
    counts: dict[str, StoredCounts] = {}
    rows = len(zoo.networks) + len(zoo.checkpoints)
    for index, variant in enumerate(zoo.networks):
        on_progress(variant.name, index / rows)
        found += _network_checks(variant, read_stored(zoo.path).get(variant.name), counts)
    if write:
        write_counts(zoo.path, counts)
        found = [one for one in found if one.what != "counts"]
    for index, weights in enumerate(zoo.checkpoints):
        on_progress(weights.name, (len(zoo.networks) + index) / rows)
        found += [*_file_checks(weights), *_claim_checks(weights, counts, records)]
    return found


def write_counts(zoo: Path, counts: Mapping[str, StoredCounts]) -> None:
    """Write the counts of the networks of a zoo beside its file; those that could not be built have none."""
    write_text(stored_path(zoo), stored_text(counts))


def fresh_counts(variant: Variant) -> StoredCounts:
    """Return what the file beside a zoo keeps of `variant`, counted now. Raises ResbenchError where it cannot be."""
    network = probed(variant)
    rows = counts_at(network, sizes(network))
    return StoredCounts(
        builder=variant.builder,
        classes=variant.classes,
        source_sha256=source_sha256(variant),
        counts={pixels(row.input_px): row for row in rows},
    )


def _network_checks(
    variant: Variant, stored: StoredCounts | None, counts: dict[str, StoredCounts]
) -> Iterator[RowCheck]:
    row = f"networks.{variant.name}"
    try:
        counts[variant.name] = fresh = fresh_counts(variant)
    except ResbenchError as error:
        yield RowCheck(row=row, what="builds", holds=False, why=str(error))
        return
    own = next(iter(fresh.counts.values()))
    yield RowCheck(row=row, what="builds", holds=True, why=f"{integer(own.params)} parameters")
    if stored == fresh:
        yield RowCheck(row=row, what="counts", holds=True, why="as stored")
    else:
        why = (
            "none are stored"
            if stored is None
            else "changed"
            if is_current(variant, stored)
            else "of an older row or file"
        )
        yield RowCheck(row=row, what="counts", holds=False, why=f"{why}; run `resbench zoo check --write`")


def _file_checks(weights: Weights) -> Iterator[RowCheck]:
    row, path = f"checkpoints.{weights.name}", cached_path(weights)
    if not path.exists():
        holds = False if weights.path else None
        why = f"{path}: no such file" if weights.path else f"not here; `resbench weights fetch {weights.name}` gets it"
        yield RowCheck(row=row, what="file", holds=holds, why=why)
        return
    try:
        check_file(weights, path, sha256(path))
        loaded = load_checkpoint(find(weights.network), path)
    except ResbenchError as error:
        yield RowCheck(row=row, what="file", holds=False, why=str(error))
        return
    hashed = f"sha256 {weights.sha256_prefix[:8]}" if weights.sha256_prefix else f"its sha256 is {loaded.sha256}"
    yield RowCheck(row=row, what="file", holds=True, why=f"fits {weights.network}, {hashed}")
    if claim := weights.claim("file_size"):
        has = path.stat().st_size
        yield RowCheck(row=row, what="file_size", holds=_agrees(claim, has), why=f"it has {size(has)}")


def _claim_checks(
    weights: Weights, counts: Mapping[str, StoredCounts], records: Mapping[str, Record]
) -> Iterator[RowCheck]:
    row = f"checkpoints.{weights.name}"
    for claim in weights.claims:
        if claim.metric == "params" and (own := _counts_of(weights, counts)):
            yield RowCheck(
                row=row, what="params", holds=_agrees(claim, own.params), why=f"counted: {integer(own.params)}"
            )
        elif claim.metric == "flops":
            yield _flops_check(row, weights, claim, counts)
    mine = [one for one in records.values() if isinstance(one, Evaluation) and one.weights == weights.name]
    for metric in TOP_K:
        claim_ = weights.claim(metric)
        if claim_ is None:
            continue
        said = [found for record in mine if (found := reproduction(record, metric)) and found.difference is not None]
        if not said:
            yield RowCheck(row=row, what=metric, holds=None, why=f"{printed(claim_)} published; not validated here")
        for found in said:
            yield RowCheck(row=row, what=metric, holds=found.reproduces, why=found.why)


def _counts_of(weights: Weights, counts: Mapping[str, StoredCounts]) -> Counts | None:
    stored = counts.get(weights.network)
    return next(iter(stored.counts.values())) if stored else counted_or_none(weights.network)


def _flops_check(row: str, weights: Weights, claim: Claim, counts: Mapping[str, StoredCounts]) -> RowCheck:
    side = weights.preprocess.crop_px
    height, width = claim.input_px or (side, side)
    stored = counts.get(weights.network)
    at = stored.counts.get(pixels((height, width))) if stored else counted_or_none(weights.network, "macs", height)
    if at is None or claim.convention is None:
        lacks = "give its convention" if claim.convention is None else f"not counted at {height}x{width}"
        return RowCheck(row=row, what="flops", holds=None, why=lacks)
    value = operations(at.terms, claim.convention)
    return RowCheck(row=row, what="flops", holds=_agrees(claim, value), why=f"counted: {integer(value)}")


def _agrees(claim: Claim, value: float) -> bool:
    """Whether `value` is printed as the claim was, by rounding or by cutting off."""
    return claim.error is not None or -claim.quantum / 2 <= value - claim.value < claim.quantum


def new_row(place: str, name: str | None = None) -> tuple[Path, str]:
    """Add the row of the network at `place` to the user's zoo, and its counts beside it; return the file and the row.

    The zoo is $RESBENCH_ZOO, else the nearest resbench.toml with networks, else one in this folder. Building the
    network runs its code. Raises ResbenchError for a name that is taken, and for what cannot be built.
    """
    if not is_place(place):
        raise ResbenchError(f"{place}: has a row already, or is not a place; give one such as mine.py:build")
    network, zoo = entered(place), own_zoo()
    path = zoo.path or Path(os.environ.get(VARIABLE, FILE)).absolute()
    called = name or _name(network)
    if called in {variant.name for variant in zoo.networks}:
        raise ResbenchError(f"{path.name} has a network {called} already; give another --name")
    row = _row_text(called, network, path.parent)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    write_text(path, f"{before.rstrip()}\n\n{row}".lstrip())
    try:
        variant = find(called)  # reads the file again, and refuses what is not right
        write_counts(path, read_stored(path) | {called: fresh_counts(variant)})
    except ResbenchError:
        write_text(path, before) if before else path.unlink()
        raise
    return path, row


def _name(network: Variant) -> str:
    spec = network.spec
    if not isinstance(spec, Elsewhere):
        return network.name.partition(":")[2].partition("(")[0]
    stem = Path(spec.place).stem.rpartition(".")[2] if spec.place.endswith(".py") else spec.place.rpartition(".")[2]
    usual = spec.name in ("build", "make", "create", "main", "model", "network")
    plain = spec.name if spec.place.endswith(".py") or "." in spec.place else f"{stem}_{spec.name}"
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem if usual else plain).strip("_.-") or "mine"


def _row_text(name: str, network: Variant, folder: Path) -> str:
    spec, builder = network.spec, network.name
    if isinstance(spec, Elsewhere) and spec.place.endswith(".py"):
        place = Path(os.path.relpath(spec.place, folder)).as_posix()
        builder = builder.replace(spec.place, place, 1)
    lines = [f"[networks.{_key(name)}]", f"builder = {json.dumps(builder, ensure_ascii=False)}"]
    return "\n".join([*lines, f"input_px = {network.input_px}", f"classes = {network.classes}"]) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
