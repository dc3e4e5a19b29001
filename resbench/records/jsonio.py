"""Records as JSON text: the same record gives the same bytes, and what does not fit the schema is refused."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from resbench.errors import ResbenchError
from resbench.records.record import SCHEMA, Evaluation, Profile, Record

_KINDS: dict[str, type[Profile] | type[Evaluation]] = {"profile": Profile, "evaluation": Evaluation}


def dumps(record: Record) -> str:
    """Return `record` as indented JSON that ends in a line feed; lists of plain values take one line.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    return _layout(msgspec.to_builtins(record), "") + "\n"


def loads(text: str | bytes, where: str = "record") -> Record:
    """Read a record. Raises ResbenchError naming `where` and the field for anything that is not one."""
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResbenchError(f"{where}: not JSON ({error}); write it again with --save") from None
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ResbenchError(f'{where}: not a resbench record (its "kind" is neither {" nor ".join(_KINDS)})')
    schema = data.get("schema")
    if schema != SCHEMA:
        remedy = "update resbench" if isinstance(schema, int) and schema > SCHEMA else "measure again with --save"
        raise ResbenchError(f"{where}: format {schema!r}, this resbench reads format {SCHEMA}; {remedy}")
    try:
        record = msgspec.convert(data, _KINDS[kind])
        _check(record)
    except ValueError as error:  # msgspec's are ValueErrors too
        raise ResbenchError(f"{where}: not a readable record: {error}; measure again with --save") from None
    return record


def read(path: Path) -> Record:
    """Read the record in `path`. Raises ResbenchError when it cannot be read."""
    try:
        return loads(path.read_bytes(), str(path))
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; give a record that --save wrote") from None


def _check(record: Record) -> None:
    """Raise ValueError for values that have the right types and still cannot have been observed."""
    datetime.fromisoformat(record.run.started)
    match record:
        case Evaluation():
            if not 0 <= record.top1_right <= record.top5_right <= record.images:
                counts = f"{record.top1_right}, {record.top5_right} and {record.images}"
                raise ValueError(f"top1_right, top5_right and images do not rise from 0: {counts}")
            if min(record.pixels.resize_px, record.pixels.crop_px) < 1:
                raise ValueError("resize_px and crop_px are not both at least 1")
        case Profile():
            if any(min(series.batch_size, series.calls) < 1 for series in record.series):
                raise ValueError("batch_size and calls of a series are not both at least 1")


def _layout(value: Any, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(key)}: {_layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        return "[\n" + ",\n".join(inner + _layout(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
