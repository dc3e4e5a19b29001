"""From files to batches of frames: threads decode each image once, for all the streams that want it."""

import random
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor

from resbench.accuracy.cache import FrameCache
from resbench.accuracy.dataset import Sample
from resbench.accuracy.decoders import Decoder, decoder_named
from resbench.accuracy.readable import UNREADABLE, Unreadable, UnreadableImagesError, reason
from resbench.zoo.spec import Preprocess

LOOKAHEAD = 3  # batches: enough to hide one slow image, little enough to bound the memory
MOST_PER_TASK = 8  # images that a thread takes at a time, where all threads have some: handing over costs a hundredth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Consecutive images of a set, prepared once for each way of preprocessing."""

    first: int  # place of the first image in the set
    samples: tuple[Sample, ...]
    frames: dict[Preprocess, Tensor]  # (N, H, W, 3) uint8 on the CPU, pinned for CUDA, or where they were decoded


def batches(
    samples: Sequence[Sample],
    streams: Sequence[Preprocess],
    *,
    starts: Iterable[int],
    batch_size: int,
    workers: int,
    pinned: bool = False,
    caches: Mapping[Preprocess, FrameCache] | None = None,
    decoder: Decoder | None = None,
) -> Generator[Batch]:
    """Yield the batches of `samples` that begin at `starts`, in that order; the last of a set is as large as it is.

    Frames that `caches` hold are taken from there, others are added to them, where the images' digests are known.

    Raises UnreadableImagesError, naming every image of the batch that failed.
    """
    parts = ((start, samples[start : start + batch_size]) for start in starts)
    return _stream(parts, streams, workers, pinned, caches or {}, decoder or decoder_named("pillow"))


def endless(
    samples: Sequence[Sample],
    stream: Preprocess,
    *,
    batch_size: int,
    workers: int,
    seed: int,
    pinned: bool,
    decoder: Decoder,
) -> Generator[Batch]:
    """Yield full batches for ever: all of `samples` in a random order, then all in another; the same for a `seed`.

    Samples that lie in blocks come in their own order each time, as they can be read.
    Raises UnreadableImagesError as `batches` does.
    """
    images = _rounds(samples, random.Random(seed))
    parts = ((0, tuple(islice(images, batch_size))) for _ in count())
    return _stream(parts, [stream], workers, pinned, {}, decoder)


def _rounds(samples: Sequence[Sample], chance: random.Random) -> Iterator[Sample]:
    in_blocks = any(sample.block for sample in samples)
    while True:
        yield from samples if in_blocks else chance.sample(samples, len(samples))


def _stream(
    parts: Iterable[tuple[int, Sequence[Sample]]],
    streams: Sequence[Preprocess],
    workers: int,
    pinned: bool,
    caches: Mapping[Preprocess, FrameCache],
    decoder: Decoder,
) -> Generator[Batch]:
    with ThreadPoolExecutor(workers, "decode", initializer=single_core) as pool:
        under_way: deque[tuple[Batch, list[Future[list[Unreadable]]]]] = deque()
        try:
            for start, part in parts:
                under_way.append(_submit(pool, workers, start, part, streams, pinned, caches, decoder))
                if len(under_way) > LOOKAHEAD:
                    yield _finished(*under_way.popleft())
            while under_way:
                yield _finished(*under_way.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def single_core() -> None:
    """Let torch use one core in this thread of a pool: its own would wait for one another, and for these threads."""
    torch.set_num_threads(1)


def _submit(
    pool: ThreadPoolExecutor,
    workers: int,
    first: int,
    samples: Sequence[Sample],
    streams: Sequence[Preprocess],
    pinned: bool,
    caches: Mapping[Preprocess, FrameCache],
    decoder: Decoder,
) -> tuple[Batch, list[Future[list[Unreadable]]]]:
    pinned = pinned and decoder.device is None
    frames = {
        stream: torch.empty(
            (len(samples), stream.crop_px, stream.crop_px, 3),
            dtype=torch.uint8,
            device=decoder.device,
            pin_memory=pinned,
        )
        for stream in streams
    }
    views = frames if decoder.device else {stream: tensor.numpy() for stream, tensor in frames.items()}
    share = max(1, min(MOST_PER_TASK, len(samples) // workers))
    futures = [
        pool.submit(_prepare_some, samples[row : row + share], views, row, caches, decoder)
        for row in range(0, len(samples), share)
    ]
    return Batch(first=first, samples=tuple(samples), frames=frames), futures


def _prepare_some(
    samples: Sequence[Sample],
    views: Mapping[Preprocess, Any],
    row: int,
    caches: Mapping[Preprocess, FrameCache],
    decoder: Decoder,
) -> list[Unreadable]:
    """Fill the rows from `row` on, and return what cannot be decoded."""
    failed = []
    for place, sample in enumerate(samples, row):
        try:
            _prepare(sample, views, place, caches, decoder)
        except UNREADABLE as error:
            failed.append(Unreadable(name=sample.name, reason=reason(error)))
    return failed


def _prepare(
    sample: Sample,
    views: Mapping[Preprocess, Any],
    row: int,
    caches: Mapping[Preprocess, FrameCache],
    decoder: Decoder,
) -> None:
    kept = {stream: cache.load(sample.digest) for stream, cache in caches.items()}
    image = None
    for stream, view in views.items():
        if (frame := kept.get(stream)) is None:
            image = decoder.image(sample) if image is None else image
            frame = decoder.frame(image, stream)
            if stream in caches and sample.digest:
                caches[stream].store(sample.digest, frame)
        view[row] = frame


def _finished(batch: Batch, futures: list[Future[list[Unreadable]]]) -> Batch:
    failed = [image for future in futures for image in future.result()]
    if failed:
        raise UnreadableImagesError(failed)
    return batch
