"""Whether a file with a network answers as the network does in eager torch, fp32; nets, accuracy, running meet here."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from resbench import environment, units
from resbench.accuracy import loader, pixels
from resbench.accuracy.layouts import open_unlabelled
from resbench.bench.entrance import entered
from resbench.bench.reference import Reference, as_input, eager_logits, reference_of, seeded
from resbench.bench.subject import OnProgress
from resbench.errors import ResbenchError
from resbench.running.departure import departure
from resbench.running.proof import BOUNDS, compared_logits
from resbench.running.runtimes.modelfile import ModelFile, Precision, opened_model
from resbench.zoo.spec import Variant

SEEDED_IMAGES = 4
MOST_IMAGES = 1000  # of a data set, spread over it


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the answers of a file differ from those of a network."""

    file: str
    network: str
    weights: str | None
    precision: Precision  # the narrowest arithmetic in the file
    batch_sizes: tuple[int, ...]  # that the file was called with
    images: int  # that both answered
    difference: float  # the largest of a logit, relative to the largest logit of the image; infinite: not finite
    bound: float  # of the difference
    worst: str  # the image with the largest difference
    other_answers: int  # images whose first class differs although eager's lead is beyond the bound
    departs: str | None = None  # the first layer whose output is not in the file; None: not looked for, or none

    @property
    def sound(self) -> bool:
        """Whether the file may stand for the network."""
        return self.difference <= self.bound and not self.other_answers


def parity(
    file: str | Path,
    network: str | Variant,
    *,
    weights: str | None = None,
    key: str | None = None,
    data: str | Path | None = None,
    input_px: int | None = None,
    bound: float | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> Parity:
    """Compare the answers of `file` (.onnx, .xml of OpenVINO, .pt2) with those of `network` in eager torch, fp32.

    On seeded random images, and on those of `data`, a folder or archive. `input_px`: the side of the images, by default
    the network's own. `bound`: of the largest difference, relative to the largest logit; by default BOUNDS.
    Raises ResbenchError for a file that cannot be read, or is not of such a network at all.
    """
    path = Path(file)
    on_progress("loading", 0.0)
    model = opened_model(path)
    variant = entered(network, input_px)
    _check_identity(path, model, variant, weights)
    reference = reference_of(variant, weights, key, input_px)
    _check_shape(path, model, reference)
    return proved(path, model, reference, data=data, bound=bound, on_progress=on_progress)


def proved(
    path: Path,
    model: ModelFile,
    reference: Reference,
    *,
    data: str | Path | None = None,
    bound: float | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> Parity:
    """Hold an open file against `reference`; name the first layer that departs where they differ."""
    sizes = (model.shape[0],) if model.shape[0] else (1, SEEDED_IMAGES - 1)
    limit = BOUNDS[model.precision] if bound is None else bound
    images: list[tuple[float, bool, str]] = []
    for names, batch in _batches(sizes, reference, model, data, on_progress):
        expected, answers = eager_logits(reference, batch), model.run(as_input(model, batch, reference))
        if answers.shape != expected.shape:
            shapes = f"{answers.shape[-1]} classes, {reference.network.name} {expected.shape[-1]}"
            raise ResbenchError(f"{path}: answers {shapes}; name the network that it holds, with its --weights")
        compared = compared_logits(answers, expected, limit)
        images += zip(*compared, names, strict=False)  # what fills the last batch has no name, and does not count
    difference, _, worst = max(images, key=lambda image: image[0])
    result = Parity(
        file=path.name,
        network=reference.network.name,
        weights=reference.weights,
        precision=model.precision,
        batch_sizes=sizes,
        images=len(images),
        difference=difference,
        bound=limit,
        worst=worst,
        other_answers=sum(differs for _, differs, _ in images),
    )
    return result if result.sound else replace(result, departs=_departing(model, reference, limit))


def _departing(model: ModelFile, reference: Reference, limit: float) -> str | None:
    frames = seeded(model.shape[0] or 1, reference.preprocess.crop_px, seed=1)
    images = pixels.normalise(frames, reference.preprocess)
    return departure(model, as_input(model, frames, reference), reference.module, images, limit)


def _check_identity(path: Path, model: ModelFile, network: Variant, weights: str | None) -> None:
    """Raise ResbenchError where what the file says of itself contradicts what it is held against."""
    holds, its_weights = model.metadata.get("network"), model.metadata.get("weights")
    if holds and holds != network.name:
        raise ResbenchError(f"{path}: holds {holds}, not {network.name}; name that one")
    if its_weights and weights is None:
        raise ResbenchError(f"{path}: holds the weights {its_weights}; give them with --weights")


def _check_shape(path: Path, model: ModelFile, reference: Reference) -> None:
    sides = model.shape[1:3] if model.takes_uint8 else model.shape[2:]
    channels = model.shape[3 if model.takes_uint8 else 1]
    wanted = reference.preprocess.crop_px
    if channels not in (3, None):
        order = "N x H x W x 3" if model.takes_uint8 else "N x 3 x H x W"
        raise ResbenchError(f"{path}: takes inputs of shape {model.shape}, not images as {order}; export it so")
    if any(side not in (wanted, None) for side in sides):
        size = units.pixels((sides[0] or wanted, sides[1] or wanted))
        raise ResbenchError(
            f"{path}: takes images of {size} px, {reference.network.name} {wanted}; give --input-px {sides[0]}"
        )


def _batches(
    sizes: tuple[int, ...], reference: Reference, model: ModelFile, data: str | Path | None, on_progress: OnProgress
) -> Iterator[tuple[list[str], Tensor]]:
    """Yield names and frames, (N, H, W, 3) uint8: seeded ones in each size, then those of `data`.

    Where the last batch is filled up, there are more frames than names.
    """
    side = reference.preprocess.crop_px
    for size in sizes:
        on_progress("random images", 0.0)
        yield [f"random image {index}" for index in range(size)], seeded(size, side, seed=size)
    if data is None:
        return
    samples = open_unlabelled(Path(data)).spread(MOST_IMAGES).samples
    size = sizes[-1]
    batches = loader.batches(
        samples,
        [reference.preprocess],
        starts=range(0, len(samples), size),
        batch_size=size,
        workers=environment.cpu_cores(),
    )
    for batch in batches:
        on_progress("images", batch.first / len(samples))
        frames = batch.frames[reference.preprocess]
        if missing := size - len(frames) if model.shape[0] else 0:  # a file for one batch size takes no other
            frames = torch.cat([frames, frames[:1].expand(missing, -1, -1, -1)])
        yield [sample.name for sample in batch.samples], frames
