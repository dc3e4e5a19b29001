"""From files of weights to networks that hold them: nothing is executed, nothing missing, nothing left over."""

import functools
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError
from resbench.nets import cache, formats
from resbench.nets.build import build
from resbench.nets.ownheads import with_own_head
from resbench.nets.pickles import Opaque, Stored, printable
from resbench.nets.probing import probed
from resbench.nets.reading import Opened, opened
from resbench.nets.renames import Tensors, in_single_precision, translate
from resbench.nets.sets import Choice, choose
from resbench.units import integer
from resbench.zoo.find import by_digest, checkpoints, find, find_weights, look_alikes
from resbench.zoo.spec import Elsewhere, ResNetSpec, Spec, StrideOn, Variant, Weights
from resbench.zoo.variants import VARIANTS

AS_BUILT = "as built"  # what weights are called that no file gave
_SHOWN = 3  # tensors named in a message before "and so many more"
_SMALLEST_NORMAL = torch.finfo(torch.float32).tiny
_SUBNORMAL_SHARE = 0.01  # dead channels leave a few in most networks, which cost nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A network that holds the weights of a file, and what became of them on the way."""

    module: nn.Module
    variant: Variant
    path: Path
    sha256: str  # of the file; of its hash and the key where it holds several sets of weights
    key: str = ""  # of the set of weights that was taken, where the file holds several
    published: Weights | None = None  # the published checkpoint that the file is, by its hash
    notes: tuple[str, ...]  # "dropped class 0 of 1001, ...", "converted float16 tensors to float32"

    @property
    def name(self) -> str:
        """The name of the file, with the key of the weights in it where it holds several sets."""
        return f"{self.path.name} ({printable(self.key)})" if self.key else self.path.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The tensors of a file; `key` is that of their set where the file holds several."""

    tensors: Tensors
    key: str
    notes: tuple[str, ...]


def load(network: str, weights: str | Path | None = None, key: str | None = None) -> nn.Module:
    """Return `network` with `weights`, in eval mode on the CPU, in float32: (N, 3, H, W) -> (N, classes).

    `weights` is a file (.pth, .pt, .pth.tar, .th, .safetensors) or the name of a published checkpoint; it may be left
    out when `network` itself names one. `key` chooses among several sets of weights in the file ("model_ema").
    Warns of what was chosen and changed. Raises ResbenchError unless every tensor finds its place.
    """
    loaded = load_checkpoint(network, weights, key)
    for note in loaded.notes:
        warnings.warn(f"{loaded.path.name}: {note}", stacklevel=2)
    return loaded.module


def load_checkpoint(network: str | Variant, weights: str | Path | None = None, key: str | None = None) -> Loaded:
    """Do what `load` does, and return which file it was and what was changed in it."""
    variant = probed(find(network) if isinstance(network, str) else network)
    name = network if isinstance(network, str) else network.name
    if isinstance(variant.spec, Elsewhere) and weights is None and find_weights(name) is None:
        return _as_built(variant)
    named, path = _locate(name, variant, weights)
    digest = cache.sha256(path)
    if named:
        cache.check_file(named, path, digest)
    taken = read_tensors(path, key)
    fitted, heads = with_own_head(variant, {key: tensor.shape for key, tensor in taken.tensors.items()})
    module, changes = _filled(fitted, taken.tensors, path)
    owners = [named] if named else by_digest(digest)
    return Loaded(
        module=module,
        variant=fitted,
        path=path,
        sha256=keyed(digest, taken.key),
        key=taken.key,
        published=next((row for row in owners if row.network == variant.name), None),
        notes=(*taken.notes, *heads, *changes, *_other_networks(variant, owners)),
    )


def keyed(digest: str, key: str) -> str:
    """Return the hash of the weights `key` in the file whose hash is `digest`; key "": it holds one set alone."""
    return hashlib.sha256(f"{digest} {key}".encode()).hexdigest() if key else digest


def _as_built(variant: Variant) -> Loaded:
    """Return a network elsewhere with the weights that its own code gives it."""
    module = fresh_network(variant, seed=0)
    digest = hashlib.sha256()
    for key, tensor in module.state_dict().items():
        digest.update(key.encode() + tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    note = f"the weights are those that {variant.name} is built with; --weights FILE loads others"
    return Loaded(module=module, variant=variant, path=Path(AS_BUILT), sha256=digest.hexdigest(), notes=(note,))


def fresh_network(network: Variant, seed: int) -> nn.Module:
    """Return the network as it is built, with the same fresh weights for the same `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(network)


def with_head_of(variant: Variant, weights: str | Path | None, key: str | None = None) -> Variant:
    """Return `variant` with as many classes as the head in a file of weights has; anything else is left as it is."""
    if weights is None or not Path(weights).is_file():
        return variant
    try:
        return with_own_head(variant, shapes_in(Path(weights), key))[0]
    except ResbenchError:  # of a file that is no checkpoint: loading says so
        return variant


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
        raise ResbenchError(
            f"{path}: not a checkpoint of {variant.name}: {problems}; {_advice(tensors)}{formats.part(path)}"
        )
    single, precision = in_single_precision(translated)  # only now: shapes are as the network wants them
    module.load_state_dict({key: tensor.contiguous() for key, tensor in single.items()}, assign=True)
    return module, (*changes, *precision, *_odd_values(single))


def _odd_values(tensors: Tensors) -> Iterator[str]:
    """Yield what to say of values that make a network useless or slow."""
    weights = {key: tensor for key, tensor in tensors.items() if tensor.is_floating_point()}
    if broken := [key for key, tensor in weights.items() if not tensor.isfinite().all()]:
        yield (
            f"NaN or infinite values in {_some(broken)}, so the outputs mean nothing: the training diverged, or "
            "float16 overflowed; use another checkpoint"
        )
    tiny = sum(int(((tensor != 0) & (tensor.abs() < _SMALLEST_NORMAL)).sum()) for tensor in weights.values())
    if tiny > _SUBNORMAL_SHARE * sum(tensor.numel() for tensor in weights.values()):
        yield (
            f"{integer(tiny)} weights are subnormal (below 1.2e-38), which slows a CPU several times; set them to zero "
            "before measuring speed"
        )


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a checkpoint of `module` has, by key."""
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}


def shapes_in(path: Path, key: str | None = None) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in the file under its own key names; no tensor is read.

    Raises ResbenchError as `read_tensors` does.
    """
    _, choice = _chosen(path, key)
    return {str(name): tuple(value.shape) for name, value in choice.tensors.items()}


def read_tensors(path: Path, key: str | None = None) -> Taken:
    """Return the tensors in the file under its own key names; `key` chooses among several sets.

    Raises ResbenchError when the file is not a checkpoint, or would run code.
    """
    file, choice = _chosen(path, key)
    tensors = {str(name): file.tensor(value) for name, value in choice.tensors.items()}
    return Taken(tensors=tensors, key=choice.key, notes=choice.notes)


def _chosen(path: Path, key: str | None) -> tuple[Opened, Choice]:
    """Return the file, and which tensors in it are meant."""
    file = opened(path)
    if not isinstance(file.content, Mapping):
        raise ResbenchError(f"{path}: not a checkpoint: holds a {type(file.content).__name__}; give a state dict")
    try:
        choice = choose(file.content, key)
    except ResbenchError as error:
        raise ResbenchError(f"{path}: {error}") from None
    strangers = {str(name): value for name, value in choice.tensors.items() if not isinstance(value, Tensor | Stored)}
    if not choice.tensors or strangers:
        kinds = {value.what for value in strangers.values() if isinstance(value, Opaque)}
        held = f"holds {_some(list(strangers))} beside or instead of tensors" if strangers else "holds no tensors"
        held += f", of the kind {', '.join(sorted(kinds)[:_SHOWN])}" if kinds else ""
        raise ResbenchError(f"{path}: not a checkpoint: {held}; give a state dict")
    return file, choice


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
    if isinstance(variant.spec, Elsewhere):  # its code may keep tensors where no checkpoint reaches them
        return build(variant)
    module = build(variant, device="meta")
    constants = dict(module.named_buffers()).keys() - module.state_dict().keys()
    return build(variant) if constants else module


def _fits(tensors: Tensors, variant: Variant) -> bool:
    shapes = _shapes(variant)
    return not misfits(translate(tensors, shapes)[0], shapes)


@functools.cache
def _shapes(variant: Variant) -> dict[str, tuple[int, ...]]:
    return shapes_of(build(variant, device="meta"))


def _depths(keys: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of blocks in layer1, layer2, ... as the keys count them: cheaper than building to compare."""
    blocks = {match.groups() for key in keys if (match := re.search(r"(?:^|\.)layer([1-9])\.(\d+)\.", key))}
    stages = [stage for stage, _ in blocks]
    return tuple(stages.count(stage) for stage in sorted(set(stages)))


def _advice(tensors: Tensors) -> str:
    names = fitting(tensors)
    return f"it fits {_some(names)}" if names else "it fits no network of the table"


def _locate(network: str, variant: Variant, weights: str | Path | None) -> tuple[Weights | None, Path]:
    """Return the published checkpoint that is meant, if one is named, and the file."""
    if weights is not None and (Path(weights).is_file() or Path(weights).is_dir()):
        return None, Path(weights)  # of a folder, reading says what it is
    named = find_weights(network if weights is None else str(weights))
    known = [row.name for row in checkpoints(variant.name)]
    choice = f"name one of its checkpoints ({_some(known)})" if known else "no checkpoint of it is published"
    if named is None:
        what = f"{network}: which weights?" if weights is None else f"{weights}: no such file;"
        raise ResbenchError(f"{what} give a file, or {choice}" if known else f"{what} {choice}, so give a file")
    if named.network != variant.name:
        raise ResbenchError(f"{named.name}: a checkpoint of {named.network}, not of {variant.name}; {choice}")
    return named, cache.cached(named)


def _some(names: list[str]) -> str:
    more = f" and {integer(len(names) - _SHOWN)} more" if len(names) > _SHOWN else ""
    return ", ".join(map(printable, names[:_SHOWN])) + more
