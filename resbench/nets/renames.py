"""The key names of other houses, turned into ours.

A dialect is recognised from the keys, and several may lie on top of each other: a DataParallel wrapper around the
moving average of an MMPretrain model. What no rule knows stays as it is, and the strict comparison refuses it.
"""

import re
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any

from torch import Tensor

Tensors = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]

# Where training programs put the weights, the moving average first, as timm and torchvision evaluate it.
# MMEngine's "ema_state_dict" is not here: at the time of saving it swaps the average into "state_dict".
MOVING_AVERAGES = ("state_dict_ema", "model_ema")
CONTAINERS = (*MOVING_AVERAGES, "state_dict", "model", "model_state_dict")

# DataParallel, torch.compile, Lightning and friends put the whole network under one name.
WRAPPERS = ("module.", "_orig_mod.", "model.")

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


def unpack(file: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the part of a training program's file that holds the weights, and what to say of the choice."""
    for name in CONTAINERS:
        if isinstance(inner := file.get(name), Mapping):
            average = name in MOVING_AVERAGES
            note = (f"took the moving average of the weights, {name!r}",) if average else ()
            return inner, note
    return file, ()


def translate(tensors: Tensors, shapes: Shapes) -> tuple[Tensors, tuple[str, ...]]:
    """Return `tensors` under the names of the network that wants `shapes`, and what to say of the changes."""
    for dialect in (_unwrapped, _from_mmpretrain):
        tensors = dialect(tensors)
    tensors = _with_counters(_with_classifier(tensors, shapes), shapes)
    tensors, background = _without_background(tensors, shapes)
    tensors, precision = _in_single_precision(tensors)
    return tensors, (*background, *precision)


def _rename(tensors: Tensors, name: Callable[[str], str]) -> Tensors:
    return {name(key): tensor for key, tensor in tensors.items()}


def _unwrapped(tensors: Tensors) -> Tensors:
    """Take off the wrappers that all keys share; torch's AveragedModel also keeps a counter beside them."""
    counted = {key: tensor for key, tensor in tensors.items() if key != "n_averaged"}
    for wrapper in WRAPPERS:
        if counted and all(key.startswith(wrapper) for key in counted):
            return _unwrapped(_rename(counted, methodcaller("removeprefix", wrapper)))
    return tensors


def _from_mmpretrain(tensors: Tensors) -> Tensors:
    if not any(key.startswith("backbone.") for key in tensors):
        return tensors
    tensors = _rename(tensors, _mmpretrain_name)
    # An average pool in the shortcut is module 0 there too, but where the stride is 1 they leave it out and count on.
    if "layer2.0.downsample.2.weight" in tensors:
        tensors = _rename(
            tensors, lambda key: _FIRST_SHORTCUT.sub(lambda found: f"{found[1]}.{int(found[2]) + 1}.", key)
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
            counters[key] = tensors.get(key, mean.new_zeros(())).long()
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


def _in_single_precision(tensors: Tensors) -> tuple[Tensors, tuple[str, ...]]:
    others = {str(t.dtype).removeprefix("torch.") for t in tensors.values() if t.is_floating_point()} - {"float32"}
    if not others:
        return tensors, ()
    single = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    return single, (f"converted {' and '.join(sorted(others))} tensors to float32",)
