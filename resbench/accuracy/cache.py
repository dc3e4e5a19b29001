"""Frames kept on disk, so that the next validation of the same images decodes nothing."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resbench import units
from resbench.accuracy.dataset import ImageSet
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameCache:
    """The frames of one set for one way of preprocessing: a file of frames, and one of marks for those it holds.

    A mark is the time at which the image's file was last written to, so that a file that was replaced by another of
    the same name and size is decoded again.
    """

    frames: NDArray[np.uint8]  # (N, crop_px, crop_px, 3), mapped into memory for reading
    marks: NDArray[np.int64]  # (N,), 0 where there is no frame
    times: NDArray[np.int64]  # (N,), of the files as they are now
    path: Path

    def load(self, place: int) -> NDArray[np.uint8] | None:
        """Return the frame of an image, or None when it is not there, or of an earlier file."""
        return self.frames[place] if self.marks[place] == self.times[place] else None

    def store(self, place: int, frame: NDArray[np.uint8]) -> None:
        """Keep the frame of an image. Raises ResbenchError when the disk is full.

        Written, not mapped: a full disk then is an error instead of the end of the process. The mark comes last, so
        that a frame that was cut off does not count.
        """
        mark, file = self.times[place], _marks(self.path)
        try:
            if self.marks[place]:
                _write(file, bytes(mark.nbytes), place * mark.nbytes)
            _write(self.path, frame.tobytes(), place * frame.nbytes)
            _write(file, mark.tobytes(), place * mark.nbytes)
        except OSError as error:
            raise ResbenchError(f"{self.path}: {error.strerror}; make room, or leave --cache out") from None


def open_cache(root: Path, images: ImageSet, preprocess: Preprocess, decoder: str) -> FrameCache:
    """Return the cache below `root` for `images` prepared so, made when there is none.

    Raises ResbenchError when it cannot be written, or there is no room for it.
    """
    crop, count = preprocess.crop_px, len(images.samples)
    times = np.array([max(1, one.modified_ns) for one in images.samples], np.int64)
    words = [images.fingerprint[:16], preprocess.resize_px, crop, preprocess.interpolation, preprocess.crop_mode]
    if preprocess.crop_mode == "border":
        words += [round(255 * value) for value in preprocess.mean]
    path = root / f"{'-'.join(map(str, [*words, decoder.replace(' ', '')]))}.frames"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for file, size in ((path, count * crop * crop * 3), (_marks(path), times.nbytes)):
            with file.open("ab") as stream:
                stream.truncate(size)  # takes no room before it is written to
        _check_room(path, np.fromfile(_marks(path), np.int64), crop * crop * 3)
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; choose another --cache folder") from None
    return FrameCache(
        frames=np.memmap(path, np.uint8, "r", shape=(count, crop, crop, 3)),
        marks=np.memmap(_marks(path), np.int64, "r", shape=(count,)),
        times=times,
        path=path,
    )


def _check_room(path: Path, marks: NDArray[np.int64], frame_bytes: int) -> None:
    needed, free = int((marks == 0).sum()) * frame_bytes, shutil.disk_usage(path.parent).free
    if needed > free:
        room = f"{units.size(free)} free, the frames take {units.size(needed)}"
        raise ResbenchError(f"{path.parent}: {room}; choose another --cache folder")


def _marks(path: Path) -> Path:
    return path.with_suffix(".times")


def _write(path: Path, data: bytes, offset: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)
