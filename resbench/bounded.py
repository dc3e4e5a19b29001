"""Files that anybody may have put there, read within bounds; and TOML, which a hostile file can make costly."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from resbench.errors import ResbenchError

LARGEST_BYTES = 2**19  # 512 KiB of TOML; tomllib reads the worst of that size in two seconds
MOST_DOTS = 200  # in a line: of a longer key tomllib keeps every beginning, which took all memory there was
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def content(path: Path | str, most_bytes: int, remedy: str) -> bytes:
    """Return what is in the regular file `path`, which holds `most_bytes` at most.

    Raises ResbenchError, ending in `remedy`, for one that cannot be read, is larger, or is a pipe or a device, whose
    end may never come.
    """
    try:
        status = os.stat(path)  # noqa: PTH116  # of a text: a Path for each of thousands of records takes long
        if kind := irregular(status.st_mode):
            raise ResbenchError(f"{path}: {kind}, not a file; {remedy}")
        with open(path, "rb") as stream:  # noqa: PTH123
            text = stream.read(
                min(status.st_size, most_bytes) + 1
            )  # a buffer for `most_bytes` takes longer than to read
            if len(text) > status.st_size:  # it has grown, or the system does not tell its size
                text += stream.read(most_bytes + 1 - len(text))
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; {remedy}") from None
    except ValueError as error:  # a NUL in the name
        raise ResbenchError(f"{path}: {error}; {remedy}") from None
    if len(text) > most_bytes:
        raise ResbenchError(f"{path}: larger than {most_bytes // 2**20} MiB; {remedy}")
    return text


def toml_tables(path: Path, remedy: str) -> dict[str, Any]:
    """Return what the TOML file `path` says. Raises ResbenchError, ending in `remedy`, for one that cannot be read."""
    text = content(path, LARGEST_BYTES, remedy)
    try:
        if max(line.count(b".") for line in text.split(b"\n")) > MOST_DOTS:
            raise ValueError(f"a line with more than {MOST_DOTS} dots")
        return tomllib.loads(text.decode())
    except RecursionError:
        raise ResbenchError(f"{path}: not TOML that resbench reads: nested too deeply; correct it") from None
    except ValueError as error:  # also of a number with thousands of digits
        raise ResbenchError(f"{path}: not TOML: {error}; correct it") from None


def irregular(mode: int) -> str:
    """Return what a file of this mode is, when it is no regular file."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "a special file")
