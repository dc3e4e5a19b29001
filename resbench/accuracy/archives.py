"""The files of a tar archive, as GNU tar would unpack them; what it cannot give is left out and named."""

import posixpath
import tarfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tarfile import BLOCKSIZE
from typing import IO, Any

from resbench.accuracy.containers import refusal
from resbench.accuracy.dataset import LEFT_OUT, Contents, File, Symptom, printable_name
from resbench.accuracy.remote import RemotePath
from resbench.accuracy.sequential import BROKEN, COMPRESSED, decompressed, numbered_files
from resbench.errors import ResbenchError

_LONGEST_HEADER_BYTES = 1 << 20  # of names and attributes; whatever is longer is no header
_ZEROS_READ_BYTES = 1 << 26  # behind the end marker
_MOST_LINKS, _MOST_STEPS = 40, 4096  # from a link to the next, as in Linux; along a path
_NO_CONTENT = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"M")  # M: goes on in another volume
_TARS_OWN = (b"V", b"D", b"N")  # GNU tar's volume header, list of a folder, old long names
SLOWER = Symptom(
    what="a compressed archive is decompressed again for every reading: slower than a .tar or .zip",
    remedy="unpack it where time matters",
)


class _DamagedError(Exception):
    """What is wrong with an archive."""


class _Bounded:
    """A stream of which nobody reads more than a header at a time, whatever size a header states."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.seek, self.tell = stream, stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER_BYTES:
            raise _DamagedError(f"damaged: it has a header of {size} bytes")
        return self._stream.read(size)


def members(path: Path) -> Contents:
    """Return the files of the tar archive at `path`, and what was left out of it; behind an address they are a block.

    Raises ResbenchError when it is none, and when it is damaged or cut off.
    """
    with path.open("rb", buffering=0) as stream:
        files, left_out = _members(path, stream, path.stat().st_size)
    return Contents(numbered_files(path, files) if isinstance(path, RemotePath) else files, left_out)


def compressed_members(path: Path) -> Contents:
    """Do as `members` for an archive that is compressed (gzip, bzip2, xz), and read it from one end to the other.

    One that is compressed by its name alone is read as it is.
    """
    with path.open("rb") as raw:
        beginning = raw.read(8)
    if not beginning.startswith(COMPRESSED):
        return members(path)
    with path.open("rb") as raw, decompressed(raw) as stream:
        files, left_out = _members(path, stream, None)
    return Contents(numbered_files(path, files), [*left_out, SLOWER])


def _members(path: Path, stream: IO[bytes], size: int | None) -> tuple[list[File], list[Symptom]]:
    tree, bounded = _Tree(), _Bounded(stream)
    try:
        handle: Any = bounded
        with tarfile.open(fileobj=handle, mode="r:") as archive:
            for member in archive:
                reaches = member.offset_data + member.size
                if size is not None and member.isreg() and not member.issparse() and reaches > size:
                    raise _DamagedError(f"cut off within {printable_name(member.name)[:80]}")
                tree.add(member)
            _check_end(bounded, archive.offset)
            behind = _behind_the_end(bounded)
    except _DamagedError as error:
        raise ResbenchError(f"{path}: the archive is {error}; copy or download it again") from None
    except BROKEN as error:
        if not tree.seen and size is not None:
            raise ResbenchError(f"{path}: {refusal(path)}") from None
        if not tree.seen and isinstance(error, tarfile.ReadError):
            raise ResbenchError(f"{path}: compressed, but no tar archive; unpack it, and give the folder") from None
        raise ResbenchError(f"{path}: the archive is damaged or cut off ({error}); copy or download it again") from None
    files, left_out = tree.resolved(path)
    return files, [*left_out, *behind]


def _check_end(stream: _Bounded, offset: int) -> None:
    """Raise unless the archive ends at `offset` with a block of zeros: tarfile ends at a broken header too."""
    stream.seek(offset)
    block = stream.read(BLOCKSIZE)
    if len(block) < BLOCKSIZE:
        raise _DamagedError("cut off: it has no end marker")
    if block.strip(b"\0"):
        raise _DamagedError(f"damaged at byte {offset:,}")


def _behind_the_end(stream: _Bounded) -> list[Symptom]:
    """Say where something other than zeros follows the end marker: what tar does not read either."""
    for _ in range(_ZEROS_READ_BYTES // _LONGEST_HEADER_BYTES):
        chunk = stream.read(_LONGEST_HEADER_BYTES)
        if not chunk:
            break
        if chunk.strip(b"\0"):
            place = f"from byte {stream.tell() - len(chunk):,} on"
            remedy = f"{LEFT_OUT}, as tar does; unpack archives that were put together one by one"
            return [Symptom(what="what lies behind the end marker of the archive", files=(place,), remedy=remedy)]
    return []


@dataclass(frozen=True, slots=True)
class _Content:
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Link:
    to: str


@dataclass(frozen=True, slots=True)
class _Other:
    """What is no image file: a folder, or something that is left out."""

    what: str


_FOLDER = _Other("folders")
_MISSING = _Other("links to nothing, or out of the archive")
_NO_FILE = _Other("links to folders of the archive")
_Node = _Content | _Link | _Other


@dataclass(frozen=True, slots=True)
class _Tree:
    """What unpacking makes of an archive: what comes later replaces what has the same name."""

    nodes: dict[str, _Node] = field(default_factory=lambda: {".": _FOLDER})
    filled: set[str] = field(default_factory=set)  # folders with something in them
    omitted: list[tuple[str, str]] = field(default_factory=list)  # (name, why), besides those among the nodes
    seen: list[str] = field(default_factory=list)

    def add(self, member: tarfile.TarInfo) -> None:
        """Do what unpacking the next member does."""
        self.seen.append(member.name)
        name = _inside(member.name)
        if not name or member.type in _TARS_OWN:
            return
        if ".." in member.name.split("/"):
            self.omitted.append((member.name, "members whose names lead out of the folder"))
            return
        folder = self._folder(posixpath.dirname(name))
        if folder is None:
            self.omitted.append((name, "members below a file of the archive, or below a link out of it"))
            return
        name = posixpath.join(folder, posixpath.basename(name))
        node = self._node(member)
        if node is _MISSING or node is _NO_FILE:
            self.omitted.append((name, node.what))
            if node is _NO_FILE and name not in self.filled:
                self.nodes.pop(name, None)
        elif node is not _FOLDER and name in self.filled:
            self.omitted.append((name, "members with the name of a folder of the archive"))
        else:
            if node is not self.nodes.get(name, node):
                self.omitted.append((name, "earlier members that a later one of the same name replaces"))
            self.nodes[name] = node
            self.filled.add(folder)

    def _folder(self, path: str) -> str | None:
        """Make a folder with those above it, through links to folders; return its name, or None where that fails."""
        made, steps = "", path.split("/") if path else []
        for _ in range(_MOST_STEPS):
            if not steps:
                return made
            inner = posixpath.join(made, steps.pop(0))
            node = self.nodes.get(inner)
            if isinstance(node, _Link):
                target = posixpath.normpath(posixpath.join(made, node.to))
                if node.to.startswith("/") or ".." in node.to.split("/") or self.nodes.get(target) is not _FOLDER:
                    return None
                made, steps = "", [*(step for step in target.split("/") if step != "."), *steps]
                continue
            if self.nodes.setdefault(inner, _FOLDER) is not _FOLDER:
                return None
            self.filled.add(made)
            made = inner
        return None

    def _node(self, member: tarfile.TarInfo) -> _Node:
        if member.isdir() or (member.isreg() and member.name.endswith("/")):
            return _FOLDER
        if member.issparse():
            return _Other("sparse members of the archive")
        if member.islnk():
            return self._hard_link(_inside(member.linkname))
        if member.issym():
            return _Link(member.linkname)
        if member.type in _NO_CONTENT:
            return _Other("pipes, devices and parts of files in the archive")
        return _Content(member.offset_data, member.size)

    def _hard_link(self, target: str) -> _Node:
        node = self.nodes.get(target, _MISSING) if target else _FOLDER
        return _NO_FILE if node is _FOLDER else node

    def _target(self, name: str) -> _Node:
        """Follow links to what `name` stands for in the end."""
        for _ in range(_MOST_LINKS):
            node = self.nodes.get(name, _MISSING)
            if not isinstance(node, _Link):
                return _NO_FILE if node is _FOLDER else node
            name = posixpath.normpath(posixpath.join(posixpath.dirname(name), node.to))
        return _MISSING

    def resolved(self, path: Path) -> tuple[list[File], list[Symptom]]:
        """Return the files, every one with the place of its bytes, and what was left out."""
        files, omitted = [], defaultdict(list)
        for name, why in self.omitted:
            omitted[why].append(printable_name(name))
        for name, node in self.nodes.items():
            if node is _FOLDER:
                continue
            content = self._target(name)
            if isinstance(content, _Content):
                offset, size = content.offset, content.size_bytes
                files.append(File(name=printable_name(name), path=path, offset=offset, size_bytes=size))
            elif isinstance(content, _Other):
                omitted[content.what].append(printable_name(name))
        return files, [
            Symptom(what=what, files=tuple(sorted(names)), remedy=LEFT_OUT) for what, names in sorted(omitted.items())
        ]


def _inside(name: str) -> str:
    """Return where GNU tar unpacks a member, or looks for the target of a hard link: inside the folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    last = max((place for place, part in enumerate(parts) if part == ".."), default=-1)
    return "/".join(parts[last + 1 :])
