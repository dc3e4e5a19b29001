"""What a network elsewhere turns out to be once it is built: its input, its classes, what it returns, its images."""

import math
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, get_args

import torch
from torch import Tensor, nn

from resbench.errors import ResbenchError, show_traceback
from resbench.nets.elsewhere import build_elsewhere, with_classes
from resbench.nets.isolation import undisturbed
from resbench.units import pixels
from resbench.zoo.places import arguments_of
from resbench.zoo.spec import CropMode, Elsewhere, Interpolation, Preprocess, Variant

_LOGITS = ("logits", "out", "output", "scores", "pred")  # what modules call them that return a dict
Pair = tuple[int, int]


def probed(variant: Variant, input_px: int | Pair | None = None) -> Variant:
    """Return `variant` with what building it and running it once shows; a row of the table is returned as it is.

    `input_px` is the side, or (height, width), to run it at, where its own is not the one that is wanted.
    Raises ResbenchError when it cannot be built, or cannot take images of that size.
    """
    spec = variant.spec
    if not isinstance(spec, Elsewhere) or spec.is_probed:
        return variant
    module = build_elsewhere(spec, "meta")
    images = _images(spec, module)
    own_px = variant.input_px if spec.folder else _side(module, images) or variant.input_px
    size = _size(input_px or own_px)
    outputs, needs_data = _outputs(spec, module, size)
    output, logits = _logits(spec, outputs)
    probed_spec = replace(spec, is_probed=True, output=output, needs_data=needs_data)
    classes = logits.shape[1] if logits.dim() == 2 else 0
    network = replace(
        variant, spec=probed_spec, input_px=own_px, classes=classes, preprocess=variant.preprocess or images
    )
    wanted = variant.classes if spec.folder else classes  # a row says how many it has
    return network if wanted == classes else with_classes(network, wanted)


def _size(input_px: int | Pair) -> Pair:
    return (input_px, input_px) if isinstance(input_px, int) else input_px


def _outputs(spec: Elsewhere, module: nn.Module, size: Pair) -> tuple[Any, bool]:
    """Return what the network makes of one image, and whether shapes alone could not run it."""
    try:
        return _run(spec, module, size), False
    except Exception:
        module = build_elsewhere(spec)
    try:
        return _run(spec, module, size), True
    except Exception as error:
        show_traceback(error)
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"
        raise ResbenchError(
            f"{spec}: cannot run on one image of 3x{pixels(size)} ({reason}); give its size with --input-px, or set "
            "input_px on the module"
        ) from None


def _run(spec: Elsewhere, module: nn.Module, size: Pair) -> Any:
    image = torch.zeros(1, 3, *size, device=next(module.parameters()).device)
    with undisturbed(f"{spec}: running it"), torch.no_grad():
        return module(image)


def _logits(spec: Elsewhere, outputs: Any) -> tuple[str | int | None, Tensor]:
    """Return under which key or place of `outputs` the logits are (None: they are the output), and the logits."""
    if isinstance(outputs, Tensor):
        if outputs.dim() < 2:
            shape = tuple(outputs.shape)
            raise ResbenchError(
                f"{spec}: returns a tensor of shape {shape}, not (N, classes); keep the batch dimension"
            )
        return None, outputs
    if isinstance(outputs, Mapping):
        pairs: list[tuple[Any, Any]] = [(key, outputs[key]) for key in _LOGITS if key in outputs] or [*outputs.items()]
    else:
        pairs = list(enumerate(outputs)) if isinstance(outputs, tuple | list) else []
    for key, value in pairs:
        if isinstance(value, Tensor) and value.dim() == 2:
            return key, value
    raise ResbenchError(
        f"{spec}: returns {type(outputs).__name__} without a tensor of shape (N, classes); return the logits, or a "
        'dict with "logits"'
    )


def _side(module: nn.Module, images: Preprocess | None) -> int | None:
    """Return the side that the network itself gives, as an attribute `input_px` or with its images."""
    own = getattr(module, "input_px", None)
    return own if isinstance(own, int) and own > 0 else images.crop_px if images else None


def _images(spec: Elsewhere, module: nn.Module) -> Preprocess | None:
    """Return how the network's own code wants its images: timm's `pretrained_cfg`, torchvision's `transforms()`."""
    if spec.place == "torchvision":
        return _of_torchvision(spec)
    cfg = getattr(module, "pretrained_cfg", None)
    return _of_timm(cfg) if isinstance(cfg, Mapping) and cfg.get("input_size") else None


def _of_timm(cfg: Mapping[str, Any]) -> Preprocess:
    plain = Preprocess()
    interpolation: Any = cfg.get("interpolation")
    mode: Any = cfg.get("crop_mode")
    return Preprocess(
        crop_px=cfg["input_size"][-1],
        crop_pct=cfg.get("crop_pct") or plain.crop_pct,
        interpolation=interpolation if interpolation in get_args(Interpolation) else plain.interpolation,
        crop_mode=mode if mode in get_args(CropMode) else plain.crop_mode,
        mean=tuple(cfg.get("mean") or plain.mean),
        std=tuple(cfg.get("std") or plain.std),
    )


def _of_torchvision(spec: Elsewhere) -> Preprocess | None:
    """Read the preset of the weights that the arguments name, or else of the default ones."""
    known = import_module("torchvision.models").get_model_weights(spec.name)
    named = str(arguments_of(spec)[1].get("weights") or "DEFAULT").rpartition(".")[2]
    weights = getattr(known, named, None)
    if weights is None:
        return None
    preset = weights.transforms()
    crop_px = preset.crop_size[0]
    return Preprocess(
        crop_px=crop_px,
        crop_pct=_share(crop_px, preset.resize_size[0]),
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )


def _share(crop_px: int, resize_px: int) -> float:
    """Return the share of the crop from which `Preprocess.resize_px` gives `resize_px` again."""
    share = round(crop_px / resize_px, 4)
    return share if math.floor(crop_px / share) == resize_px else crop_px / (resize_px + 0.25)
