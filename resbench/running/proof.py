"""Whether a network in another runtime answers as it does in eager torch, in fp32."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench.errors import InvalidMeasurementError
from resbench.records.record import Exported
from resbench.running.arm import Arm, answer
from resbench.running.runtimes.modelfile import Precision
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import switches

# How far logits may be from eager fp32, relative to the largest logit of the image. Sound files of all networks of the
# table are below 1e-4 in fp32 (tests, nightly); halves keep 8 to 11 bits, and int8 is judged by accuracy in the end.
BOUNDS: dict[Precision, float] = {"fp32": 1e-3, "half": 0.05, "int8": 0.25}


def compared_logits(answers: Tensor, expected: Tensor, bound: float) -> tuple[list[float], list[bool]]:
    """Return per image the relative difference, and whether the first class differs beyond doubt."""
    scale = expected.abs().amax(1)
    difference = ((answers - expected).abs().amax(1) / scale).nan_to_num(torch.inf, torch.inf, torch.inf)
    top = expected.topk(2, dim=1).values
    clear = (top[:, 0] - top[:, 1]) / scale > 2 * bound
    differs = clear & (answers.argmax(1) != expected.argmax(1))
    return difference.tolist(), differs.tolist()


def proved_export(module: nn.Module, arm: Arm, sizes: Sequence[int]) -> Exported:
    """Compare `arm`, which runs a file, with `module`, the same network as torch built it, in batches of `sizes`.

    Raises InvalidMeasurementError when the answers differ by more than the bound of the type.
    """
    assert arm.files is not None, "only files are proved"
    bound = BOUNDS["fp32" if arm.settings.dtype == "fp32" else "half"]
    generator = torch.Generator().manual_seed(arm.settings.seed)
    images: list[tuple[float, bool]] = []
    module.to(arm.device)
    for size in dict.fromkeys(sizes):
        batch = torch.randn(size, 3, *arm.settings.input_px, generator=generator)
        with torch.inference_mode():
            with switches(replace(arm.settings, dtype="fp32")):
                expected = module(batch.to(arm.device)).float()
            with switches(arm.settings):
                answers = answer(arm, batch).float()
        images += zip(*compared_logits(answers, expected, bound), strict=True)
    difference = max(apart for apart, _ in images)
    others = sum(differs for _, differs in images)
    if difference > bound or others:
        raise InvalidMeasurementError(
            f"runtime {arm.settings.runtime}: not used: its logits differ from eager torch by {difference:.2g} of the "
            f"largest, another first class for {others} of {len(images)} images; `resbench export` names the layer"
        )
    return Exported(
        file_bytes=sum(_largest(arm.files, suffix) for suffix in RUNTIMES[arm.settings.runtime].files),
        images=len(images),
        batch_sizes=tuple(dict.fromkeys(sizes)),
        difference=difference,
        bound=bound,
    )


def _largest(folder: Path, suffix: str) -> int:
    """Return the bytes of the largest file: some runtimes have one for each batch size, of which a user needs one."""
    return max(path.stat().st_size for path in folder.glob(f"*{suffix}"))
