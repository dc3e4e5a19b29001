"""Options as people write them: "1,8,auto", "224x288", "dtype=bf16"."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resbench import units
from resbench.errors import ResbenchError

if TYPE_CHECKING:
    from resbench.bench.comparing import Side
    from resbench.timing.speeds import BatchSize

_SWITCH = {"": True, "true": True, "yes": True, "false": False, "no": False}


def batch_sizes(text: str | None) -> "tuple[BatchSize, ...]":
    """Read "1,8,auto"; None stands for the default sizes. Raises ResbenchError for anything else."""
    words = [] if text is None else text.split(",")
    for word in words:
        if word != "auto" and not _positive(word):
            raise ResbenchError(f"batch size {word!r}: give positive numbers or auto, such as 1,8,auto")
    return tuple(dict.fromkeys("auto" if word == "auto" else int(word) for word in words))


def batch_size(text: str | None) -> "BatchSize | None":
    """Read "32" or "auto"; None stands for the device's own. Raises ResbenchError for anything else."""
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if not _positive(text):
        raise ResbenchError(f"batch size {text!r}: give a positive number, or auto")
    return int(text)


def input_px(text: str | None) -> tuple[int, int] | None:
    """Read "224" or "224x288"; None stands for the network's own size. Raises ResbenchError for anything else."""
    try:
        return None if text is None else units.parse_pixels(text)
    except ValueError as error:
        raise ResbenchError(f"input size: {error}") from None


def side_b(side: "Side", differences: Sequence[str]) -> "Side":
    """Return `side` with "fuse", "dtype=bf16" and the like changed. Raises ResbenchError for what is none of `KEYS`."""
    for difference in differences:
        key, _, text = difference.partition("=")
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            advice = f"did you mean {near[0]}?" if near else f"choose from {', '.join(KEYS)}"
            raise ResbenchError(f"--b {difference}: unknown option {key!r}; {advice}")
        field, read = KEYS[key]
        try:
            value = read(text)
        except (ResbenchError, ValueError, KeyError):
            raise ResbenchError(f"--b {difference}: give {EXAMPLES[key]}") from None
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
    "input-px": ("input_px", units.parse_pixels),
    "amp": ("amp", _SWITCH.__getitem__),
    "channels-last": ("channels_last", _SWITCH.__getitem__),
    "compile": ("compile_mode", lambda text: "default" if _SWITCH[text] else None),
    "cuda-graph": ("cuda_graph", _SWITCH.__getitem__),
    "fuse": ("fuse", _SWITCH.__getitem__),
    "winograd": ("winograd", _SWITCH.__getitem__),
    "python": ("python", _named),
    "tree": ("tree", _folder),
}
EXAMPLES = {
    "dtype": "--b dtype=bf16",
    "threads": "a positive number, such as --b threads=2",
    "input-px": "a size, such as --b input-px=256 or --b input-px=224x288",
    "python": "an interpreter, such as --b python=.venv/bin/python",
    "tree": "a folder with a checkout, such as --b tree=../base",
} | {
    key: f"--b {key} or --b {key}=false"
    for key in ("amp", "channels-last", "compile", "cuda-graph", "fuse", "winograd")
}
