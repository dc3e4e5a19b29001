"""The test images of CIFAR-10 and CIFAR-100, as their binary and their Python versions keep them."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from resbench.accuracy.dataset import File, ImageSet, Sample
from resbench.errors import ResbenchError

IMAGE_BYTES = 3 * 32 * 32  # the planes of red, green and blue
_LARGEST_BYTES = 1 << 26  # of a batch: 10,000 images take 31 MB


@dataclass(frozen=True, slots=True)
class _Version:
    """A file of test images."""

    set_name: str
    classes: int
    labels: str  # the key of the labels in the Python version
    label_bytes: int  # before each image in the binary version, the class last


_TEN, _HUNDRED = _Version("CIFAR-10", 10, "labels", 1), _Version("CIFAR-100", 100, "fine_labels", 2)
_BINARY = {"test_batch.bin": _TEN, "test.bin": _HUNDRED}
_PICKLED = {"test_batch": _TEN, "test": _HUNDRED}
_FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")


def test_batch(path: Path) -> File | None:
    """Return the test batch that `path` is or holds. Raises ResbenchError where it holds several."""
    places = [path] if path.is_file() else [path / folder / name for folder in _FOLDERS for name in _BINARY | _PICKLED]
    files = [
        File(name=place.name, path=place, size_bytes=place.stat().st_size)
        for place in places
        if place.name in _BINARY | _PICKLED and place.is_file()
    ]
    return batch_among(path, files)


def batch_among(path: Path, files: Sequence[File]) -> File | None:
    """Return the test batch among the files at `path`, by its name. Raises ResbenchError for several."""
    batches = [file for file in files if file.base in _BINARY or (file.base in _PICKLED and file.size_bytes)]
    if len(batches) > 1:
        names = " and ".join(file.name for file in batches[:2])
        raise ResbenchError(f"{path}: several test batches of CIFAR ({names}); give one of them")
    return next(iter(batches), None)


def open_test_batch(batch: File) -> ImageSet:
    """Return the images of a test batch. Raises ResbenchError when it is none."""
    binary = batch.base in _BINARY
    version = (_BINARY | _PICKLED)[batch.base]
    place = f"{batch.path}" if batch.path.name == batch.base else f"{batch.path}: {batch.name}"
    if batch.size_bytes > _LARGEST_BYTES:
        raise ResbenchError(
            f"{place}: not {version.set_name}'s test batch ({batch.size_bytes:,} bytes); fetch it again"
        )
    try:
        data = batch.read()
    except OSError as error:
        raise ResbenchError(f"{place}: {error}; fetch it again") from None
    labels, planes = _binary(place, version, data) if binary else _pickled(place, version, data)
    if wrong := next((label for label in labels if not 0 <= label < version.classes), None):
        kind = "binary test batch" if binary else "test batch"
        raise ResbenchError(f"{place}: not {version.set_name}'s {kind} (a label is {wrong}); fetch it again")
    reader = _Planes(planes)
    samples = tuple(
        Sample(
            name=f"{batch.base}/{index:05d}",
            path=batch.path,
            offset=index,
            size_bytes=IMAGE_BYTES,
            reader=reader,
            label=label,
            encoding="cifar",
        )
        for index, label in enumerate(labels)
    )
    layout = "binary batch" if binary else "Python batch"
    return ImageSet(name=version.set_name, layout=layout, classes=version.classes, samples=samples)


@dataclass(frozen=True, slots=True, eq=False)
class _Planes:
    """Reads images out of a batch, which takes 31 MB."""

    data: bytes

    def read(self, file: File) -> bytes:
        """Return the planes of an image."""
        return self.data[file.offset * IMAGE_BYTES : (file.offset + 1) * IMAGE_BYTES]


def _binary(place: str, version: _Version, data: bytes) -> tuple[list[int], bytes]:
    row = version.label_bytes + IMAGE_BYTES
    count, rest = divmod(len(data), row)
    if rest or not count:
        raise ResbenchError(
            f"{place}: not {version.set_name}'s binary test batch (its size is no multiple of {row}); fetch it again"
        )
    planes = b"".join(data[start + version.label_bytes : start + row] for start in range(0, len(data), row))
    return list(data[version.label_bytes - 1 :: row]), planes


def _pickled(place: str, version: _Version, data: bytes) -> tuple[list[int], bytes]:
    """Read a pickle that holds text, numbers and one array of bytes; nothing that it names is called."""
    try:
        values = {_text(key): value for key, value in _Unpickler(BytesIO(data), encoding="bytes").load().items()}
        labels, array = list(values[version.labels]), values["data"]
        planes = array.bytes_of(len(labels))
        if not labels or not all(type(label) is int for label in labels):
            raise ValueError("labels are no numbers")
    except Exception as error:  # the instructions of a damaged file may fail in any way
        reason = str(error).partition("\n")[0][:100] or type(error).__name__
        raise ResbenchError(f"{place}: not {version.set_name}'s Python batch ({reason}); fetch it again") from None
    return labels, planes


def _text(key: Any) -> str:
    return key.decode("ascii", "replace") if isinstance(key, bytes) else str(key)


class _Array:
    """Stands for a numpy array in a pickle, and keeps what describes it."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def bytes_of(self, images: int) -> bytes:
        """Return the planes of so many images. Raises ValueError when the array has another shape or type."""
        _, shape, kind, is_fortran, data = self.state
        if tuple(shape) != (images, IMAGE_BYTES) or kind.code not in ("u1", "|u1", b"u1", b"|u1") or is_fortran:
            raise ValueError("an array of another shape or type")
        if not isinstance(data, bytes) or len(data) != images * IMAGE_BYTES:
            raise ValueError("its array is cut off")
        return data


class _Kind:
    """Stands for numpy's type of an array in a pickle."""

    def __init__(self, code: Any, *_: object) -> None:
        self.code = code

    def __setstate__(self, _: object) -> None:
        pass


def _array(*_: object) -> _Array:
    return _Array()


def _encoded(text: str, coding: str) -> bytes:
    """Do what _codecs.encode does in pickles of Python 3 with protocol 2, which have no bytes."""
    if coding != "latin1":
        raise ValueError("text in another coding")
    return text.encode("latin1")


_STANDS_FOR: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encoded,
}


class _Unpickler(pickle._Unpickler):  # in Python, because that in C fills the memory for a high index
    """Knows what stands for an array of numpy, and nothing else."""

    # That instruction takes the memory that it states before it reads anything.
    dispatch: ClassVar[dict[int, Any]] = {
        code: load for code, load in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name. Raises UnpicklingError for all that no array needs."""
        if (module, name) not in _STANDS_FOR:
            raise pickle.UnpicklingError(f"it names {module[:40]}.{name[:40]}")
        return _STANDS_FOR[module, name]
