"""Which classes networks see in images, and how often they are right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resbench.accuracy.loader import Batch
from resbench.accuracy.pixels import normalise
from resbench.errors import InvalidMeasurementError
from resbench.zoo.spec import Preprocess

# Forward passes on the CPU take this many images, whatever the batch: larger activations go back to the system after
# every layer, and the page faults cost more than the larger batch gains.
CPU_IMAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contestant:
    """A network on its device, and how it wants its images."""

    name: str
    model: nn.Module
    preprocess: Preprocess


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What a network saw in N images: the five classes with the largest logits, largest first."""

    labels: NDArray[np.int16]  # (N,)
    top5: NDArray[np.int16]  # (N, 5), or fewer columns for fewer classes
    logits: NDArray[np.float32]  # (N, 5) of those classes
    logsumexp: NDArray[np.float32]  # (N,) over all classes: logit - logsumexp is the log of the probability

    @property
    def top1_right(self) -> int:
        """How many images show the class with the largest logit."""
        return int((self.top5[:, 0] == self.labels).sum())

    @property
    def top5_right(self) -> int:
        """How many images show one of the five classes."""
        return int((self.top5 == self.labels[:, None]).any(1).sum())


def evaluate(
    contestants: Sequence[Contestant], batches: Iterable[Batch], *, device: torch.device, forward_images: int
) -> Iterator[list[Predictions]]:
    """Yield, batch by batch, the predictions of every contestant in order.

    Each forward pass takes exactly `forward_images` images, the last one filled up with black ones that are not
    counted: kernels, and with them the last bits of the logits, depend on the number of images.
    Raises InvalidMeasurementError for logits that are not finite.
    """
    for batch in batches:
        labels = np.array([sample.label for sample in batch.samples], dtype=np.int16)
        outputs: list[list[Tensor]] = [[] for _ in contestants]
        for start in range(0, len(labels), forward_images):
            inputs = {
                stream: normalise(_filled(frames[start : start + forward_images], forward_images, device), stream)
                for stream, frames in batch.frames.items()
            }
            for contestant, out in zip(contestants, outputs, strict=True):
                out.append(_best(contestant, inputs[contestant.preprocess]))
        yield [
            _predictions(torch.cat(out)[: len(labels)], labels, c) for c, out in zip(contestants, outputs, strict=True)
        ]


def join(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of consecutive batches as one."""
    return Predictions(
        labels=np.concatenate([part.labels for part in parts]),
        top5=np.concatenate([part.top5 for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        logsumexp=np.concatenate([part.logsumexp for part in parts]),
    )


def _filled(frames: Tensor, count: int, device: torch.device) -> Tensor:
    frames = frames.to(device, non_blocking=True)
    missing = count - len(frames)
    return torch.cat([frames, frames.new_zeros((missing, *frames.shape[1:]))]) if missing else frames


@torch.inference_mode()
def _best(contestant: Contestant, inputs: Tensor) -> Tensor:
    """Return (N, 11) float32 on the device: five classes, their logits, and the logsumexp."""
    logits = contestant.model(inputs).float()
    values, classes = logits.topk(min(5, logits.shape[1]))
    return torch.cat([classes.float(), values, logits.logsumexp(1, keepdim=True)], dim=1)


def _predictions(best: Tensor, labels: NDArray[np.int16], contestant: Contestant) -> Predictions:
    table = best.cpu().numpy()
    if not np.isfinite(table).all():
        raise InvalidMeasurementError(
            f"{contestant.name}: its logits are not finite; check the checkpoint, or evaluate in fp32"
        )
    width = table.shape[1] // 2
    return Predictions(
        labels=labels,
        top5=table[:, :width].astype(np.int16),
        logits=table[:, width:-1],
        logsumexp=table[:, -1],
    )
