"""The counts of a user's networks, in a file beside the zoo that describes them: nothing is built to show them."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from resbench.bounded import content
from resbench.errors import ResbenchError
from resbench.records.record import Counts
from resbench.zoo.own import own_zoo
from resbench.zoo.spec import Elsewhere, Variant

_LARGEST_BYTES = 2**24  # 16 MiB; the counts of a network at two sizes take 1 KiB
_REMEDY = "write it again with `resbench zoo check --write`"


class StoredCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the file keeps of a network: its counts by input ("224x224"), and what they were counted from."""

    builder: str
    classes: int
    source_sha256: str | None  # of the .py file that builds it
    counts: dict[str, Counts]


def stored_path(zoo: Path) -> Path:
    """Return where the counts of the networks of a zoo's file lie: resbench.counted.json beside resbench.toml."""
    return zoo.with_name(f"{zoo.stem}.counted.json")


def read_stored(zoo: Path) -> dict[str, StoredCounts]:
    """Return what lies beside a zoo's file; nothing where nothing does. Raises ResbenchError for a broken file."""
    path = stored_path(zoo)
    if not path.is_file():
        return {}
    seen = path.stat()
    return _read(path, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int, _bytes: int) -> dict[str, StoredCounts]:
    try:
        return msgspec.json.decode(content(path, _LARGEST_BYTES, _REMEDY), type=dict[str, StoredCounts])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ResbenchError(f"{path}: {error}; {_REMEDY}") from None


def stored_text(rows: Mapping[str, StoredCounts]) -> str:
    """Return the file's text: the same counts give the same bytes."""
    return json.dumps(msgspec.to_builtins(dict(rows)), indent=1) + "\n"


def own_counts() -> dict[str, dict[str, Counts]]:
    """Return the stored counts of the user's zoo, without those of networks whose row or file has changed since."""
    zoo = own_zoo()
    stored = read_stored(zoo.path) if zoo.path else {}
    current = (variant for variant in zoo.networks if is_current(variant, stored.get(variant.name)))
    return {variant.name: stored[variant.name].counts for variant in current}


def is_current(variant: Variant, stored: StoredCounts | None) -> bool:
    """Tell whether counts were made from the row and the file that are there now."""
    return stored is not None and (stored.builder, stored.classes, stored.source_sha256) == (
        variant.builder,
        variant.classes,
        source_sha256(variant),
    )


def source_sha256(variant: Variant) -> str | None:
    """Return the hash of the .py file that builds a network; None where no such file does, or it is not there."""
    spec = variant.spec
    if not isinstance(spec, Elsewhere) or not spec.place.endswith(".py"):
        return None
    path = Path(spec.folder, spec.place)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
