"""A plan: networks or checkpoints times settings, as a file or a command line says it, becomes jobs."""

import fnmatch
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from resbench.bench.entries import select
from resbench.bench.profiles import chosen_in_order
from resbench.bounded import toml_tables
from resbench.errors import ResbenchError
from resbench.sweep.jobs import Job, Kind
from resbench.sweep.options import is_list, normal, option, validating_of

MOST_JOBS = 20_000
_REMEDY = "give a plan: a TOML file with names and a table [profile] or [validate] (docs/sweeping.md)"


class PlanFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as it is written; in the tables, an option that is a list takes each of its values in turn."""

    names: list[str] = []
    exclude: list[str] = []  # patterns of names that are left out
    profile: dict[str, Any] | None = None
    validate: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTable:
    """A table [profile] or [validate] of a plan."""

    kind: Kind
    where: str  # it stands, for messages
    names: Sequence[str]
    exclude: Sequence[str] = ()  # patterns of names
    axes: Mapping[str, list[Any]] = field(default_factory=dict)  # option -> the values that it takes
    left_out: Sequence[Mapping[str, Any]] = ()  # a job that has all of these is left out; "name" is a pattern
    added: Sequence[Mapping[str, Any]] = ()  # jobs beside the product, each with a "name"

    @property
    def combinations(self) -> int:
        """How many settings there are for each name."""
        return math.prod(len(values) for values in self.axes.values())


def read_plan(path: Path) -> list[PlanTable]:
    """Read a plan file. Raises ResbenchError for one that cannot be read, and for a key that plans do not have."""
    try:
        wanted = msgspec.convert(toml_tables(path, _REMEDY), PlanFile)
    except msgspec.ValidationError as error:
        raise ResbenchError(f"{path}: {error}; {_REMEDY}") from None
    tables: dict[Kind, dict[str, Any] | None] = {"profile": wanted.profile, "validate": wanted.validate}
    if all(table is None for table in tables.values()):
        raise ResbenchError(f"{path}: has neither [profile] nor [validate]; {_REMEDY}")
    return [
        _table(kind, dict(options), wanted, f"{path}: [{kind}]")
        for kind, options in tables.items()
        if options is not None
    ]


def tables_of(names: Sequence[str], exclude: Sequence[str], pairs: Sequence[tuple[str, Any]]) -> list[PlanTable]:
    """Return what a command line plans: a plan file alone, or names and the options in `pairs`.

    An option that recurs takes each of its values in turn. Raises ResbenchError for what plans cannot have.
    """
    if plans := [name for name in names if name.endswith(".toml")]:
        if len(names) > 1 or exclude or pairs:
            raise ResbenchError(f"{plans[0]}: a plan says everything; give it alone, and write options into it")
        return read_plan(Path(plans[0]))
    kind: Kind = "validate" if any(key == "data" for key, _ in pairs) else "profile"
    axes: dict[str, list[Any]] = {}
    for key, value in pairs:
        axes.setdefault(key, []).append(option(kind, key, value, "the command line"))
    return [PlanTable(kind=kind, where="the command line", names=names, exclude=exclude, axes=axes)]


def pairs_of(words: Iterable[str], repeated: Mapping[str, Sequence[str] | None] | None = None) -> list[tuple[str, Any]]:
    """Return ("dtype", "bf16") of "dtype=bf16", ("fuse", True) of "fuse"; values are as in TOML where they can be.

    Before them come the options in `repeated`, each with its values: {"dtype": ["bf16"]}.
    """
    pairs = [(key, value) for key, values in (repeated or {}).items() for value in values or ()]
    split = (word.partition("=") for word in words)
    return [*pairs, *((key, _value(text) if equals else True) for key, equals, text in split)]


def jobs_of(tables: Sequence[PlanTable]) -> list[Job]:
    """Return the jobs of a plan, each once. Raises ResbenchError when there are none, or more than `MOST_JOBS`."""
    jobs: dict[str, Job] = {}
    for table in tables:
        for job in _jobs(table, len(jobs)):
            jobs[job.key] = job
    if not jobs:
        raise ResbenchError("the plan has no jobs: everything is excluded; name more networks, or exclude less")
    return list(jobs.values())


def _table(kind: Kind, options: dict[str, Any], wanted: PlanFile, where: str) -> PlanTable:
    exclude = () if "names" in options else wanted.exclude  # which goes with the names beside it
    own = {key: options.pop(key, default) for key, default in (("names", wanted.names), ("exclude", []))}
    own["include"] = options.pop("include", [])
    for key, of in (("names", list[str]), ("exclude", list[dict[str, Any]]), ("include", list[dict[str, Any]])):
        try:
            msgspec.convert(own[key], of)
        except msgspec.ValidationError as error:
            raise ResbenchError(f"{where} {key}: {error}; docs/sweeping.md shows one") from None
    return PlanTable(
        kind=kind,
        where=where,
        names=own["names"],
        exclude=exclude,
        axes={key: _axis(kind, key, value, where) for key, value in options.items()},
        left_out=[_checked(kind, row, f"{where} exclude") for row in own["exclude"]],
        added=[_checked(kind, row, f"{where} include") for row in own["include"]],
    )


def _axis(kind: Kind, key: str, value: Any, where: str) -> list[Any]:
    several = isinstance(value, list) and (not is_list(kind, key) or any(isinstance(item, list) for item in value))
    values = value if several else [value]
    if not values:
        raise ResbenchError(f"{where}: {key} is an empty list; give a value, or leave it out")
    return [option(kind, key, item, where) for item in values]


def _checked(kind: Kind, row: Mapping[str, Any], where: str) -> dict[str, Any]:
    if where.endswith("include") and not isinstance(row.get("name"), str):
        raise ResbenchError(f'{where}: a row needs the name of a network, such as name = "resnet50"')
    return {key: value if key == "name" else option(kind, key, value, where) for key, value in row.items()}


def _value(text: str) -> Any:
    """Return what `text` says in TOML (true, 8, 0.5, [1, 2]), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def _jobs(table: PlanTable, before: int) -> Iterator[Job]:
    if table.kind == "validate" and "data" not in table.axes:
        raise ResbenchError(f'{table.where}: validations need images; give data = "imagenet/val", or --data')
    base = {key: values[0] for key, values in table.axes.items() if len(values) == 1}
    settings: Iterable[dict[str, Any]] = (
        dict(zip(table.axes, values, strict=True)) for values in product(*table.axes.values())
    )
    names: list[str] | None = None
    for options in settings:
        if names is None or table.kind == "validate":
            names = _names(table, options)
            _refuse_too_many(table, len(names), before)
        for name in names:
            if not any(_fits(row, name, options) for row in table.left_out):
                yield Job(kind=table.kind, name=name, options=normal(table.kind, options))
    for row in table.added:
        options = base | {key: value for key, value in row.items() if key != "name"}
        yield Job(kind=table.kind, name=row["name"], options=normal(table.kind, options))


def _refuse_too_many(table: PlanTable, names: int, before: int) -> None:
    total = before + names * table.combinations + len(table.added)
    if total > MOST_JOBS:
        raise ResbenchError(
            f"{table.where}: {names:,} names times {table.combinations:,} settings make {total:,} jobs, and a sweep "
            f"has at most {MOST_JOBS:,}; take values out, or split the plan"
        )


def _names(table: PlanTable, options: dict[str, Any]) -> list[str]:
    """Return the networks, or for validations the checkpoints, that the patterns of `table` mean."""
    if table.kind == "profile":
        names = [network.name for network in chosen_in_order(table.names, every=False)]
    else:
        job = Job(kind="validate", name="", options=options)
        weights = [job.weights] * len(table.names) if job.weights else []
        names = [entry.asked for entry in select(table.names, weights, [job.data], validating_of(job))[1]]
    return [name for name in names if not any(fnmatch.fnmatchcase(name, pattern) for pattern in table.exclude)]


def _fits(row: Mapping[str, Any], name: str, options: Mapping[str, Any]) -> bool:
    own = {"name": name, **options}
    return all(
        fnmatch.fnmatchcase(name, value) if key == "name" else key in own and own[key] == value
        for key, value in row.items()
    )
