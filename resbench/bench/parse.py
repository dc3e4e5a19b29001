"""Options as people write them: "1,8,auto", "224x288", "dtype=bf16"."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resbench import units
from resbench.errors import ResbenchError, suggestion

if TYPE_CHECKING:
    from resbench.bench.sides import Side
    from resbench.records.tuned import Goal
    from resbench.timing.speeds import BatchSize
    from resbench.zoo.spec import Variant

MOST_ARMS = 26  # each has a letter
_TIME = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s)", re.ASCII)
_UNITS_S = {"ms": 1e-3, "s": 1.0}
_SWITCH = {"": True, "true": True, "yes": True, "false": False, "no": False}


def batch_sizes(text: str | None) -> "tuple[BatchSize, ...]":
    """Read "1,8,auto"; None stands for the default sizes. Raises ResbenchError for anything else."""
    words = [] if text is None else text.split(",")
    for word in words:
        if word != "auto" and not _positive(word):
            raise ResbenchError(f"batch size {word!r}: give positive numbers or auto, such as 1,8,auto")
    return tuple(dict.fromkeys("auto" if word == "auto" else int(word) for word in words))


def plain_batch_sizes(text: str | None) -> tuple[int, ...]:
    """Read "1,8"; None stands for the default sizes. Raises ResbenchError for anything else, and for auto."""
    sizes = batch_sizes(text)
    if "auto" in sizes:
        raise ResbenchError("batch size 'auto': every runtime saturates at another size; give numbers, such as 1,8")
    return tuple(size for size in sizes if isinstance(size, int))


def latency_limit_s(text: str | None) -> float | None:
    """Read "20ms" or "0.5s". Raises ResbenchError for anything else, and for no time at all."""
    if text is None:
        return None
    written = _TIME.fullmatch(text)
    value = float(written[1]) * _UNITS_S[written[2]] if written else 0.0
    if not 0 < value < math.inf:
        raise ResbenchError(f"time {text!r}: give a number with its unit, such as 20ms or 0.5s")
    return value


def goal(aim: str | None, max_latency_s: float | None) -> "Goal":
    """Return what a setting is to be the best at: what was asked for, else latency unless that is bounded."""
    wanted = aim or ("latency" if max_latency_s is None else "throughput")
    return "throughput" if wanted == "throughput" else "latency"


def names(text: str | None) -> tuple[str, ...]:
    """Read "eager,onnxruntime"; None stands for none."""
    return () if text is None else tuple(text.split(","))


def fraction(points: float | None) -> float | None:
    """Return percentage points as a fraction."""
    return None if points is None else points / 100


def batch_size(text: str | None) -> "BatchSize | None":
    """Read "32" or "auto"; None stands for the device's own. Raises ResbenchError for anything else."""
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if not _positive(text):
        raise ResbenchError(f"batch size {text!r}: give a positive number, or auto")
    return int(text)


def label_files(paths: Sequence[Path]) -> tuple[Path | None, ...]:
    """Return the file of labels of each set; "-" stands for none."""
    return tuple(None if str(path) == "-" else path for path in paths)


def one_set(
    data: Sequence[Path], *, explain_gap: bool, against: str | None, tta: str | None, corruptions: str | None
) -> None:
    """Raise ResbenchError for what needs one set of images, or several, and has not, or one view of an image."""
    if explain_gap and tta is not None:
        raise ResbenchError(f"--explain-gap: compares networks on one view of an image; leave --tta {tta} out")
    if explain_gap and corruptions is not None:
        raise ResbenchError("--explain-gap: evaluates no corrupted images; leave --corruptions out")
    if explain_gap and len(data) > 1:
        raise ResbenchError(f"--explain-gap: looks at one set, given {len(data)}; give one --data")
    if against is not None and len(data) == 1:
        raise ResbenchError(f"--against {against}: one set is compared with nothing; give --data several times")


def input_px(text: str | None) -> tuple[int, int] | None:
    """Read "224" or "224x288"; None stands for the network's own size. Raises ResbenchError for anything else."""
    try:
        return None if text is None else units.parse_pixels(text)
    except ValueError as error:
        raise ResbenchError(f"input size: {error}") from None


def arms(first: "Side", networks: "Sequence[Variant]", differences: Mapping[str, Sequence[str]]) -> "list[Side]":
    """Return `first` and the sides to compare it with: of `networks`, each with its `differences` ("b", "c", ...).

    A side without a network of its own has that of the first; there is always a B. Raises ResbenchError for what is
    none of `KEYS`, and for differences of an arm that leaves one out before it.
    """
    given = [len(networks), *(place for place, keys in enumerate(differences.values(), 1) if keys)]
    if max(given) >= MOST_ARMS:
        raise ResbenchError(f"{max(given) + 1} arms: at most {MOST_ARMS} can take turns; compare fewer at a time")
    sides = [first]
    for place, letter in zip(range(1, max(1, *given) + 1), chain(differences, repeat("")), strict=False):
        side = replace(first, network=networks[place - 1]) if place <= len(networks) else first
        own = differences.get(letter, ())
        if place > len(networks) and not own and place < max(given):
            raise ResbenchError(f"--{letter}: says nothing, but a later arm does; give the arms in order")
        sides.append(_changed(side, letter, own))
    return sides


def _changed(side: "Side", letter: str, differences: Sequence[str]) -> "Side":
    """Return `side` with "fuse", "dtype=bf16" and the like changed."""
    for difference in differences:
        key, _, text = difference.partition("=")
        if key not in KEYS:
            raise ResbenchError(f"--{letter} {difference}: unknown option {key!r}; {suggestion(key, KEYS)}")
        field, read = KEYS[key]
        try:
            value = read(text)
        except (ResbenchError, ValueError, KeyError):
            example = EXAMPLES[key].replace("--b", f"--{letter}")
            raise ResbenchError(f"--{letter} {difference}: give {example}") from None
        if field in ("python", "tree"):
            side = replace(side, **{field: value})
        else:
            side = replace(side, running=replace(side.running, **{field: value}))
    return side


def _positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0


def _number(text: str) -> int:
    if not _positive(text):
        raise ValueError(text)
    return int(text)


def _named(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _folder(text: str) -> Path:
    if not text or not Path(text).is_dir():
        raise ValueError(text)
    return Path(text)


# What may differ between the sides: option -> (field of Running or Side, what reads its value).
KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "dtype": ("dtype", _named),
    "threads": ("threads", _number),
    "calibration": ("calibration", _named),
    "input-px": ("input_px", units.parse_pixels),
    "amp": ("amp", _SWITCH.__getitem__),
    "channels-last": ("channels_last", _SWITCH.__getitem__),
    "runtime": ("runtime", _named),
    "compile-mode": ("compile_mode", _named),
    "cuda-graph": ("cuda_graph", _SWITCH.__getitem__),
    "fuse": ("fuse", _SWITCH.__getitem__),
    "python": ("python", _named),
    "tree": ("tree", _folder),
}
EXAMPLES = {
    "dtype": "--b dtype=bf16",
    "calibration": "images, such as --b dtype=int8 --b calibration=photos",
    "runtime": "--b runtime=openvino",
    "compile-mode": "--b runtime=compile --b compile-mode=max-autotune",
    "threads": "a positive number, such as --b threads=2",
    "input-px": "a size, such as --b input-px=256 or --b input-px=224x288",
    "python": "an interpreter, such as --b python=.venv/bin/python",
    "tree": "a folder with a checkout, such as --b tree=../base",
} | {key: f"--b {key} or --b {key}=false" for key in ("amp", "channels-last", "cuda-graph", "fuse")}
