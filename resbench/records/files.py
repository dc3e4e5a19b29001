"""Files that anybody may have put there: listed without opening, written whole or not at all."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from resbench.bounded import content, irregular
from resbench.errors import ResbenchError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)
LARGEST_TEXT_BYTES = 2**24  # 16 MiB


def read_exactly(path: Path) -> str:
    """Return the text of `path` with its line ends as they are. Raises ResbenchError when it cannot be read."""
    remedy = "give a Markdown or YAML file"
    try:
        return content(path, LARGEST_TEXT_BYTES, remedy).decode("utf-8")
    except UnicodeDecodeError:
        raise ResbenchError(f"{path}: not UTF-8 text; {remedy}") from None


def json_names(root: Path) -> list[str]:
    """Return the regular files below `root` that are called *.json: their names relative to it, "cpu/resnet50/a.json".

    They are sorted folder by folder. Links to folders are not followed. Anything else of such a name is never opened
    and is named in the log. Raises ResbenchError for a folder that cannot be listed.
    """
    names: list[str] = []
    pending = [""]  # what comes next is the last; folders end in a slash
    while pending:
        name = pending.pop()
        if name and not name.endswith("/"):
            names.append(name)
        else:
            pending += reversed(_within(root, name))
    return names


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` as `write_bytes` does; line feeds stay as they are."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all; parents are made. Raises ResbenchError when it cannot be.

    A link stays one, and so does a device or a pipe: to replace /dev/null by a file would be no service.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes | Path]) -> None:
    """Write files that belong together as `write_bytes` does; all are complete before the first is put in place.

    So a kill leaves the old files or the new ones, except in the moment between two renames. What a file is to hold is
    given as bytes, or as another file, to be copied.
    """
    path = Path()
    try:
        with ExitStack() as stack:
            complete = []
            for path, content in contents.items():
                source = stack.enter_context(content.open("rb") if isinstance(content, Path) else BytesIO(content))
                if path.exists() and not path.is_file():
                    with path.open("wb") as device:
                        shutil.copyfileobj(source, device)
                    continue
                path = path.resolve()
                path.parent.mkdir(parents=True, exist_ok=True)
                sweep(path.parent, path.suffix)
                stream, temporary = stack.enter_context(_temporary(path))
                shutil.copyfileobj(source, stream)
                stream.flush()
                temporary.chmod(0o644)
                complete.append((temporary, path))
            for temporary, path in complete:
                temporary.replace(path)
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; choose a folder that can be written to") from None


@cache  # once per process: a folder may hold thousands of files
def sweep(folder: Path, suffix: str) -> None:
    """Delete what killed processes left in `folder` of files that were to end in `suffix`."""
    name = re.compile(rf"\..+{re.escape(suffix)}\.[a-z0-9_]{{8}}\.tmp")
    with suppress(OSError):  # a folder that can be written to and not listed
        for path in [path for path in folder.iterdir() if name.fullmatch(path.name) and path.is_file()]:
            delete_unless_locked(path)


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new file beside `path`, locked for as long as this process lives; it is deleted unless it was moved."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:100]}{path.suffix}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                lock(stream)
                if os.fstat(handle).st_nlink:  # else it was swept before it was locked
                    yield stream, Path(name)
                    return
        finally:
            Path(name).unlink(missing_ok=True)


def lock(stream: BinaryIO) -> None:
    """Wait until no other process has `stream` locked, and lock it until it is closed or this process ends."""
    if fcntl:
        fcntl.flock(stream, fcntl.LOCK_EX)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock `path` until the end, and yield whether it could be had: False while another process has it.

    The system lets go of it when this process ends, however it ends. Raises ResbenchError for a folder that cannot be
    written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("ab")
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; choose a folder that can be written to") from None
    with stream:
        try:
            if fcntl:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def delete_unless_locked(path: Path) -> None:
    """Delete a file that no other process is writing."""
    if fcntl is None:
        return
    with suppress(OSError), path.open("rb") as stream:  # locked: another process is writing it
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _within(root: Path, folder: str) -> list[str]:
    """Return the folders, with a slash behind, and the regular *.json files in a `folder` below `root`, sorted."""
    place = f"{root}/{folder}"
    try:
        with os.scandir(place) as entries:
            own = sorted(entries, key=attrgetter("name"))
        return [f"{folder}{name}" for entry in own for name in _taken(entry)]
    except FileNotFoundError:  # never there, or just deleted by another job
        return []
    except OSError as error:
        raise ResbenchError(
            f"{place.rstrip('/')}: {error.strerror}; make the folder readable, or move it away"
        ) from None


def _taken(entry: os.DirEntry[str]) -> Iterator[str]:
    """Yield the name of a folder or a regular *.json file; a folder of such a name is named in the log."""
    if entry.name.endswith(".json") and (entry.is_file(follow_symlinks=False) or _is_regular(entry.path)):
        yield entry.name
    if entry.is_dir(follow_symlinks=False):
        yield f"{entry.name}/"


def _is_regular(path: str) -> bool:
    try:
        kind = irregular(os.stat(path).st_mode)  # noqa: PTH116  # a Path for each of thousands takes longer than this
    except FileNotFoundError:
        # A run of a pool that another job has just deleted is no news.
        kind = "a link to nothing" if os.path.islink(path) else ""  # noqa: PTH114
        if not kind:
            return False
    except OSError as error:
        kind = error.strerror or "unreadable"
    if kind:
        _log.warning("%s: %s, not a record; skipped", path, kind)
    return not kind
