"""The key names of other publishers, turned into ours.

A dialect is recognised from the keys, and several may lie on top of each other: a DataParallel wrapper around the
moving average of an MMPretrain model. What no rule knows stays as it is, and the strict comparison refuses it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Tensors = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]

MAX_WRAPPERS = 8  # DataParallel, torch.compile, Lightning and others put the whole network under one name

# What the classifier is called: torchvision and timm; Cadene; the Inception ports; CIFAR ResNets.
CLASSIFIERS = ("fc", "last_linear", "classif", "linear")

# MMPretrain v1.2.0: mmpretrain/models/{backbones/resnet.py,utils/se_layer.py,heads/linear_head.py}. The deep stem is
# three convolutions with their norms, where ours ends in the network's own bn1.
MMPRETRAIN = (
    (re.compile(r"^backbone\.stem\.2\.bn\."), "bn1."),
    (re.compile(r"^backbone\.stem\.0\.conv\."), "conv1.0."),
    (re.compile(r"^backbone\.stem\.0\.bn\."), "conv1.1."),
    (re.compile(r"^backbone\.stem\.1\.conv\."), "conv1.3."),
    (re.compile(r"^backbone\.stem\.1\.bn\."), "conv1.4."),
    (re.compile(r"^backbone\.stem\.2\.conv\."), "conv1.6."),
    (re.compile(r"\.se_layer\.conv([12])\.conv\."), r".se.fc\1."),
    (re.compile(r"^backbone\."), ""),
    (re.compile(r"^head\.fc\."), "fc."),
)
_FIRST_SHORTCUT = re.compile(r"^(layer1\.0\.downsample)\.([01])\.")


def translate(tensors: Tensors, shapes: Shapes) -> tuple[Tensors, tuple[str, ...]]:
    """Return `tensors` under the names of the network that wants `shapes`, and what to say of the changes.

    No tensor is copied: what a file declares may be far larger than what a network wants.
    """
    for dialect in (_unwrapped, _from_mmpretrain):
        if tensors.keys() != shapes.keys():  # the network's own names may look like a dialect
            tensors = dialect(tensors)
    tensors = _with_counters(_with_classifier(tensors, shapes), shapes)
    return _without_background(tensors, shapes)


def _rename(tensors: Tensors, name: Callable[[str], str]) -> Tensors:
    return {name(key): tensor for key, tensor in tensors.items()}


def _unwrapped(tensors: Tensors) -> Tensors:
    """Take off the names that all keys begin with; torch's AveragedModel also keeps a counter beside them."""
    for _ in range(MAX_WRAPPERS):
        wrapped = {key: tensor for key, tensor in tensors.items() if key != "n_averaged"}
        wrappers = {key.partition(".")[0] if "." in key else "" for key in wrapped}
        if len(wrappers) != 1 or wrappers & {"", "backbone"}:
            break
        tensors = {key.partition(".")[2]: tensor for key, tensor in wrapped.items()}
    return tensors


def _from_mmpretrain(tensors: Tensors) -> Tensors:
    if not any(key.startswith("backbone.") for key in tensors):
        return tensors
    tensors = _rename(tensors, _mmpretrain_name)
    # An average pool in the shortcut is module 0 there too, but where the stride is 1 they leave it out and count on.
    if "layer2.0.downsample.2.weight" in tensors:
        tensors = _rename(
            tensors, lambda key: _FIRST_SHORTCUT.sub(lambda match: f"{match[1]}.{int(match[2]) + 1}.", key)
        )
    return tensors


def _mmpretrain_name(key: str) -> str:
    for pattern, replacement in MMPRETRAIN:
        key = pattern.sub(replacement, key)
    return key


def _with_classifier(tensors: Tensors, shapes: Shapes) -> Tensors:
    """Give the classifier the name that the network uses."""
    ours = _classifier(shapes)
    theirs = _classifier(tensors)
    if ours is None or theirs is None or ours == theirs:
        return tensors
    return _rename(tensors, lambda key: f"{ours}{key.removeprefix(theirs)}" if key.startswith(f"{theirs}.") else key)


def _classifier(keys: Mapping[str, Any]) -> str | None:
    return next((name for name in CLASSIFIERS if f"{name}.weight" in keys), None)


def _with_counters(tensors: Tensors, shapes: Shapes) -> Tensors:
    """Settle the batch norms' step counters, which inference does not read.

    Files from before torch 0.4.1 lack them, and whoever halves a whole file makes fractions of them.
    """
    counters = {}
    for key in shapes:
        norm, _, name = key.rpartition(".")
        mean = tensors.get(f"{norm}.running_mean")
        if name == "num_batches_tracked" and mean is not None:
            counter = tensors.get(key, mean.new_zeros(()))
            counters[key] = counter.long() if counter.numel() == 1 else counter
    return {**tensors, **counters}


def _without_background(tensors: Tensors, shapes: Shapes) -> tuple[Tensors, tuple[str, ...]]:
    """Drop class 0 of a TensorFlow port: its 1001 classes are "background" and then ImageNet's 1000."""
    name = _classifier(shapes)
    wanted = shapes.get(f"{name}.weight", ())
    weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
    if weight is None or bias is None or wanted[:1] != (1000,) or len(weight) != 1001 or len(bias) != 1001:
        return tensors, ()
    note = "dropped class 0 of 1001, TensorFlow's background, so that labels are ImageNet's 0 to 999"
    return {**tensors, f"{name}.weight": weight[1:], f"{name}.bias": bias[1:]}, (note,)


def in_single_precision(tensors: Tensors) -> tuple[Tensors, tuple[str, ...]]:
    """Return `tensors` in float32, and what to say of the change."""
    others = {str(t.dtype).removeprefix("torch.") for t in tensors.values() if t.is_floating_point()} - {"float32"}
    if not others:
        return tensors, ()
    single = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    return single, (f"converted {' and '.join(sorted(others))} tensors to float32",)
