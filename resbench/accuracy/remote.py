"""Images behind an address, as an object store has them: fsspec opens it, with the driver that the user has."""

import io
import os
import re
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resbench.errors import ResbenchError

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*::)*([a-z][a-z0-9+.-]+):/+(.*)", re.DOTALL)
_OF_THIS_MACHINE = ("file", "local")
if TYPE_CHECKING:
    _SystemPath = Path
else:
    _SystemPath = type(Path())


def place_at(path: Path) -> Path:
    """Return `path`, as a RemotePath where it is an address (memory://, s3://, ...) and no file of that name."""
    return RemotePath(path) if _ADDRESS.fullmatch(os.fspath(path)) and not path.exists() else path


class LostConnectionError(ResbenchError):
    """A store that did not give all that was asked for."""


class RemotePath(_SystemPath):
    """A file or folder behind an address, with what a Path is asked for here.

    pathlib writes s3://bucket/val as s3:/bucket/val; `address` has both slashes again.
    """

    @property
    def address(self) -> str:
        """The address as fsspec wants it."""
        text = "/".join(part.rstrip("/") for part in self.parts)
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ResbenchError(f"{text}: no address")
        root = "/" if match[1] in _OF_THIS_MACHINE else ""
        return f"{text[: match.start(1)]}{match[1]}://{root}{match[2]}"

    def __str__(self) -> str:
        return self.address

    def __fspath__(self) -> str:
        return self.address

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002  # as pathlib has it
        """Return the size, and whether it is a folder. Raises FileNotFoundError where there is nothing."""
        system, inner = self._system()
        about = _asked(self.address, lambda: system.info(inner))
        kind = stat.S_IFDIR if about["type"] == "directory" else stat.S_IFREG
        return os.stat_result((kind | 0o444, 0, 0, 1, 0, 0, int(about.get("size") or 0), 0, 0, 0))

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Tell whether there is something."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Tell whether it is a folder."""
        return self.exists() and stat.S_ISDIR(self.stat().st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Tell whether it is a file."""
        return self.exists() and stat.S_ISREG(self.stat().st_mode)

    def resolve(self, strict: bool = False) -> "RemotePath":  # noqa: ARG002
        """Return the path itself: an address is absolute."""
        return self

    def open(self, *_: Any, **__: Any) -> IO[Any]:  # type: ignore[override]  # for reading bytes alone
        """Open the file for reading bytes, a block ahead. Reading raises LostConnectionError when that fails."""
        system, inner = self._system()
        return io.BufferedReader(_Stream(self.address, _asked(self.address, lambda: system.open(inner, "rb"))))

    def files(self) -> dict[str, int]:
        """Return {name: size} of every file below."""
        system, inner = self._system()
        below = _asked(self.address, lambda: system.find(inner, detail=True))
        root = system._strip_protocol(inner).rstrip("/") + "/"
        return {
            place.removeprefix(root): int(about.get("size") or 0)
            for place, about in below.items()
            if about["type"] == "file"
        }

    def _system(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise ResbenchError(
                f"{self.address}: fsspec, which reads it, is not installed; pip install fsspec"
            ) from None
        system, inner = _asked(self.address, lambda: url_to_fs(self.address))
        return system, inner


def _asked(address: str, question: Any) -> Any:
    """Return the answer of a store, whose driver may raise anything."""
    try:
        return question()
    except (FileNotFoundError, ResbenchError):
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise LostConnectionError(f"{address}: {reason}; check the address and the connection") from None


class _Stream(io.RawIOBase):
    """A file of a store, whose failures are one line."""

    def __init__(self, address: str, file: Any) -> None:
        self.address, self.file = address, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self.file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self.file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.file.read(len(buffer))
        except Exception as error:
            reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
            raise LostConnectionError(
                f"{self.address}: the connection was lost ({reason}); run the same command again to go on"
            ) from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()
