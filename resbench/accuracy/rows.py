"""Images out of the rows of Parquet and Arrow files, by the numbers of the rows."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

from resbench.accuracy.dataset import File
from resbench.accuracy.remote import RemotePath
from resbench.accuracy.streams import InOrder

MOST_ROWS = 256  # that are read at a time
_BATCH_BYTES = 1 << 22
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_OPEN_GROUPS, _OPEN_BYTES = 2, 1 << 26  # row groups that are kept open: at least so many, and others of so many bytes


def parquet_file(path: Path, metadata: Any = None) -> Any:
    """Open a Parquet file; its `metadata` are not read again."""
    import pyarrow.parquet as pq

    # Without a buffer, or with buffers filled before, a whole column of a row group would be read at once.
    how = {"buffer_size": 1 << 20, "pre_buffer": False, "page_checksum_verification": True}
    return pq.ParquetFile(path.open("rb") if isinstance(path, RemotePath) else path, metadata=metadata, **how)


def batches_of(file: Any, group: int, leaves: Sequence[str]) -> Iterator[Any]:
    """Yield a row group in batches of about _BATCH_BYTES; `leaves` are columns, those within a struct by a point."""
    about = file.metadata.row_group(group)
    rows = max(1, min(MOST_ROWS, _BATCH_BYTES * about.num_rows // max(1, about.total_byte_size)))
    return file.iter_batches(batch_size=rows, row_groups=[group], columns=list(leaves), use_threads=False)


def arrow_batches(path: Path) -> tuple[Any, Iterator[Any]]:
    """Return the schema and the record batches of an Arrow file: of the stream's format, or of the file's.

    Raises ValueError for a stream without its end marker.
    """
    import pyarrow as pa

    source = pa.PythonFile(path.open("rb"), "r") if isinstance(path, RemotePath) else pa.memory_map(str(path))
    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    if is_file:
        table = pa.ipc.open_file(source)
        return table.schema, _valid(map(table.get_batch, range(table.num_record_batches)))
    size = path.stat().st_size
    source.seek(max(0, size - len(_END_OF_STREAM)))
    if source.read() != _END_OF_STREAM:
        raise ValueError("it has no end marker")
    source.seek(0)
    stream = pa.ipc.open_stream(source)
    return stream.schema, _valid(stream)


def _valid(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        batch.validate(full=True)  # else offsets out of a hostile file would lead anywhere in memory
        yield batch


class Groups:
    """Reads rows of a Parquet file by their numbers; a few row groups are open at a time."""

    def __init__(self, path: Path, images: Callable[[Any], Any], leaf: str, metadata: Any) -> None:
        self.path, self.images, self.leaf, self.metadata = path, images, leaf, metadata
        self.sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
        self.ends = list(accumulate(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)))
        self.lock = Lock()
        self.open: OrderedDict[int, InOrder] = OrderedDict()

    def read(self, file: File) -> bytes:
        """Return the image in a row."""
        number = bisect_right(self.ends, file.offset)
        first = self.ends[number - 1] if number else 0
        return self._group(number).piece(file.offset - first)

    def _arrays(self, group: int) -> Iterator[Any]:
        return map(self.images, batches_of(parquet_file(self.path, self.metadata), group, [self.leaf]))

    def _rows_of(self, group: int) -> int:
        return self.ends[group] - (self.ends[group - 1] if group else 0)

    def _group(self, number: int) -> InOrder:
        with self.lock:
            if number not in self.open:
                self.open[number] = InOrder(_Rows(partial(self._arrays, number), self._rows_of(number)).at)
            self.open.move_to_end(number)
            size = sum(self.sizes[group] for group in self.open)
            while len(self.open) > _OPEN_GROUPS and size > _OPEN_BYTES:
                oldest, _ = self.open.popitem(last=False)
                size -= self.sizes[oldest]
            return self.open[number]


class _Rows:
    """The images of rows that follow one another, read in order; `begin` gives them in arrays."""

    def __init__(self, begin: Callable[[], Iterator[Any]], total: int) -> None:
        self.begin, self.total = begin, total
        self.arrays: Iterator[Any] = iter(())
        self.images: Any = ()
        self.first = self.end = 0  # rows of the array that was read last

    def at(self, row: int) -> bytes:
        """Return the image in a row. Raises OSError when it cannot be read."""
        import pyarrow as pa

        try:
            if row < self.first or not self.end:
                self.arrays = self.begin()
                self.first = self.end = 0
            while row >= self.end:
                self.images = next(self.arrays)
                self.first, self.end = self.end, self.end + len(self.images)
            data = self.images[row - self.first].as_py() or b""
            if row + 1 == self.total:
                self.arrays = iter(())  # which holds a whole dictionary of a row group
            return data
        except StopIteration:
            self.end = 0
            raise OSError(f"row {row} is not there") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            self.end = 0
            raise OSError(str(error).partition("\n")[0]) from None


class ArrowStream:
    """Reads rows of an Arrow file in their order, by their numbers."""

    def __init__(self, begin: Callable[[], Iterator[Any]], total: int) -> None:
        self.in_order = InOrder(_Rows(begin, total).at)

    def read(self, file: File) -> bytes:
        """Return the image in a row."""
        return self.in_order.piece(file.offset)


class Batches:
    """Reads rows of an Arrow file by their numbers, out of a file that is mapped into memory."""

    def __init__(self, images: Sequence[Any]) -> None:
        self.ends = list(accumulate(map(len, images)))
        self.images = images

    def read(self, file: File) -> bytes:
        """Return the image in a row."""
        number = bisect_right(self.ends, file.offset)
        first = self.ends[number - 1] if number else 0
        return self.images[number][file.offset - first].as_py() or b""
