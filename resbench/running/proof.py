"""Whether a network in another runtime answers as it does in eager torch, in fp32."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench import units
from resbench.errors import InvalidMeasurementError
from resbench.records.record import Exported
from resbench.running.arm import Arm, answer
from resbench.running.departure import departure
from resbench.running.runtimes.modelfile import FORMATS, Precision, opened_model
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import switches

# How far logits may be from eager fp32, relative to the largest logit of the image. Sound files of all networks of the
# table are below 1e-4 in fp32 (tests, nightly); halves keep 8 to 11 bits, and int8 is judged by accuracy in the end.
BOUNDS: dict[Precision, float] = {"fp32": 1e-3, "half": 0.05, "int8": 0.25}
_PRECISIONS: dict[str, Precision] = {"fp32": "fp32", "int8": "int8"}  # of types; any other is half


def compared_logits(answers: Tensor, expected: Tensor, bound: float) -> tuple[list[float], list[bool]]:
    """Return per image the relative difference, and whether the first class differs beyond doubt."""
    scale = expected.abs().amax(1)
    difference = ((answers - expected).abs().amax(1) / scale).nan_to_num(torch.inf, torch.inf, torch.inf)
    top = expected.topk(2, dim=1).values
    clear = (top[:, 0] - top[:, 1]) / scale > 2 * bound
    differs = clear & (answers.argmax(1) != expected.argmax(1))
    return difference.tolist(), differs.tolist()


def proved_export(module: nn.Module, arm: Arm, sizes: Sequence[int]) -> Exported:
    """Compare `arm`, which runs a file, with `module`, as `proved_answers` does, and return how it was proved."""
    sizes = tuple(dict.fromkeys(sizes))
    difference = proved_answers(module, arm, sizes)  # some files are made when they are first called
    return Exported(
        file_bytes=sum(_largest_bytes(arm, suffix) for suffix in RUNTIMES[arm.settings.runtime].files),
        images=sum(sizes),
        batch_sizes=sizes,
        difference=difference,
        bound=_bound(arm),
    )


def proved_answers(module: nn.Module, arm: Arm, sizes: Sequence[int]) -> float:
    """Compare `arm` with `module`, the same network as torch built it, in batches of `sizes`.

    On random images; in int8 on those that it was calibrated with, since others may lie beyond its ranges.
    Return the largest difference, of the largest logit of an image.
    Raises InvalidMeasurementError when the answers differ by more than the bound of the type.
    """
    bound = _bound(arm)
    images: list[tuple[float, bool]] = []
    module.to(arm.device)
    for size in sizes:
        batch = _images(arm, size)
        with torch.inference_mode():
            with switches(replace(arm.settings, dtype="fp32")):
                expected = module(batch.to(arm.device)).float()
            with switches(arm.settings):
                answers = answer(arm, batch).float()
        images += zip(*compared_logits(answers, expected, bound), strict=True)
    difference = max(apart for apart, _ in images)
    others = sum(differs for _, differs in images)
    if difference > bound or others:
        layer = departing_layer(module, arm, _images(arm, 1))
        raise InvalidMeasurementError(
            f"runtime {arm.settings.runtime}, {arm.settings.dtype}: not used: its logits differ from eager torch by "
            f"{difference:.2g} of the largest, another first class for {others} of "
            f"{units.count_of(len(images), 'image')}{f'; first in layer {layer}' if layer else ''}; "
            f"use another runtime{', ' if arm.calibration else ' or '}"
            f"--dtype fp32{', or calibrate with other images' if arm.calibration else ''}"
        )
    return difference


def _bound(arm: Arm) -> float:
    return BOUNDS[_PRECISIONS.get(arm.settings.dtype, "half")]


def departing_layer(module: nn.Module, arm: Arm, batch: Tensor) -> str | None:
    """Return the first layer of `module` whose output for `batch` is not in the file that `arm` runs; None: none is."""
    suffix = next(iter(RUNTIMES[arm.settings.runtime].files), "")
    if suffix not in {row.suffix for row in FORMATS.values()} or suffix == ".pt2":  # no layers to be seen
        return None
    return departure(opened_model(_files(arm, suffix)[0]), batch, module.to("cpu"), batch, _bound(arm))


def _images(arm: Arm, size: int) -> Tensor:
    """Return as many images as the network takes them; where int8 has fewer, some several times."""
    if arm.calibration is None:
        generator = torch.Generator().manual_seed(arm.settings.seed)
        return torch.randn(size, 3, *arm.settings.input_px, generator=generator)
    batch = next(arm.calibration.batches())
    return batch.repeat(-(-size // len(batch)), 1, 1, 1)[:size]


def _files(arm: Arm, suffix: str) -> list[Path]:
    """Return the files of `arm`'s own type: int8 is made of one in fp32, which lies beside it."""
    assert arm.files is not None, "only runtimes of files have some"
    quantised = arm.settings.dtype == "int8"
    return [path for path in sorted(arm.files.glob(f"*{suffix}")) if ("int8" in path.stem) == quantised]


def _largest_bytes(arm: Arm, suffix: str) -> int:
    """Return the size of the largest file: each batch size may have its own, of which a user needs one.

    Weights beside it, in a file whose name begins with its own, are part of it.
    """
    files = ((path, *path.parent.glob(f"{path.name}.*")) for path in _files(arm, suffix))
    return max(sum(part.stat().st_size for part in parts) for parts in files)
