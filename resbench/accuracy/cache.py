"""Frames kept on disk, so that the next validation of the same images decodes nothing."""

import os
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from resbench import units
from resbench.accuracy.dataset import DIGEST_BYTES
from resbench.accuracy.pixels import Frame
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameCache:
    """The frames for one way of preprocessing, found by the content of the image file that they were made from.

    Every process appends to two files of its own: frames, and the digests of their images. So runs at the same time,
    of whatever layouts, never write over a frame that another one reads.
    """

    folder: Path
    crop_px: int
    kept: dict[bytes, tuple[Frame, int]]  # digest -> frames of a file, and the row there
    own: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")
    lock: Lock = field(default_factory=Lock)

    def load(self, digest: bytes) -> Frame | None:
        """Return the frame of the image with that digest, or None when it is not there."""
        frames, row = self.kept.get(digest, (None, 0))
        return None if frames is None else frames[row]

    def store(self, digest: bytes, frame: Frame) -> None:
        """Keep the frame of an image. Raises ResbenchError when the disk is full.

        The digest is written last, so that a frame that was cut off does not count.
        """
        path = self.folder / f"{self.own}.frames"
        try:
            with self.lock:
                _append(path, frame.tobytes())
                _append(path.with_suffix(".digests"), digest)
        except OSError as error:
            raise ResbenchError(f"{path}: {error.strerror}; make room, or leave --cache out") from None

    def check_room(self, digests: Collection[bytes]) -> None:
        """Raise ResbenchError when the disk has no room for the frames of images that are not kept yet."""
        needed = sum(digest not in self.kept for digest in set(digests)) * self.crop_px**2 * 3
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            room = f"{units.size(free)} free, the frames take {units.size(needed)}"
            raise ResbenchError(f"{self.folder}: {room}; choose another --cache folder")


def open_cache(root: Path, preprocess: Preprocess, decoder: str) -> FrameCache:
    """Return the cache below `root` for images prepared like this, made when there is none.

    Raises ResbenchError when it cannot be written.
    """
    crop = preprocess.crop_px
    words: list[str | int] = [preprocess.resize_px, crop, preprocess.interpolation, preprocess.crop_mode]
    if preprocess.crop_mode == "border":
        words += [round(255 * value) for value in preprocess.mean]
    if preprocess.border_px:
        words.append(f"less{preprocess.border_px}")
    if preprocess.place != "center":
        words.append(preprocess.place)
    folder = root / "-".join(map(str, [*words, decoder.replace(" ", "")]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = {digest: place for path in folder.glob("*.digests") for digest, place in _frames(path, crop).items()}
    except OSError as error:
        raise ResbenchError(f"{folder}: {error.strerror}; choose another --cache folder") from None
    return FrameCache(folder=folder, crop_px=crop, kept=kept)


def _frames(digests: Path, crop: int) -> dict[bytes, tuple[Frame, int]]:
    """Return where the frames of one process are; a row whose digest or frame was cut off is left out."""
    known, path = digests.read_bytes(), digests.with_suffix(".frames")
    count = min(len(known) // DIGEST_BYTES, path.stat().st_size // (crop * crop * 3) if path.exists() else 0)
    if not count:
        return {}
    frames = np.memmap(path, np.uint8, "r", shape=(count, crop, crop, 3))
    return {known[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]: (frames, row) for row in range(count)}


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(data)
