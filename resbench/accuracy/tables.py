"""Images in tables: Parquet as the Hugging Face hub has it, and the Arrow files that `datasets.save_to_disk` writes."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resbench.accuracy.dataset import IMAGE_FORMATS, Contents, File, Reader, printable_name
from resbench.accuracy.remote import RemotePath
from resbench.accuracy.rows import MOST_ROWS, ArrowStream, Batches, Groups, arrow_batches, batches_of, parquet_file
from resbench.errors import ResbenchError

_IMAGE_COLUMNS = ("image", "img", "images", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes")
_LABEL_COLUMNS = ("label", "labels", "fine_label", "cls", "class", "target")
_BEGINNINGS = ((b"\x89PNG", ".png"), (b"RIFF", ".webp"), (b"BM", ".bmp"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"))
_SUSPECT_BYTES, _SUSPECT_RATIO = 1 << 26, 100  # images hardly shrink: what unpacks to more of both is not unpacked


def parquet_members(path: Path) -> Contents:
    """Return the images in the rows of a Parquet file, with the classes that it states.

    Every row group is a block. Raises ResbenchError when the file is damaged, and when no column holds images.
    """
    return _members(path, _parquet_members)


def arrow_members(path: Path) -> Contents:
    """Do as `parquet_members` for an Arrow file, whose rows are read where they lie."""
    return _members(path, _arrow_members)


def _members(path: Path, read: Callable[[Path], Contents]) -> Contents:
    try:
        import pyarrow as pa
    except ImportError:
        raise ResbenchError(f"{path}: pyarrow, which reads it, is not installed; pip install pyarrow") from None
    try:
        return read(path)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise ResbenchError(f"{path}: damaged or cut off ({reason}); copy or download it again") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Where the images and their classes are, by the names of columns."""

    image: str
    is_struct: bool  # {bytes, path}, as `datasets` has it; else bytes alone
    has_path: bool
    label: str | None
    classes: tuple[str, ...]  # their names, where the schema has them

    @property
    def leaves(self) -> list[str]:
        """The columns to read, those within the struct by a point."""
        image = [f"{self.image}.bytes"] if self.is_struct else [self.image]
        path = [f"{self.image}.path"] if self.has_path else []
        return [*image, *path, *([self.label] if self.label else [])]

    def images(self, batch: Any) -> Any:
        """Return the bytes of the images of a record batch, as an array."""
        column = batch.column(batch.schema.get_field_index(self.image))
        return column.field("bytes") if self.is_struct else column


def _columns(path: Path, schema: Any) -> _Columns:
    """Find the columns. Raises ResbenchError when none holds images."""
    import pyarrow.types as kinds

    def is_bytes(kind: Any) -> bool:
        return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind))

    structs = [one for one in schema if kinds.is_struct(one.type) and one.type.get_field_index("bytes") >= 0]
    structs = [one for one in structs if is_bytes(one.type.field("bytes").type)]
    plain = [one for one in schema if is_bytes(one.type) and one.name in _IMAGE_COLUMNS]
    columns = sorted([*structs, *plain], key=lambda one: _rank(one.name, _IMAGE_COLUMNS))
    if not columns:
        names = ", ".join(schema.names[:8])
        raise ResbenchError(f"{path}: no column of images among {names}; give files with a column image of bytes")
    labels = [
        one.name for one in schema
        if one.name in _LABEL_COLUMNS and (kinds.is_integer(one.type) or kinds.is_string(one.type))
    ]  # fmt: skip
    label = min(labels, key=lambda name: _rank(name, _LABEL_COLUMNS), default=None)
    kind = columns[0].type
    is_struct = bool(kinds.is_struct(kind))
    return _Columns(
        image=columns[0].name,
        is_struct=is_struct,
        has_path=is_struct and kind.get_field_index("path") >= 0 and kinds.is_string(kind.field("path").type),
        label=label,
        classes=_class_names(schema.metadata or {}, label),
    )


def _rank(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else len(names)


def _class_names(metadata: dict[bytes, bytes], label: str | None) -> tuple[str, ...]:
    """Return the names of the classes that `datasets` keeps in the schema; none where it does not."""
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


@dataclass(slots=True)
class _Names:
    """Makes files of rows, each with a name of its own."""

    path: Path
    columns: _Columns
    reader: Reader
    taken: set[str] = field(default_factory=set)
    rows: int = 0

    def files(self, batch: Any, block: str = "") -> Iterator[File]:
        """Yield the rows of a record batch that follows on the last one."""
        import pyarrow.compute as pc

        images = self.columns.images(batch)
        sizes = pc.fill_null(pc.binary_length(images), 0).to_pylist()
        beginnings = pc.binary_slice(images, 0, 4).to_pylist()
        paths = self._column(batch, "path")
        words = self._column(batch, "label")
        for size, beginning, name, word in zip(sizes, beginnings, paths, words, strict=True):
            yield File(
                name=self._name(name, beginning or b""),
                path=self.path,
                offset=self.rows,
                size_bytes=size,
                reader=self.reader,
                block=block,
                word="" if word is None else str(word),
            )
            self.rows += 1

    def _column(self, batch: Any, what: str) -> list[Any]:
        if what == "label" and self.columns.label:
            return batch.column(batch.schema.get_field_index(self.columns.label)).to_pylist()
        if what == "path" and self.columns.has_path:
            return batch.column(batch.schema.get_field_index(self.columns.image)).field("path").to_pylist()
        return [None] * batch.num_rows

    def _name(self, path: str | None, beginning: bytes) -> str:
        parts = [part for part in (path or "").replace("\\", "/").split("/") if part not in ("", ".", "..")]
        name = printable_name("/".join(parts)) or f"{self.rows:08d}"
        if not any(name.lower().endswith(suffix) for suffix in IMAGE_FORMATS):
            name += next((suffix for start, suffix in _BEGINNINGS if beginning.startswith(start)), ".jpg")
        if name in self.taken:
            name = f"{self.rows:08d}/{name}"
        self.taken.add(name)
        return name


def _parquet_members(path: Path) -> Contents:
    with parquet_file(path) as file:
        columns, metadata = _columns(path, file.schema_arrow), file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        for group in groups:
            _refuse_bomb(path, group)
        reader = Groups(path, columns.images, columns.leaves[0], metadata)
        names = _Names(path, columns, reader)
        files: list[File] = []
        for number in range(len(groups)):
            for batch in batches_of(file, number, columns.leaves):
                files += names.files(batch, f"{path.name}#{number}")
            if names.rows != reader.ends[number]:
                raise ValueError(f"{names.rows:,} of {reader.ends[number]:,} rows")
    return Contents(files, [], columns.classes)


def _refuse_bomb(path: Path, group: Any) -> None:
    """Raise ResbenchError for a group of rows that unpacks to far more than it is."""
    packed = sum(group.column(number).total_compressed_size for number in range(group.num_columns))
    unpacked = group.total_byte_size
    if unpacked > max(_SUSPECT_BYTES, _SUSPECT_RATIO * packed):
        raise ResbenchError(
            f"{path}: {packed:,} bytes of it unpack to {unpacked:,}, more than images can; give another file"
        )


def _arrow_members(path: Path) -> Contents:
    schema, batches = arrow_batches(path)
    columns = _columns(path, schema)
    if isinstance(path, RemotePath):
        total = sum(batch.num_rows for batch in batches)
        reader: Reader = ArrowStream(lambda: map(columns.images, arrow_batches(path)[1]), total)
        block, batches = path.name, arrow_batches(path)[1]
    else:
        rows = list(batches)
        reader = Batches([columns.images(batch) for batch in rows])
        block, batches = "", iter(rows)
    names = _Names(path, columns, reader)
    files: list[File] = []
    for batch in batches:
        for start in range(0, batch.num_rows, MOST_ROWS):
            files += names.files(batch.slice(start, MOST_ROWS), block)
    return Contents(files, [], columns.classes)
