"""Records as JSON text: the same record gives the same bytes, and what does not fit the schema is refused."""

import json
import reprlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from resbench.bounded import content
from resbench.errors import ResbenchError
from resbench.records.record import SCHEMA, Evaluation, Profile, Record, StageTimes
from resbench.records.settings import with_runtime, with_winograd

LARGEST_BYTES = 2**26  # 64 MiB; a record of a million samples has about 15
_KINDS: dict[str, type[Profile] | type[Evaluation]] = {"profile": Profile, "evaluation": Evaluation}


class _Head(msgspec.Struct):
    """What tells which kind of record this is, and what is gone from its settings; the rest is passed over."""

    kind: Any = None
    schema: Any = None
    settings: Any = None


def dumps(record: object) -> str:
    """Return `record` as indented JSON that ends in a line feed; lists of plain values take one line.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    return _layout(msgspec.to_builtins(record), "") + "\n"


def loads(text: str | bytes, where: str = "record") -> Record:
    """Read a record. Raises ResbenchError naming `where` and the field for anything that is not one."""
    try:
        head = msgspec.json.decode(text, type=_Head)
    except msgspec.ValidationError:  # JSON, but no object
        head = _Head()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResbenchError(f"{where}: not JSON ({error}); write it again with --save") from None
    if not isinstance(head.kind, str) or head.kind not in _KINDS:
        raise ResbenchError(f'{where}: not a resbench record (its "kind" is neither {" nor ".join(_KINDS)})')
    if isinstance(head.schema, bool) or not isinstance(head.schema, int) or not 1 <= head.schema <= SCHEMA:
        newer = isinstance(head.schema, int) and head.schema > SCHEMA
        format_ = f"format {reprlib.repr(head.schema)}, this resbench reads formats 1 to {SCHEMA}"
        raise ResbenchError(f"{where}: {format_}; {'update resbench' if newer else 'measure again with --save'}")
    try:
        record: Record = msgspec.json.decode(text, type=_KINDS[head.kind])
        _check(record)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ResbenchError(f"{where}: not a readable record: {str(error)[:300]}; measure again with --save") from None
    return _renewed(record, head)


def _renewed(record: Record, head: _Head) -> Record:
    """Return a record of an older format as it would be written now."""
    if head.schema < 3 and (settings := with_runtime(record.settings)) is not record.settings:
        record = replace(record, settings=settings)
    if head.schema < 4 and head.settings.get("winograd"):
        record = replace(record, engine=with_winograd(record.engine))
    return record


def read_record(path: Path | str) -> Record:
    """Read the record in `path`. Raises ResbenchError when it cannot be read."""
    return loads(content(path, LARGEST_BYTES, "give a record that --save wrote"), str(path))


def _check(record: Record) -> None:
    """Raise ValueError for values that are possible one by one (`records.bounds`) and impossible together."""
    _check_moment(record.run.started)
    if isinstance(record, Evaluation):
        _check_rising(top1_right=record.top1_right, top5_right=record.top5_right, images=record.images)
        _check_rising(real_top1_right=record.real_top1_right or 0, real_images=record.real_images or 0)
        for figure in record.corruptions.figures if record.corruptions else ():
            _check_rising(top1_right=figure.top1_right, top5_right=figure.top5_right, images=figure.images)
    elif any(len(cluster.wall_ns) != len(cluster.cpu_ns) for cluster in record.clusters()):
        raise ValueError("wall_ns and cpu_ns of a cluster have different lengths")
    elif any(len(set(_passes(times))) > 1 for times in record.stages):
        raise ValueError("wall_ns or cpu_ns of stages or operators have different lengths")


def _passes(times: StageTimes) -> Iterator[int]:
    """Yield how many passes each part of `times` was timed in."""
    for part in (times.whole, *times.stages, *times.operators):
        yield len(part.wall_ns)
        yield len(part.cpu_ns) if times.whole.cpu_ns else len(part.cpu_ns) + len(part.wall_ns)


def _check_moment(started: str) -> None:
    try:
        datetime.fromisoformat(started).astimezone(UTC)
    except OverflowError:  # a moment of the year 9999 that UTC would put into 10000
        raise ValueError(f"started is no moment of the years 1 to 9999 in UTC: {started!r}") from None


def _check_rising(**counts: int) -> None:
    if list(counts.values()) != sorted(counts.values()):
        values = ", ".join(f"{name} {value}" for name, value in counts.items())
        raise ValueError(f"each of these must be at least the one before it: {values}")


def _layout(value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(key)}: {_layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        return "[\n" + ",\n".join(inner + _layout(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
