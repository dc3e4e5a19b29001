"""ImageNet-C's corruptions, made from clean images by a library (`imagecorruptions-imaug`), or faster (`quick_kinds`).

An image is resized and cropped as ImageNet-C's were, corrupted, stored as a JPEG of their quality, and decoded again
(`decoders.corrupting`). Processes that do it do not import torch.
"""

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from threading import Lock

import numpy as np
from PIL import Image

from resbench.accuracy.inspection import leave_interrupts
from resbench.accuracy.quick_kinds import QUICK, Levels
from resbench.errors import ResbenchError
from resbench.records.corruptions import COMMON_KINDS, EXTRA_KINDS, SEVERITIES

PACKAGE = "imagecorruptions-imaug"
JPEG_QUALITY = 85  # create_c/make_imagenet_c.py of github.com/hendrycks/robustness
SMALLEST_PX = 32  # that the library corrupts
_OWN_SEED = ("impulse_noise", "glass_blur")  # take a seed, and do not heed numpy's
_NUMPYS = Lock()  # its global generator is what the others draw from


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """A kind of corruption, from severity 1 to 5."""

    kind: str
    severity: int


Corrupt = Callable[[Levels, Corruption, int], Levels]  # levels, what is done to them, a seed


def chosen_corruptions(words: str) -> tuple[Corruption, ...]:
    """Read "all", "common", or kinds with commas between, each for all severities or for one: "fog,snow:3".

    Raises ResbenchError for what is none of them.
    """
    kinds = {"all": (*COMMON_KINDS, *EXTRA_KINDS), "common": COMMON_KINDS}
    chosen: dict[Corruption, None] = {}
    for word in words.split(","):
        kind, _, severity = word.strip().partition(":")
        if kind not in kinds and kind not in kinds["all"]:
            raise ResbenchError(f"--corruptions {word}: unknown; choose from all, common, {', '.join(kinds['all'])}")
        if severity and severity not in map(str, SEVERITIES):
            raise ResbenchError(f"--corruptions {word}: no severity; give one from 1 to 5, as in fog:3")
        severities = (int(severity),) if severity else SEVERITIES
        chosen |= {Corruption(kind=k, severity=s): None for k in kinds.get(kind, (kind,)) for s in severities}
    return tuple(chosen)


def library() -> str:
    """Return the library with its version. Raises ResbenchError when it is not installed, or lacks what it needs."""
    try:
        import imagecorruptions  # noqa: F401

        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        raise ResbenchError(
            f"--corruptions: another package than {PACKAGE} provides imagecorruptions; uninstall it and "
            f"pip install {PACKAGE}"
        ) from None
    except ImportError as error:
        needed = f"{PACKAGE} opencv-python-headless"  # opencv-python, which it asks for, needs a desktop's libraries
        raise ResbenchError(f"--corruptions: needs {PACKAGE} ({error}); pip install {needed}") from None


def corrupted(levels: Levels, corruption: Corruption, seed: int) -> Levels:
    """Return a corrupted image (H, H, 3), as a JPEG of ImageNet-C gives it back; the same for the same seed."""
    if quick := QUICK.get(corruption.kind):
        made = quick(levels, corruption.severity, np.random.RandomState(seed)).astype(np.uint8)
    else:
        made = _by_library(levels, corruption, seed)
    stream = io.BytesIO()
    Image.fromarray(made).save(stream, "JPEG", quality=JPEG_QUALITY)  # ImageNet-C has it optimised: no pixel changes
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))


def _by_library(levels: Levels, corruption: Corruption, seed: int) -> Levels:
    import imagecorruptions

    own = {"seed": seed} if corruption.kind in _OWN_SEED else {}
    with _NUMPYS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = np.random.get_state()
        try:
            np.random.seed(seed)
            return imagecorruptions.corrupt(
                levels, severity=corruption.severity, corruption_name=corruption.kind, **own
            )
        finally:
            np.random.set_state(state)


def seed_of(digest: bytes, corruption: Corruption) -> int:
    """Return a seed for an image of this content: the same in every run, layout and rank."""
    words = digest + f"{corruption.kind} {corruption.severity}".encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=4).digest(), "little")


@contextlib.contextmanager
def corrupting_in(workers: int, *, processes: bool, prepare: Callable[[], None] | None = None) -> Iterator[Corrupt]:
    """Yield what corrupts images: in as many processes, or in this one, image after image.

    Only programs that can be imported without running may start processes; each begins with `prepare`.
    """
    if workers == 1 or not processes:
        yield corrupted
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_alone, initargs=(prepare,)) as pool:

        def run(levels: Levels, corruption: Corruption, seed: int) -> Levels:
            try:
                return pool.submit(corrupted, levels, corruption, seed).result()
            except BrokenProcessPool:
                raise ResbenchError("a process that corrupts images was killed; give fewer --workers, or 1") from None

        try:
            yield run
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(prepare: Callable[[], None] | None) -> None:
    """Prepare a process that corrupts images: one core, Ctrl-C for the process that started it."""
    leave_interrupts()
    if prepare:
        prepare()
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    import cv2

    cv2.setNumThreads(1)
