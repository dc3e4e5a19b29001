"""What each image file is: whether it can be decoded, and what is odd about it."""

import io
import signal
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from PIL import Image

from resbench.accuracy.dataset import IMAGE_FORMATS, Sample, digest_of
from resbench.accuracy.readable import FORMATS, UNREADABLE, Unreadable, check_size, reason, resized
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess

Item = TypeVar("Item")
Result = TypeVar("Result")
_CAMERAS = {"MPO": "JPEG"}  # JPEG with further pictures behind, of which nobody decodes more than the first
_ORIENTATION = 0x0112  # the EXIF tag
MISNAMED, TURNED = " under the name of another format", "rotated by EXIF"
DEEP = "more than 8 bits per level"
MOST_PER_TASK = 32  # images: handing over costs as much as looking at a small one
FEWEST_FOR_PROCESSES = 4000  # what they save then is more than what it costs to start them


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What one image file is."""

    name: str
    fault: str | None = None  # why it cannot be decoded
    traits: tuple[str, ...] = ()  # what is odd about it, though it can be decoded
    digest: bytes = b""  # of the image file, where it can be read


def _unknown(_: bytes) -> bool:
    return False


def inspect(
    samples: Sequence[Sample],
    *,
    workers: int,
    on_image: Callable[[int], None] = lambda _: None,
    known: Callable[[bytes], bool] = _unknown,
    streams: Sequence[Preprocess] = (Preprocess(),),
    processes: bool = False,
) -> list[Inspection]:
    """Look at every image, in order; `on_image` hears how many were looked at.

    Images whose digest is `known` were decoded before: they are read, but not parsed. An image that is too large when
    it is resized for one of the `streams` cannot be decoded. Many small images are looked at faster in `processes`,
    which only programs may start that can be imported without running; not those that a reader shares among threads.
    """
    look = partial(_inspect_some, known=known, streams=streams)
    share = max(1, min(MOST_PER_TASK, len(samples) // (4 * workers)))
    parts = [samples[start : start + share] for start in range(0, len(samples), share)]
    processes = processes and workers > 1 and len(samples) >= FEWEST_FOR_PROCESSES
    several = _in_processes if processes and not any(sample.reader for sample in samples) else in_order
    inspections: list[Inspection] = []
    for part in several(look, parts, workers=workers):
        inspections += part
        on_image(len(inspections))
    return inspections


def unreadable(inspections: Sequence[Inspection]) -> tuple[Unreadable, ...]:
    """Return the images that cannot be decoded."""
    return tuple(
        Unreadable(name=inspection.name, reason=inspection.fault) for inspection in inspections if inspection.fault
    )


def in_order(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Iterator[Result]:
    """Yield `function` of each item in order, computed in threads, a bounded number of them ahead."""
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from _bounded(pool, function, items, workers)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _in_processes(function: Callable[[Item], Result], items: Sequence[Item], *, workers: int) -> Iterator[Result]:
    """Do as `in_order` in processes, for what Python's lock lets one thread do at a time."""
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=leave_interrupts) as pool:
        try:
            yield from _bounded(pool, function, items, workers)
        except BrokenProcessPool:
            raise ResbenchError("a process that checks images was killed; give fewer --workers, or 1") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def leave_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _bounded(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    under_way: deque[Future[Result]] = deque()
    for item in items:
        under_way.append(pool.submit(function, item))
        if len(under_way) > 16 * workers:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _inspect_some(
    samples: Sequence[Sample], known: Callable[[bytes], bool], streams: Sequence[Preprocess]
) -> list[Inspection]:
    return [_inspect(sample, known, streams) for sample in samples]


def _inspect(sample: Sample, known: Callable[[bytes], bool], streams: Sequence[Preprocess]) -> Inspection:
    """Parse the whole file; for JPEG at an eighth of the size, which costs a third of decoding in full."""
    if not sample.size_bytes:
        return Inspection(name=sample.name, fault="empty file" if sample.path.exists() else "link to nothing")
    digest = b""
    try:
        data = sample.image_file()
        digest = digest_of(data)
        if sample.encoding == "cifar" or known(digest):
            return Inspection(name=sample.name, digest=digest)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_size(image.size)
            for stream in streams:
                resized(image.size, stream)
            mode, format_ = image.mode, _CAMERAS.get(image.format or "", image.format)
            image.draft("L", (1, 1))
            image.load()
            rotated = _rotated(image)
    except UNREADABLE as error:
        return Inspection(name=sample.name, fault=reason(error), digest=digest)
    deep = mode.startswith(("I", "F"))
    traits = {
        f"{format_}{MISNAMED}": IMAGE_FORMATS.get(sample.suffix) != format_,
        f"{mode} instead of RGB or grey": mode not in ("RGB", "L") and not deep,
        DEEP: deep,
        TURNED: rotated,
    }
    odd = tuple(trait for trait, there in traits.items() if there)
    return Inspection(name=sample.name, traits=odd, digest=digest)


def _rotated(image: Image.Image) -> bool:
    if image.format == "JPEG" and "exif" not in image.info:
        return False
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error, UserWarning):
        return False  # damaged EXIF data do not hurt the pixels
