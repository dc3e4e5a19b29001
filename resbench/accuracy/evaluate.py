"""Which classes networks see in images."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from resbench.accuracy.loader import Batch, single_core
from resbench.accuracy.pixels import normalise
from resbench.accuracy.views import ImageView
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.records.predictions import ROW, SCALES, Rows
from resbench.records.record import TtaAverage
from resbench.zoo.spec import Preprocess

# Forward passes on the CPU take as many images as 16 of 224 px, where memory is kept (allocator.py): fewer leave the
# small layers slow, more gain nothing. Otherwise 8 would do as well: what is larger goes back to the system after every
# layer, and the page faults cost what the larger pass gains.
CPU_PIXELS = 16 * 224 * 224


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contestant:
    """A network on its device, and how it wants its images."""

    name: str
    identity: str  # of everything that its logits depend on besides the images: weights, settings
    forward: Callable[[Tensor], Tensor]
    preprocess: Preprocess
    among: tuple[int, ...] | None = None  # classes that an answer is chosen from; None: all
    alike: tuple[tuple[int, ...], ...] = ()  # classes that count as one, each time the first of them
    views: tuple[ImageView, ...] = ()  # of an image, whose answers are averaged; none: one, as `preprocess` has it
    average: TtaAverage = "softmax"  # of probabilities, or of logits

    @property
    def seen_as(self) -> tuple[ImageView, ...]:
        """The inputs that are made of an image."""
        return self.views or (ImageView(preprocess=self.preprocess),)

    @property
    def streams(self) -> list[Preprocess]:
        """How images are prepared for these inputs, each way once."""
        return list(dict.fromkeys(view.preprocess for view in self.seen_as))

    @property
    def largest(self) -> Preprocess:
        """How the largest of these inputs is prepared."""
        return max(self.streams, key=lambda preprocess: preprocess.crop_px)


def evaluate(
    contestants: Sequence[Contestant],
    batches: Iterable[Batch],
    *,
    device: torch.device,
    batch_size: int,
    threads: int | None = 1,
) -> Generator[list[Rows]]:
    """Yield, batch by batch, the rows of every contestant in order.

    Forward passes of one network take the same number of images each, the last one filled up with black ones that are
    not counted: kernels, and with them the last bits of the logits, depend on the number of images. On the CPU
    `threads` passes run at a time, each on one core: threads that share a pass wait for one another after every layer.
    None is one pass at a time on as many cores as torch is set to.
    Raises InvalidMeasurementError for logits that are not finite, ResbenchError when memory does not suffice.
    """
    with ThreadPoolExecutor(threads or 1, "forward", initializer=single_core if threads else None) as pool:
        under_way: deque[tuple[Batch, list[list[Future[Tensor]]]]] = deque()
        try:
            for batch in batches:
                passes = [_submit(pool, contestant, batch, device, batch_size) for contestant in contestants]
                under_way.append((batch, passes))
                while _behind_first(under_way) >= (threads or 1):  # no core waits while the first is dealt with
                    yield _finished(contestants, *under_way.popleft())
            while under_way:
                yield _finished(contestants, *under_way.popleft())
        except torch.OutOfMemoryError:
            fits = largest_batch(contestants, device, most=batch_size // 2)
            raise ResbenchError(f"batch {batch_size}: out of memory on {device}; --batch-size {fits} fits") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def images_per_pass(preprocess: Preprocess, device: torch.device, batch_size: int) -> int:
    """Return how many images a forward pass takes: on the CPU a batch is split evenly, so that few are filled up."""
    if device.type != "cpu":
        return batch_size
    fitting = max(1, CPU_PIXELS // preprocess.crop_px**2)
    return math.ceil(batch_size / math.ceil(batch_size / fitting))


def largest_batch(contestants: Sequence[Contestant], device: torch.device, most: int) -> int:
    """Return the largest number of images, `most` halved as often as it takes, that every contestant has memory for.

    Raises ResbenchError when not even one image fits.
    """
    size = most
    while size:
        try:
            for contestant in contestants:
                side = contestant.largest.crop_px
                _best(contestant, [torch.zeros(size, 3, side, side, device=device)], [0] * size)
        except torch.OutOfMemoryError:
            size //= 2
        else:
            return size
    raise ResbenchError(f"{device}: out of memory with one image; choose another --device or fewer networks at once")


def _behind_first(under_way: Iterable[tuple[Batch, list[list[Future[Tensor]]]]]) -> int:
    """Return how many passes were submitted after those of the first batch."""
    return sum(len(futures) for _, passes in islice(under_way, 1, None) for futures in passes)


def _submit(
    pool: ThreadPoolExecutor, contestant: Contestant, batch: Batch, device: torch.device, batch_size: int
) -> list[Future[Tensor]]:
    count = images_per_pass(contestant.largest, device, batch_size)
    frames = [batch.frames[view.preprocess] for view in contestant.seen_as]
    labels = [sample.label for sample in batch.samples]
    parts = [slice(start, start + count) for start in range(0, len(labels), count)]
    return [
        pool.submit(_pass, contestant, [view[part] for view in frames], labels[part], count, device) for part in parts
    ]


def _pass(
    contestant: Contestant, frames: Sequence[Tensor], labels: Sequence[int], count: int, device: torch.device
) -> Tensor:
    missing = count - len(labels)
    inputs = (_input(view, part, missing, device) for view, part in zip(contestant.seen_as, frames, strict=True))
    return _best(contestant, inputs, [*labels, *[0] * missing])[: count - missing]


def _input(view: ImageView, frames: Tensor, missing: int, device: torch.device) -> Tensor:
    frames = frames.to(device, non_blocking=True)
    if missing:
        frames = torch.cat([frames, frames.new_zeros((missing, *frames.shape[1:]))])
    inputs = normalise(frames, view.preprocess)
    return inputs.flip(3) if view.mirrored else inputs


def _finished(contestants: Sequence[Contestant], batch: Batch, passes: list[list[Future[Tensor]]]) -> list[Rows]:
    return [
        _rows(torch.cat([future.result() for future in futures]), batch, contestant)
        for contestant, futures in zip(contestants, passes, strict=True)
    ]


@torch.inference_mode()
def _best(contestant: Contestant, inputs: Iterable[Tensor], labels: Sequence[int]) -> Tensor:
    """Return (N, 13 + SCALES) float32 on the device: five classes, their logits, the logsumexp, and _scores.

    `inputs` are those of one view after the other. A class that ties with the sixth is -1: to name five of them would
    be to go by the order of the classes.
    """
    logits = _averaged([contestant.forward(view).float() for view in inputs], contestant.average)
    logits = _merged(logits, contestant.alike)
    own = logits.gather(1, torch.tensor(labels, device=logits.device).clamp(max=logits.shape[1] - 1)[:, None])
    if contestant.among is not None:
        among = torch.tensor(contestant.among, device=logits.device)
        logits = logits[:, among]
    values, classes = logits.topk(min(6, logits.shape[1]))
    if contestant.among is not None:
        classes = among[classes]
    if logits.shape[1] > 5:
        classes = classes[:, :5].masked_fill(values[:, :5] == values[:, 5:], -1)
        values = values[:, :5]
    return torch.cat([classes.float(), values, _scores(logits, own)], dim=1)


def _averaged(logits: Sequence[Tensor], average: TtaAverage) -> Tensor:
    """Return the mean of the logits of several views, or the logarithm of the mean of their probabilities."""
    if len(logits) == 1:
        return logits[0]
    if average == "logits":
        return torch.stack(list(logits)).mean(0)
    return torch.stack([view.log_softmax(1) for view in logits]).logsumexp(0) - math.log(len(logits))


def _merged(logits: Tensor, alike: Sequence[Sequence[int]]) -> Tensor:
    """Give the first of the classes that count as one the largest of their logits."""
    logits = logits.clone() if alike else logits
    for classes in alike:
        logits[:, classes[0]] = logits[:, list(classes)].amax(1)
    return logits


def _scores(logits: Tensor, own: Tensor) -> Tensor:
    """(N, classes), (N, 1) -> (N, 3 + SCALES): logsumexp, logit of the class, sum of squares, scaled logsumexps."""
    scale = torch.tensor(SCALES, device=logits.device)[:, None]
    whole = logits.logsumexp(1, keepdim=True)
    squares = (logits - whole).exp().square().sum(1, keepdim=True)
    return torch.cat([whole, own, squares, (logits[:, None] * scale).logsumexp(2)], dim=1)


def _rows(best: Tensor, batch: Batch, contestant: Contestant) -> Rows:
    table = best.cpu().numpy()
    if not np.isfinite(table).all():
        raise InvalidMeasurementError(
            f"{contestant.name}: its logits are not finite; check the checkpoint, or evaluate in fp32"
        )
    width = (table.shape[1] - 3 - len(SCALES)) // 2
    rows = np.empty(len(table), ROW)
    rows["place"] = batch.first + np.arange(len(table))
    rows["label"] = [sample.label for sample in batch.samples]
    rows["top5"], rows["logits"] = -1, -np.inf
    rows["top5"][:, :width], rows["logits"][:, :width] = table[:, :width], table[:, width : 2 * width]
    rows["logsumexp"], rows["own"], rows["squares"] = table[:, 2 * width : 2 * width + 3].T
    rows["scaled"] = table[:, 2 * width + 3 :]
    return rows
