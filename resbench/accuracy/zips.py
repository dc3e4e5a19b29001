"""The files of a zip archive; what cannot be read is left out and named."""

import lzma
import stat
import weakref
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from resbench.accuracy.dataset import LEFT_OUT, Contents, File, Symptom, printable_name
from resbench.accuracy.remote import RemotePath
from resbench.errors import ResbenchError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 1
# What zipfile raises for broken archives, the rest being its own arithmetic on numbers from the file.
_BROKEN = (
    zipfile.BadZipFile, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RuntimeError,
    NotImplementedError, MemoryError,
)  # fmt: skip


def zip_members(path: Path) -> Contents:
    """Return the files of the zip archive at `path`, and what was left out of it.

    Of several members of one name the last one counts, as for unzip.
    Raises ResbenchError when it is none, and when it is damaged or cut off.
    """
    try:
        reader = _Reader(path)
    except _BROKEN as error:
        raise ResbenchError(
            f"{path}: the archive is damaged or cut off ({str(error) or type(error).__name__}); copy or download it "
            "again"
        ) from None
    files: dict[str, File] = {}
    omitted = defaultdict(list)
    for number, member in enumerate(reader.members):
        name, why = _inside(member.filename), _fault(member)
        if member.is_dir() or not name:
            continue
        if why:
            omitted[why].append(printable_name(name))
            continue
        if files.pop(name, None):
            omitted["earlier members that a later one of the same name replaces"].append(printable_name(name))
        files[name] = File(
            name=printable_name(name),
            path=path,
            offset=number,
            size_bytes=member.file_size,
            reader=reader,
            block=path.name if isinstance(path, RemotePath) else "",
        )
    left_out = [
        Symptom(what=what, files=tuple(sorted(names)), remedy=LEFT_OUT) for what, names in sorted(omitted.items())
    ]
    return Contents(list(files.values()), left_out)


class _Reader:
    """Reads the members of a zip archive by their numbers; every one against its checksum."""

    def __init__(self, path: Path) -> None:
        if isinstance(path, RemotePath):
            raw = path.open("rb")
            weakref.finalize(self, raw.close)
            self.archive = zipfile.ZipFile(raw)
        else:
            self.archive = zipfile.ZipFile(path)
        self.members = self.archive.infolist()

    def read(self, file: File) -> bytes:
        try:
            return self.archive.read(self.members[file.offset])
        except _BROKEN as error:
            raise OSError(str(error) or type(error).__name__) from None


def _inside(name: str) -> str:
    return "/".join(_parts(name))


def _parts(name: str) -> Iterator[str]:
    return (part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _fault(member: zipfile.ZipInfo) -> str:
    """Return why a member cannot be read; empty where it can."""
    if ".." in _parts(member.filename):
        return "members whose names lead out of the folder"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "links, pipes and devices in the archive"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted members of the archive"
    return "" if member.compress_type in _METHODS else "members compressed in a way that is not read"
