"""Files of an archive that can be read in their order alone: compressed, or behind an address."""

import bz2
import gzip
import lzma
import tarfile
import weakref
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from resbench.accuracy.dataset import File
from resbench.accuracy.streams import InOrder
from resbench.errors import ResbenchError

# What tarfile raises for broken archives, the rest being its own arithmetic on numbers from the file.
BROKEN = (
    tarfile.TarError, OSError, EOFError, OverflowError, ValueError, RecursionError, MemoryError,
    zlib.error, lzma.LZMAError,
)  # fmt: skip
_DECOMPRESSORS: dict[bytes, Callable[[IO[bytes]], Any]] = {  # by the beginning of a file
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
COMPRESSED = tuple(_DECOMPRESSORS)


def numbered_files(path: Path, files: Sequence[File]) -> list[File]:
    """Return the files as a block, numbered as they lie in the archive."""
    reader = _Reader(path)
    pieces: list[File] = []
    for file in sorted(files, key=lambda file: (file.offset, file.name)):
        reader.places.append((file.offset, file.size_bytes))
        pieces.append(replace(file, offset=len(pieces), reader=reader, block=path.name))
    return pieces


def decompressed(raw: IO[bytes]) -> IO[bytes]:
    """Return what a stream unpacks to; the stream itself where it is not compressed."""
    beginning = raw.read(8)
    raw.seek(0)
    kinds = (opened(raw) for start, opened in _DECOMPRESSORS.items() if beginning.startswith(start))
    return next(kinds, raw)


class _Reader:
    """Reads the files of an archive in their order, by their numbers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: list[tuple[int, int]] = []  # offset and size
        self.stream: IO[bytes] | None = None
        self.in_order = InOrder(self._at)

    def read(self, file: File) -> bytes:
        return self.in_order.piece(file.offset)

    def _at(self, number: int) -> bytes:
        offset, size = self.places[number]
        try:
            if self.stream is None:
                raw = self.path.open("rb")
                weakref.finalize(self, raw.close)
                self.stream = decompressed(raw)
            self.stream.seek(offset)
            return self.stream.read(size)
        except BROKEN as error:
            self.stream = None
            raise OSError(str(error)) from None
        except ResbenchError:
            self.stream = None  # a lost connection leaves it in between
            raise
