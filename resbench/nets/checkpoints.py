"""From files of weights to networks that hold them: nothing is executed, nothing missing, nothing left over."""

import argparse
import pickle
import re
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError
from resbench.nets import cache
from resbench.nets.build import build
from resbench.nets.renames import Tensors, translate, unpack
from resbench.units import integer
from resbench.zoo.find import by_digest, checkpoints, find, find_weights, look_alikes
from resbench.zoo.spec import ResNetSpec, Spec, StrideOn, Variant, Weights
from resbench.zoo.variants import VARIANTS

# What damaged pickles and archives have been seen to raise in torch.load.
_UNREADABLE = (
    pickle.UnpicklingError,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
)
_SHOWN = 3  # tensors named in a message before "and so many more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A network that holds the weights of a file, and what became of them on the way."""

    module: nn.Module
    variant: Variant
    path: Path
    sha256: str
    published: Weights | None = None  # the published checkpoint that the file is, by its hash
    notes: tuple[str, ...]  # "dropped class 0 of 1001, ...", "converted float16 tensors to float32"


def load(network: str, weights: str | Path | None = None) -> nn.Module:
    """Return `network` with `weights`, in eval mode on the CPU, in float32: (N, 3, H, W) -> (N, classes).

    `weights` is a file (.pth, .pt, .pth.tar, .th, .safetensors) or the name of a published checkpoint; it may be left
    out when `network` itself names one. Warns of what was changed in the weights. Raises ResbenchError unless every
    tensor finds its place.
    """
    loaded = load_checkpoint(network, weights)
    for note in loaded.notes:
        warnings.warn(f"{loaded.path.name}: {note}", stacklevel=2)
    return loaded.module


def load_checkpoint(network: str | Variant, weights: str | Path | None = None) -> Loaded:
    """Do what `load` does, and tell which file it was and what was changed in it."""
    variant = find(network) if isinstance(network, str) else network
    named, path = _locate(network if isinstance(network, str) else network.name, variant, weights)
    digest = cache.sha256(path)
    if named:
        cache.check(named, path, digest)
    tensors, choice = read_tensors(path)
    module, changes = _filled(variant, tensors, path)
    owners = [named] if named else by_digest(digest)
    return Loaded(
        module=module,
        variant=variant,
        path=path,
        sha256=digest,
        published=next((row for row in owners if row.network == variant.name), None),
        notes=(*choice, *changes, *_other_networks(variant, owners)),
    )


def _other_networks(variant: Variant, owners: Sequence[Weights]) -> Iterator[str]:
    """Yield what to say when the weights may belong to another network, which their shapes cannot tell."""
    # Publishers call both places of the stride "ResNet-50", whereas a blur is in the name.
    others = [other.name for other in look_alikes(variant) if other.spec == _stride_moved(variant.spec)]
    if owners and all(row.network != variant.name for row in owners):
        yield f"published as {owners[0].name} for {owners[0].network}, which is another network than {variant.name}"
    elif others and not owners:
        yield f"fits {variant.name} and {_some(others)}: equal shapes, different strides; validate with both"


def _stride_moved(spec: Spec) -> Spec:
    moved: StrideOn = "3x3" if getattr(spec, "stride_on", None) == "1x1" else "1x1"
    return replace(spec, stride_on=moved) if isinstance(spec, ResNetSpec) else spec


def _filled(variant: Variant, tensors: Tensors, path: Path) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network with `tensors`, and what was changed in them."""
    module = _unfilled(variant)
    shapes = shapes_of(module)
    translated, changes = translate(tensors, shapes)
    if problems := misfits(translated, shapes):
        raise ResbenchError(f"{path}: not a checkpoint of {variant.name}: {problems}; {_advice(tensors)}")
    module.load_state_dict({key: tensor.contiguous() for key, tensor in translated.items()}, assign=True)
    return module, changes


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a checkpoint of `module` has, by key."""
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}


def read_tensors(path: Path) -> tuple[Tensors, tuple[str, ...]]:
    """Return the tensors in the file under its own key names, and what to say of the choice among several sets.

    Raises ResbenchError when the file is not a checkpoint, or would run code.
    """
    content = _read(path)
    if not isinstance(content, Mapping):
        raise ResbenchError(f"{path}: not a checkpoint: holds a {type(content).__name__}; give a state dict")
    inner, notes = unpack(content)
    strangers = [str(key) for key, value in inner.items() if not isinstance(value, Tensor)]
    if not inner or strangers:
        held = f"holds {_some(strangers)} beside or instead of tensors" if strangers else "holds no tensors"
        raise ResbenchError(f"{path}: not a checkpoint: {held}; give a state dict")
    return {str(key): value for key, value in inner.items()}, notes


def misfits(tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return what keeps `tensors` from filling `shapes` exactly, the first few by name; empty when nothing does."""
    missing = [key for key in shapes if key not in tensors]
    unexpected = [key for key in tensors if key not in shapes]
    misshapen = [
        f"{key} {tuple(tensor.shape)} for {shapes[key]}"
        for key, tensor in tensors.items()
        if key in shapes and tuple(tensor.shape) != shapes[key]
    ]
    mistyped = [
        f"{key} {str(tensor.dtype).removeprefix('torch.')}"
        for key, tensor in tensors.items()
        if tensor.is_floating_point() == key.endswith("num_batches_tracked")
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen, "of another type": mistyped}
    return ", ".join(f"{integer(len(keys))} {kind} ({_some(keys)})" for kind, keys in kinds.items() if keys)


def fitting(tensors: Tensors) -> list[str]:
    """Return the networks of the table that `tensors` fills by names and shapes, in the order of the table."""
    depths = _depths(tensors)
    candidates = [variant for variant in VARIANTS if getattr(variant.spec, "depths", ()) == depths]
    return [variant.name for variant in candidates if _fits(tensors, variant)]


def _unfilled(variant: Variant) -> nn.Module:
    """Return the network without memory for its weights, unless it has constants that no checkpoint brings (blurs)."""
    module = build(variant, device="meta")
    constants = dict(module.named_buffers()).keys() - module.state_dict().keys()
    return build(variant) if constants else module


def _fits(tensors: Tensors, variant: Variant) -> bool:
    shapes = shapes_of(build(variant, device="meta"))
    return not misfits(translate(tensors, shapes)[0], shapes)


def _depths(keys: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of blocks in layer1, layer2, ... as the keys count them: cheaper than building to compare."""
    blocks = {found.groups() for key in keys if (found := re.search(r"(?:^|\.)layer([1-9])\.(\d+)\.", key))}
    stages = [stage for stage, _ in blocks]
    return tuple(stages.count(stage) for stage in sorted(set(stages)))


def _advice(tensors: Tensors) -> str:
    names = fitting(tensors)
    return f"it fits {_some(names)}" if names else "it fits no network of the table"


def _locate(network: str, variant: Variant, weights: str | Path | None) -> tuple[Weights | None, Path]:
    """Return the published checkpoint that is meant, if one is named, and the file."""
    if weights is not None and Path(weights).is_file():
        return None, Path(weights)
    named = find_weights(network if weights is None else str(weights))
    known = [one.name for one in checkpoints(variant.name)]
    choice = f"name one of its checkpoints ({_some(known)})" if known else "no checkpoint of it is published"
    if named is None:
        lacks = "a folder, not a file" if weights and Path(weights).is_dir() else "no such file"
        what = f"{network}: which weights?" if weights is None else f"{weights}: {lacks};"
        raise ResbenchError(f"{what} give a file, or {choice}" if known else f"{what} {choice}, so give a file")
    if named.network != variant.name:
        raise ResbenchError(f"{named.name}: a checkpoint of {named.network}, not of {variant.name}; {choice}")
    return named, cache.cached(named)


def _read(path: Path) -> Any:
    """Return what the file holds; the first bytes tell the format, whatever the name says."""
    try:
        with path.open("rb") as stream:
            begin = stream.read(64)
    except IsADirectoryError:
        raise ResbenchError(f"{path}: a folder; give a file of weights") from None
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; give a file of weights") from None
    if begin[8:9] == b"{":  # after eight bytes of length
        return _read_safetensors(path)
    if begin.startswith((b"PK", b"\x80")):
        return _read_pickle(path)
    seen = f"begins with {begin[:20]!r}" if begin else "is empty"
    raise ResbenchError(f"{path}: not a checkpoint: {seen}; give what torch.save or safetensors wrote")


def _read_safetensors(path: Path) -> Tensors:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ResbenchError(f"{path}: damaged safetensors file ({_line(error)}); fetch it again") from None


def _read_pickle(path: Path) -> Any:
    """Read what torch.save wrote. Only tensors and plain values are accepted: no function of the file's is called."""
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_harmless()):
            warnings.simplefilter("ignore", UserWarning)  # on TorchScript and pickle versions: the errors say it
            return torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ResbenchError(f"{path}: {_refusal(str(error))}") from None


def _harmless() -> list[Any]:
    """Return what training checkpoints also hold and torch does not know to be mere values."""
    scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = [np.dtype, *(type(np.dtype(kind)) for kind in ("float32", "float64", "int32", "int64", "bool"))]
    modules = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since numpy 2
    return [argparse.Namespace, *dtypes, *((scalar, name) for name in modules)]


def _refusal(message: str) -> str:
    """Return what torch.load said in one line: which code the file asks to run, or why it cannot be read."""
    if wanted := re.search(r"GLOBAL ([\w.]+)", message):
        return f"refused: reading it would run code ({wanted[1]}); save its state dict alone, or as safetensors"
    if "TorchScript" in message:
        return "refused: a TorchScript program, not a state dict; save its state dict alone"
    if "WeightsUnpickler" in message:
        said = _line(message.rpartition("WeightsUnpickler error:")[2])
        return f"refused: no plain pickle of tensors ({said}); save its state dict alone, or as safetensors"
    return f"not a checkpoint, or a damaged one ({_line(message)}); give what torch.save wrote"


def _line(message: object) -> str:
    """Return the first sentence of `message`."""
    return re.split(r"(?<=\w)\.\s|\n", str(message).strip(), maxsplit=1)[0].rstrip(".") or "it ends too early"


def _some(names: list[str]) -> str:
    more = f" and {integer(len(names) - _SHOWN)} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
