"""Heads of another number of classes than the network's own, as fine-tuning leaves them: read from the file."""

import math
from collections.abc import Mapping, Sequence

import torch

from resbench.nets.build import build
from resbench.nets.elsewhere import with_classes
from resbench.nets.renames import translate
from resbench.units import integer
from resbench.zoo.spec import Variant

_MOST_ELEMENTS = 2**40


def with_own_head(variant: Variant, file: Mapping[str, Sequence[int]]) -> tuple[Variant, tuple[str, ...]]:
    """Return `variant` with the head of the file whose tensors have these shapes, and what to say of that.

    It is another head where every tensor fits but those whose first dimension is the number of classes.
    """
    module = build(variant, device="meta")
    shapes = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    if any(math.prod(shape) > _MOST_ELEMENTS for shape in file.values()):  # of a damaged file, which reading refuses
        return variant, ()
    described = {key: torch.empty(tuple(shape), device="meta") for key, shape in file.items()}
    theirs = {key: tuple(tensor.shape) for key, tensor in translate(described, shapes)[0].items()}
    differing = [key for key in shapes if key in theirs and theirs[key] != shapes[key]]
    heads = {theirs[key][:1] for key in differing}
    if len(heads) != 1 or shapes.keys() != theirs.keys() or () in heads:
        return variant, ()
    if any(shapes[key] != (variant.classes, *theirs[key][1:]) for key in differing):
        return variant, ()
    (classes,) = heads.pop()
    note = f"its head has {integer(classes)} classes; {variant.name} by itself has {integer(variant.classes)}"
    return with_classes(variant, classes), (note,)
