"""A user's zoo: [networks.NAME] and [checkpoints.NAME] of a resbench.toml, as the same nouns as the shipped table.

Reading it runs nothing: a builder is text until a command builds that network.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from resbench.bounded import toml_tables
from resbench.errors import ResbenchError, suggestion
from resbench.zoo.papers import UNPUBLISHED
from resbench.zoo.places import OWN_FAMILY, is_place, network_at
from resbench.zoo.printed import claimed
from resbench.zoo.spec import Claim, Metric, Paper, Preprocess, Variant, Weights
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS

FILE = "resbench.toml"
VARIABLE = "RESBENCH_ZOO"  # the zoo file, where it is not the nearest resbench.toml; what --zoo sets
TABLES = ("check", "networks", "checkpoints")  # of a resbench.toml
ZOO = "zoo"  # the source of a checkpoint that a user's zoo describes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SHA256 = re.compile(r"[0-9a-f]{8,64}")
_REMEDY = "give a TOML file with tables [networks.NAME] and [checkpoints.NAME]"
Side = Annotated[int, msgspec.Meta(ge=1, le=2**16)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**24)]
Row = TypeVar("Row", bound=msgspec.Struct)


class NetworkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A table [networks.NAME]."""

    builder: str  # a place, relative to the file, or the name of another network
    input_px: Side
    classes: Number
    family: str = ""
    about: str = ""
    paper: dict[str, str] = {}  # title, url, bibtex


class CheckpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A table [checkpoints.NAME]."""

    network: str
    file: str = ""  # relative to the zoo's file
    url: str = ""
    sha256: str = ""
    license: str = "unknown"
    dataset: str = "ImageNet"
    collection: str = ""
    aliases: tuple[str, ...] = ()
    code: str = ""
    caveat: str = ""
    classes_file: str = ""
    preprocess: dict[str, Any] = {}
    claims: list[dict[str, Any]] = []


class ClaimRow(msgspec.Struct, frozen=True, kw_only=True):
    """A table [[checkpoints.NAME.claims]]; `value` is written as it was published: "76.13 %", "25.56M", 25557032."""

    metric: Metric
    value: str | int
    source: str
    quantum: Number | None = None  # the step it is rounded to, where that shows more digits than are known
    convention: str | None = None
    input_px: tuple[Side, Side] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoo:
    """The networks and checkpoints of a user, and the file that describes them."""

    path: Path | None = None
    networks: tuple[Variant, ...] = ()
    checkpoints: tuple[Weights, ...] = ()


def own_zoo() -> Zoo:
    """Return the zoo of $RESBENCH_ZOO, else of the nearest resbench.toml that describes one; else an empty one.

    Raises ResbenchError for a file that cannot be read, and for a row that is not right.
    """
    if named := os.environ.get(VARIABLE):
        return _read(Path(named))
    folder = Path.cwd()
    for candidate in (parent / FILE for parent in (folder, *folder.parents)):
        if candidate.is_file() and (zoo := _read(candidate)).path:
            return zoo
    return Zoo()


def _read(path: Path) -> Zoo:
    try:
        seen = path.stat()
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; {_REMEDY}") from None
    return _zoo(path.absolute(), seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=8)
def _zoo(path: Path, _changed_ns: int, _bytes: int) -> Zoo:
    where = _shown(path)
    data = toml_tables(Path(where), _REMEDY)
    for key in data:
        if key not in TABLES:
            raise ResbenchError(f"{where}: {key!r} is an unknown key here; write networks below [networks.NAME]")
    rows = {name: _row(NetworkRow, row, f"{where}: [networks.{name}]") for name, row in _named(data, "networks", where)}
    if not rows and not data.get("checkpoints"):
        return Zoo()
    networks = {name: _network(name, rows, path, ()) for name in rows}
    checkpoints = [_checkpoint(name, row, networks, path) for name, row in _named(data, "checkpoints", where)]
    for weights in checkpoints:
        if weights.name in networks and weights.network != weights.name:
            raise ResbenchError(f"{where}: {weights.name} is a network and a checkpoint of another; rename one of them")
    return Zoo(path=path, networks=tuple(networks.values()), checkpoints=tuple(checkpoints))


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _named(data: Mapping[str, Any], table: str, where: str) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a table by name. Raises ResbenchError for a name that is taken or would need quoting."""
    rows = data.get(table, {})
    if not isinstance(rows, dict):
        raise ResbenchError(f"{where}: {table} is not a table; write [{table}.NAME]")
    for name, row in rows.items():
        if not _NAME.fullmatch(name):
            raise ResbenchError(f"{where}: [{table}.{name[:80]}]: a name has letters, digits, dots, _ and - only")
        if name in _shipped():
            raise ResbenchError(f"{where}: [{table}.{name}]: resbench has one of this name; rename it")
        yield name, row


@lru_cache
def _shipped() -> frozenset[str]:
    checkpoints = (name for weights in WEIGHTS for name in (weights.name, *weights.aliases))
    return frozenset([*(variant.name for variant in VARIANTS), *checkpoints])


def _row(kind: type[Row], fields: Any, where: str) -> Row:
    """Return the fields of a table as a row. Raises ResbenchError for an unknown, missing or ill-typed one."""
    known = kind.__struct_fields__
    if isinstance(fields, dict):
        for key in fields:
            if key not in known:
                raise ResbenchError(f"{where}: unknown key {key!r}; {suggestion(key, known)}")
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise ResbenchError(f"{where}: {error}; docs/networks.md shows a row") from None


def _network(name: str, rows: Mapping[str, NetworkRow], path: Path, above: tuple[str, ...]) -> Variant:
    row, where = rows[name], f"{_shown(path)}: [networks.{name}]"
    if name in above:
        raise ResbenchError(
            f"{where}: builds itself: {' -> '.join((*above, name))}; give one of them a place (mine.py:build)"
        )
    try:
        if is_place(row.builder):
            base = network_at(row.builder, folder=str(path.parent))
        elif row.builder in rows:
            base = _network(row.builder, rows, path, (*above, name))
        else:
            base = next(variant for variant in VARIANTS if variant.name == row.builder)
    except StopIteration:
        known = [*rows, *(variant.name for variant in VARIANTS)]
        hint = suggestion(row.builder, known, "give a place such as mine.py:build, or a network's name")
        raise ResbenchError(f"{where}: builder {row.builder!r} is not a network; {hint}") from None
    except ResbenchError as error:
        raise error if above else ResbenchError(f"{where}: builder: {error}") from None
    return replace(
        base,
        name=name,
        builder=row.builder,
        input_px=row.input_px,
        classes=row.classes,
        family=row.family or base.family,
        about=row.about,
        paper=_paper(row.paper, base.paper, where),
    )


def _paper(fields: Mapping[str, str], base: Paper, where: str) -> Paper:
    if not fields:
        return base
    if stray := fields.keys() - {"title", "url", "bibtex"}:
        raise ResbenchError(f"{where}: unknown key {min(stray)!r} of paper; it has title, url and bibtex")
    return replace(UNPUBLISHED, **fields)


def _checkpoint(name: str, fields: Any, networks: Mapping[str, Variant], path: Path) -> Weights:
    where = f"{_shown(path)}: [checkpoints.{name}]"
    row = _row(CheckpointRow, fields, where)
    known = {variant.name: variant for variant in VARIANTS} | dict(networks)
    if row.network not in known:
        hint = suggestion(row.network, known, f"add [networks.{row.network}]")
        raise ResbenchError(f"{where}: unknown network {row.network!r}; {hint}")
    if bool(row.file) == bool(row.url):
        raise ResbenchError(f"{where}: give either file or url, where its weights lie")
    if row.sha256 and not _SHA256.fullmatch(row.sha256):
        raise ResbenchError(f"{where}: sha256 is 8 to 64 hexadecimal digits in small letters")
    if row.url and not row.url.startswith(("https://", "http://")):
        raise ResbenchError(f"{where}: url begins with https://; a file on this machine is named by file")
    network = known[row.network]
    return Weights(
        name=name,
        network=row.network,
        url=row.url,
        path=str(path.parent / row.file) if row.file else "",
        sha256_prefix=row.sha256,
        license=row.license,
        source=ZOO,
        collection=row.collection or (network.family if network.family != OWN_FAMILY else network.name),
        preprocess=_preprocess(row.preprocess, network, where),
        dataset=row.dataset,
        code=row.code,
        aliases=row.aliases,
        claims=tuple(_claim(fields, f"{where}: claims") for fields in row.claims),
        caveat=row.caveat,
        classes_file=str(path.parent / row.classes_file) if row.classes_file else "",
    )


def _preprocess(fields: Mapping[str, Any], network: Variant, where: str) -> Preprocess:
    usual = Preprocess(crop_px=network.input_px, crop_pct=0.875 if network.input_px > 64 else 1.0)
    known = Preprocess.__dataclass_fields__
    for key in fields:
        if key not in known:
            raise ResbenchError(f"{where}: unknown key {key!r} of preprocess; choose from {', '.join(known)}")
    try:
        found = msgspec.convert({**msgspec.to_builtins(usual), **fields}, Preprocess)
    except msgspec.ValidationError as error:
        raise ResbenchError(f"{where}: preprocess: {error}") from None
    if not (0 < found.crop_pct <= 1 and 0 < found.crop_px <= 2**16 and min(found.std) > 0):
        raise ResbenchError(f"{where}: preprocess: crop_pct is a share of 0 to 1, crop_px a size, std above 0")
    return found


def _claim(fields: Any, where: str) -> Claim:
    row = _row(ClaimRow, fields, where)
    try:
        value, quantum = claimed(row.metric, row.value)
    except ValueError as error:
        raise ResbenchError(f"{where}: {row.metric}: {error}") from None
    return Claim(
        metric=row.metric,
        value=value,
        quantum=row.quantum or quantum,
        source=row.source,
        convention=row.convention,
        input_px=row.input_px,
        error=row.error,
    )


def own_source(source: str, wanted: str) -> bool:
    """Tell whether a checkpoint from `source` belongs on the pages of publisher `wanted`: a user's own on any."""
    return source in (wanted, ZOO)
