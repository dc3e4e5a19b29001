"""What may change, and by how much: limits per metric, for all networks or for those that a pattern names."""

import fnmatch
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from resbench.bounded import toml_tables
from resbench.errors import ResbenchError, suggestion
from resbench.records.record import Speed
from resbench.zoo.find import match
from resbench.zoo.own import TABLES

Share = Annotated[float, msgspec.Meta(ge=0)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a metric may go for the worse, as a share (0.03: three per cent); `inf` never fails."""

    counts: Share = 0.0  # in both directions: a layer that is gone is no improvement
    weights: Literal["equal", "any"] = "equal"  # the hash of a checkpoint
    allocated_memory: Share = 0.01  # the CUDA allocator's peak
    resident_memory: Share = 0.01  # a fresh process's resident set: seven runs were within 0.1 % (docs/ci.md)
    latency: Share = 0.03
    device_time: Share = 0.03
    throughput: Share = 0.03  # in time per image
    end_to_end: Share = 0.03
    train: Share = 0.03  # forward, backward and optimizer, each
    noise_floor: Share = 0.01  # timings that differ by less count as equal
    accuracy_drop: Share = 0.003  # on the same images
    flips: Share = 0.0  # of predictions, where weights, images, settings and machine agree
    reproduction: Share = 0.0005  # between a published accuracy and ours
    new_records: Literal["not comparable", "inconclusive"] = "not comparable"  # the verdict on one without a baseline

    def __post_init__(self) -> None:
        for name in ("accuracy_drop", "flips", "reproduction"):  # per cent, most likely
            if 1 < getattr(self, name) < math.inf:
                raise ValueError(f"Expected a fraction, or inf - at `$.{name}`")

    def of_speed(self, speed: Speed) -> float:
        """Return the limit of one of the speeds that a profile has."""
        return float(getattr(self, "train" if speed.startswith("train_") else speed))


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of all networks, and those that differ for some."""

    limits: Limits = Limits()
    networks: dict[str, dict[str, Any]] = {}  # pattern -> fields that differ; a later pattern wins

    def of(self, network: str) -> Limits:
        """Return the limits of `network`."""
        merged = msgspec.structs.asdict(self.limits)
        for pattern, fields in self.networks.items():
            if fnmatch.fnmatchcase(network, pattern):
                merged |= fields
        return Limits(**merged)


def load_limits(path: Path | None = None) -> Config:
    """Read the limits from `path`, or from the nearest resbench.toml or pyproject.toml that has some.

    They are the table [check] of a resbench.toml, [tool.resbench.check] of a pyproject.toml. Raises ResbenchError for
    a file that cannot be read, an unknown key, a value out of range, or a pattern that fits no network.
    """
    if path is not None:
        table = _table(path)
        if table is None:
            raise ResbenchError(f"{path}: has no table {_header(path)}; add it, or leave --config out")
        return _config(table, path)
    folder = Path.cwd()
    for candidate in (parent / name for parent in (folder, *folder.parents) for name in _NAMES):
        if candidate.is_file() and (table := _table(candidate)) is not None:
            return _config(table, candidate)
    return Config()


_NAMES = ("resbench.toml", "pyproject.toml")


def _header(path: Path) -> str:
    return "[tool.resbench.check]" if path.name == "pyproject.toml" else "[check]"


def _table(path: Path) -> Any:
    """Return the table of limits in `path`, or None when it has none. A resbench.toml has nothing but `TABLES`."""
    data: Any = toml_tables(path, f"give a TOML file with a table {_header(path)}")
    if path.name == _NAMES[0] and (stray := [key for key in data if key not in TABLES]):
        raise ResbenchError(f"{path}: {stray[0]!r} is an unknown key here; write the limits below [check]")
    for key in _header(path).strip("[]").split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _config(table: Any, path: Path) -> Config:
    header = _header(path)
    if not isinstance(table, dict):
        raise ResbenchError(f"{path}: {header[1:-1]} is not a table; write {header} and the limits below it")
    fields = {key: value for key, value in table.items() if key != "networks"}
    patterns = table.get("networks", {})
    if not isinstance(patterns, dict):
        raise ResbenchError(f'{path}: networks is not a table; write {header[:-1]}.networks."resnet*"]')
    limits = _limits(fields, f"{path}: {header}")
    networks = {}
    for pattern, differing in patterns.items():
        where = f'{path}: {header[:-1]}.networks."{pattern}"]'
        try:
            match([pattern])
        except ResbenchError as error:
            raise ResbenchError(f"{where}: {error}") from None
        _limits(differing, where)
        networks[pattern] = differing
    return Config(limits=limits, networks=networks)


def _limits(fields: Any, where: str) -> Limits:
    if isinstance(fields, dict):
        for key in fields:
            if key not in Limits.__struct_fields__:
                hint = suggestion(key, Limits.__struct_fields__)
                raise ResbenchError(f"{where}: unknown limit {key!r}; {hint}")
    try:
        return msgspec.convert(fields, Limits)
    except msgspec.ValidationError as error:
        raise ResbenchError(f"{where}: {error}") from None
