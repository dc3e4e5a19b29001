"""Which of the sets of weights in a training program's file is meant: averages, raw weights, teachers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from resbench.errors import ResbenchError
from resbench.nets.pickles import Stored, printable

# Where training programs put the weights. Averages come first, as timm and torchvision evaluate them; a teacher comes
# after the weights that were trained, since it may be another network.
AVERAGES = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "ema_model_state_dict", "ema_model"),
    *("ema", "model_averaged", "averaged_model", "swa_state_dict", "swa_model", "model_swa"),
)
RAW = ("state_dict", "model_state_dict", "model", "network", "net", "weights", "params")
TEACHERS = ("teacher", "student")
_PREFERRED = (*AVERAGES, *RAW, *TEACHERS)

Set = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The set of weights that is taken from a file; `key` is empty where the file holds only one."""

    tensors: Set
    key: str = ""
    notes: tuple[str, ...] = ()


def choose(file: Mapping[Any, Any], key: str | None = None) -> Choice:
    """Return the weights in the content of a file, or those under `key`, and what to say of the choice.

    Raises ResbenchError when there are several and none is known to be the one to evaluate, or none is called `key`.
    """
    sets = _by_prefix(file) or _sets(file)
    if key is not None:
        if key not in sets:
            held = f"it holds {_listed(list(sets))}" if sets else "the file holds one set alone; leave --key out"
            raise ResbenchError(f"no set of weights is called {printable(key)!r}; {held}")
        return _chosen(sets, key, ())
    if not sets:
        return _chosen({"": file}, "", ())
    taken = _preferred(file, list(sets))
    return _chosen(sets, taken, _said(file, taken, list(sets)))


def _chosen(sets: Mapping[str, Set], taken: str, notes: tuple[str, ...]) -> Choice:
    tensors, left_out = _without_copies(sets[taken])
    return Choice(tensors=tensors, key=taken if len(sets) > 1 else "", notes=(*notes, *left_out))


def _sets(file: Mapping[Any, Any], depth: int = 2) -> dict[str, Set]:
    """Return the mappings in `file` that hold tensors, by key; in a mapping of mappings by "outer.inner".

    Those with fewer than half as many tensors as the largest are none of a network: a loss, a preprocessor.
    """
    sets: dict[str, Set] = {}
    for name, value in file.items():
        if isinstance(name, str) and isinstance(value, Mapping):
            if any(map(_is_tensor, value.values())):
                inner = _by_prefix(value)
                sets |= {f"{name}.{prefix}": weights for prefix, weights in inner.items()} or {name: value}
            elif depth > 1:
                sets |= {f"{name}.{inner}": weights for inner, weights in _sets(value, depth - 1).items()}
    largest = max((len(value) for value in sets.values()), default=0)
    return {name: value for name, value in sets.items() if 2 * len(value) >= largest}


def _by_prefix(file: Mapping[Any, Any]) -> dict[str, Set]:
    """Return the sets that lie side by side in one mapping, as in "model.fc.bias" and "model_ema.fc.bias"."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in file.items():
        name, _, rest = key.partition(".") if isinstance(key, str) else ("", "", "")
        if rest and _is_tensor(value):
            groups.setdefault(name, {})[rest] = value
    known = groups.keys() & {*AVERAGES, *TEACHERS}
    return {name: group for name, group in groups.items() if name in _PREFERRED} if known and len(groups) > 1 else {}


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor | Stored)


def _preferred(file: Mapping[Any, Any], names: Sequence[str]) -> str:
    order = [name for name in _PREFERRED if not (name == "ema_state_dict" and _by_mmengine(file))]
    ranked = [name for wanted in order for name in names if name.rpartition(".")[2] == wanted]
    if not ranked and len(names) > 1:
        raise ResbenchError(f"holds several sets of weights ({_listed(names)}); choose one with --key")
    return (ranked or list(names))[0]


def _by_mmengine(file: Mapping[Any, Any]) -> bool:
    """Whether MMEngine wrote the file: on saving, it swaps the average into "state_dict"."""
    return "message_hub" in file


def _said(file: Mapping[Any, Any], taken: str, names: Sequence[str]) -> tuple[str, ...]:
    others = [name for name in names if name != taken]
    if _by_mmengine(file) and "ema_state_dict" in others:
        return (f"took {taken!r}, MMEngine's moving average; --key ema_state_dict takes the raw weights",)
    what = "the moving average " if taken.rpartition(".")[2] in AVERAGES else ""
    if others:
        return (f"took {what}{printable(taken)!r}; the file also holds {_listed(others)} (choose with --key)",)
    return (f"took {what}{printable(taken)!r}",) if what else ()


def _without_copies(tensors: Set) -> tuple[Set, tuple[str, ...]]:
    """Leave out the copies that mmcv's EMAHook keeps among the weights, as in "ema_backbone_conv1_weight"."""
    copies = {key for key in tensors if str(key).startswith("ema_") and "." not in str(key)}
    if not copies or not any(str(key).startswith("backbone.") for key in tensors):
        return tensors, ()
    note = f"left out {len(copies)} buffers ema_*, in which mmcv keeps the weights that it did not evaluate"
    return {key: value for key, value in tensors.items() if key not in copies}, (note,)


def _listed(names: Sequence[str]) -> str:
    shown: Iterator[str] = (repr(printable(name)) for name in names[:6])
    return ", ".join(shown) + (" and more" if len(names) > 6 else "")
