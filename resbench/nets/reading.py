"""Files of weights on disk: PyTorch's archives and older pickles, and safetensors. Nothing in them is run.

A tensor is read when it is asked for, so that optimizer states cost nothing. What a file declares is held against
what it has: no file makes resbench use much more memory than it has bytes (docs/architecture.md, "Limits").
"""

import sys
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import safetensors
import torch
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.nets import formats, pickles
from resbench.nets.pickles import Storage, Stored
from resbench.units import integer, size

MAX_PICKLE_BYTES = 64 << 20
MAX_UNPACKED = 20  # times the file; torch.save does not compress, and real weights hardly compress
_MAGIC = 0x1950A86A20F9469CFC6C  # begins what torch.save wrote before version 1.6
_BEGIN_BYTES = 512
_SAFE_TYPES = frozenset(("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8", "U8", "BOOL"))
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others take memory before they are read
_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, *pickles.DAMAGE)


class Opened(Protocol):
    """A file of weights: what it holds, with tensors described, and the tensors themselves."""

    content: Any

    def tensor(self, stored: Any) -> Tensor:
        """Return a tensor of the content. Raises ResbenchError when its elements are not in the file."""


def opened(path: Path) -> Opened:
    """Open a file of weights; the first bytes tell the format, whatever the name says.

    Raises ResbenchError for what is no checkpoint, is damaged, or would run code.
    """
    try:
        with path.open("rb") as stream:
            begin = stream.read(_BEGIN_BYTES)
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; give a file of weights") from None
    if begin[8:9] == b"{":  # after eight bytes of length
        return _Safetensors(path)
    if begin.startswith(b"PK"):
        return _Archive(path)
    if begin.startswith(b"\x80"):
        return _Pickled(path)
    raise ResbenchError(f"{path}: not a checkpoint: {formats.foreign(begin, path)}")


def _refusal(path: Path, error: BaseException) -> ResbenchError:
    if isinstance(error, ResbenchError):
        return error
    if isinstance(error, pickles.RefusedError):
        return ResbenchError(f"{path}: refused: {error}")
    reason = pickles.printable((str(error).splitlines() or ["it ends too early"])[0].rstrip("."))
    return ResbenchError(f"{path}: not a checkpoint, or a damaged one ({reason}); give what torch.save wrote")


def _bytes_each(storage: Storage) -> int:
    itemsize: int = getattr(torch, storage.dtype or "uint8").itemsize
    return itemsize


def _elements(data: bytearray, dtype: str) -> Tensor:
    type_: torch.dtype = getattr(torch, dtype)
    return torch.frombuffer(data, dtype=type_) if data else torch.empty(0, dtype=type_)


def _shaped(elements: Tensor, stored: Stored) -> Tensor:
    """Return the tensor that `stored` describes. Raises ValueError when it reaches beyond `elements`."""
    if not stored.elements:
        return elements.new_empty(stored.shape)
    if stored.offset + stored.elements > len(elements):
        raise ValueError("a tensor reaches beyond its storage")
    return elements.as_strided(stored.shape, stored.strides, stored.offset)


class _Archive:
    """What torch.save writes since version 1.6: a zip archive of a pickle and its storages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.storages: dict[tuple[str, str], Tensor] = {}
        try:
            self.archive = zipfile.ZipFile(path)  # kept open: to open it is to read a directory of all tensors
            self.root = self._checked(self.archive)
            self.content = pickles.load_pickle(BytesIO(self.archive.read(f"{self.root}data.pkl")))
        except (pickles.RefusedError, ResbenchError, *_DAMAGED_ZIP) as error:
            raise _refusal(path, error) from None

    def _checked(self, archive: zipfile.ZipFile) -> str:
        """Return the folder in which everything lies. Raises ResbenchError for what torch.save did not write."""
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        roots = [name.removesuffix("data.pkl") for name in sizes if name.rpartition("/")[2] == "data.pkl"]
        program = any(name.endswith("/constants.pkl") for name in sizes)
        if len(roots) != 1 or program:
            raise ResbenchError(f"{self.path}: not a checkpoint: {formats.foreign_archive(sizes)}")
        if any(member.compress_type not in _COMPRESSIONS for member in archive.infolist()):
            raise pickles.RefusedError("compressed in a way that is not read; save it again with torch.save")
        if sum(member.compress_size for member in archive.infolist()) > self.path.stat().st_size:
            raise EOFError("it declares more bytes than it has")
        _bounded(self.path, sum(sizes.values()), sizes[f"{roots[0]}data.pkl"])
        if f"{roots[0]}byteorder" in sizes and archive.read(f"{roots[0]}byteorder") != sys.byteorder.encode():
            raise ResbenchError(f"{self.path}: written on a machine of another byte order; save it again on this one")
        return roots[0]

    def tensor(self, stored: Stored) -> Tensor:
        try:
            return _shaped(self._storage(stored.storage, stored.dtype), stored)
        except _DAMAGED_ZIP as error:
            raise _refusal(self.path, error) from None

    def _storage(self, storage: Storage, dtype: str) -> Tensor:
        if (storage.key, dtype) not in self.storages:
            data = bytearray(self.archive.read(f"{self.root}data/{storage.key}"))  # checks its CRC, as torch does not
            if len(data) != storage.elements * _bytes_each(storage):
                raise ValueError(f"storage {storage.key} has {integer(len(data))} bytes, not as many as declared")
            self.storages[storage.key, dtype] = _elements(data, dtype)
        return self.storages[storage.key, dtype]


def _bounded(path: Path, unpacked_bytes: int, pickle_bytes: int) -> None:
    there = path.stat().st_size
    if unpacked_bytes > MAX_UNPACKED * there:
        raise ResbenchError(
            f"{path}: refused: {size(there)} would unpack to {size(unpacked_bytes)}, and {MAX_UNPACKED} times is the "
            "limit; save it again with torch.save, which does not compress"
        )
    if pickle_bytes > MAX_PICKLE_BYTES:
        raise ResbenchError(
            f"{path}: refused: its pickle has {size(pickle_bytes)}, and {size(MAX_PICKLE_BYTES)} is the limit; save "
            "its state dict alone"
        )


class _Pickled:
    """What torch.save wrote before version 1.6: pickles, then the storages one after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.storages: dict[str, tuple[int, int]] = {}  # position in the file and elements, by key
        self.tensors: dict[tuple[str, str], Tensor] = {}
        try:
            with path.open("rb") as stream:
                text = BytesIO(stream.read(min(MAX_PICKLE_BYTES, path.stat().st_size)))
            first = pickles.load_pickle(text)
            if first != _MAGIC:  # a pickle that torch.save did not write
                self.content = first
                return
            pickles.load_pickle(text)  # the protocol's version
            if pickles.load_pickle(text).get("little_endian", True) != (sys.byteorder == "little"):
                raise pickles.RefusedError("written on a machine of another byte order; save it again on this one")
            declared: dict[str, Storage] = {}
            self.content = pickles.load_pickle(text, declared)
            self._locate(pickles.load_pickle(text), text.tell(), declared)
        except (pickles.RefusedError, *pickles.DAMAGE) as error:
            raise _refusal(path, error) from None

    def _locate(self, keys: Iterable[str], position: int, declared: dict[str, Storage]) -> None:
        """Note where each storage lies: its number of elements, then the elements, in the order of `keys`."""
        there = self.path.stat().st_size
        with self.path.open("rb") as stream:
            for key in keys:
                stream.seek(position)
                elements = int.from_bytes(stream.read(8), sys.byteorder)
                if elements != declared[key].elements:
                    raise ValueError(f"storage {key} has not as many elements as declared")
                bytes_each = _bytes_each(declared[key])
                self.storages[key] = position + 8, elements * bytes_each
                position += 8 + elements * bytes_each
                if position > there:
                    raise EOFError(f"it ends in the middle of storage {key}")

    def tensor(self, stored: Stored) -> Tensor:
        at = stored.storage.key, stored.dtype
        try:
            if at not in self.tensors:
                position, length = self.storages[stored.storage.key]
                with self.path.open("rb") as stream:
                    stream.seek(position)
                    self.tensors[at] = _elements(bytearray(stream.read(length)), stored.dtype)
            return _shaped(self.tensors[at], stored)
        except (OSError, RuntimeError, *pickles.DAMAGE) as error:
            raise _refusal(self.path, error) from None


class _Safetensors:
    """A safetensors file: its content is the tensors themselves, mapped from the file."""

    def __init__(self, path: Path) -> None:
        try:
            with safetensors.safe_open(path, "pt") as file:
                odd = sorted({file.get_slice(key).get_dtype() for key in file.keys()} - _SAFE_TYPES)  # noqa: SIM118
                if odd:
                    raise ResbenchError(
                        f"{path}: its tensors are of a type that is not read ({', '.join(odd)}); save them as float32"
                    )
                self.content = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (safetensors.SafetensorError, OSError, RuntimeError, *pickles.DAMAGE) as error:
            reason = pickles.printable(str(error).splitlines()[0])
            raise ResbenchError(f"{path}: damaged safetensors file ({reason}); fetch it again") from None

    def tensor(self, stored: Tensor) -> Tensor:
        return stored
