"""What images come in that resbench does not read: recognised, and named with the next step."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from resbench.accuracy.dataset import File

_UNPACK = "unpack it first, and give the folder"
_EXPORT = "write the images to files first, in one folder per WordNet id (n01440764)"


class Container(NamedTuple):
    """A kind of file that holds images."""

    what: str
    next_step: str
    name: str  # a pattern for the names of such files, in small letters
    beginnings: tuple[bytes, ...] = ()


_CONTAINERS = (  # the first that fits counts
    Container(
        "compressed, so that no image can be reached without unpacking all",
        _UNPACK,
        r".*\.(tar\.\w+|gz|bz2|xz|zst)",
        (b"\x28\xb5\x2f\xfd",),
    ),
    Container("a 7z archive", _UNPACK, r".*\.7z", (b"7z\xbc\xaf\x27\x1c",)),
    Container("a RAR archive", _UNPACK, r".*\.rar", (b"Rar!",)),
    Container("an LMDB database", _EXPORT, r".*\.(lmdb|mdb)"),
    Container("a TFRecord file", _EXPORT, r".*\.tfrecords?(-.*)?|.*-\d{5}-of-\d{5}"),
    Container("an FFCV file", _EXPORT, r".*\.beton"),
    Container("a RecordIO file of MXNet", _EXPORT, r".*\.rec"),
    Container("an HDF5 file", _EXPORT, r".*\.(h5|hdf5)", (b"\x89HDF",)),
    Container("a NumPy array", _EXPORT, r".*\.(npy|npz)", (b"\x93NUMPY",)),
    Container("a file of MNIST's format", _EXPORT, r".*idx\d-ubyte"),
    Container(
        "a batch of CIFAR with training images",
        "give the test batch",
        r"data_batch_\d(\.bin)?|train(\.bin)?|batches\.meta",
    ),
    Container("a Python pickle", _EXPORT, r".*\.(pkl|pickle|p)"),
    Container("a MATLAB file", _EXPORT, r".*\.mat"),
)
_LABELS = re.compile(r".*\.(csv|tsv)|.*(label|annotation|ground_?truth|synset|class|val|test|gt).*\.txt", re.IGNORECASE)
_NOT_ONE = "neither a folder nor a tar archive; give a folder of images or an archive of them (.tar, .zip, .tar.gz)"


def is_known(path: Path, beginning: bytes) -> bool:
    """Tell whether a file with this `beginning` is a container of a kind that is not read."""
    kind = _by_name(path.name)
    return kind is not None or any(beginning.startswith(kind.beginnings) for kind in _CONTAINERS if kind.beginnings)


def refusal(path: Path) -> str:
    """Return what the file at `path`, which is none that is read, is instead, and the next step."""
    try:
        with path.open("rb") as stream:
            beginning = stream.read(16)
    except OSError as error:
        return f"{error.strerror}; make it readable"
    known = _by_name(path.name) or next((kind for kind in _CONTAINERS if beginning.startswith(kind.beginnings)), None)
    return _NOT_ONE if known is None else f"{known.what}; {known.next_step}"


def no_images(files: Sequence[File]) -> str:
    """Return what lies at a place instead of images, and the next step."""
    if not files:
        return "empty; unpack the validation images there, as they come or in one folder per WordNet id"
    kinds = [(file, kind) for file in files if (kind := _by_name(file.base))]
    if not kinds:
        return f"no images among {len(files):,} files ({files[0].name}, ...); give the folder of the validation images"
    file, kind = kinds[0]
    alike = sum(kind is other for _, other in kinds)
    more = f" and {alike - 1:,} more of the kind" if alike > 1 else ""
    return f"no images, but {kind.what} ({file.name}){more}; {kind.next_step}"


def labels_beside(path: Path, files: Sequence[File]) -> str:
    """Return how the classes of images without any may be given, by what lies beside them."""
    candidates = [file for file in files if not file.is_image and _LABELS.fullmatch(file.base)]
    if candidates and path.is_dir():
        return f"give --labels FILE ({path / candidates[0].name} may be one), or one folder per WordNet id (n01440764)"
    return "give --labels FILE, or one folder per WordNet id (n01440764)"


def _by_name(name: str) -> Container | None:
    base = PurePosixPath(name).name.lower()
    return next((kind for kind in _CONTAINERS if re.fullmatch(kind.name, base)), None)
