"""Checkpoints on this machine: in torch.hub's folder, so that what users already have is found, and fetched there."""

import hashlib
import math
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlparse

from resbench.errors import ResbenchError
from resbench.nets.formats import foreign, foreign_folder
from resbench.records.files import delete_unless_locked, lock
from resbench.zoo.find import published_weights
from resbench.zoo.spec import Weights

Advance = Callable[[int, int | None], None]  # bytes that are here; bytes in all, if the server says so

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30
_STALE_S = 7 * 24 * 3600
MAX_BYTES = 4 << 30  # of a download whose size is not published; the largest of the table has 3.3 GB


def folder() -> Path:
    """Return torch.hub's folder of checkpoints, by its own rule, without importing torch for it."""
    if "torch" in sys.modules:
        return Path(sys.modules["torch"].hub.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def cached_name(weights: Weights) -> str:
    """Return what the file of `weights` is called."""
    return Path(weights.path).name if weights.path else PurePosixPath(urlparse(weights.url).path).name


def cached_path(weights: Weights) -> Path:
    """Return the path that `weights` has, or would have, on this machine."""
    return Path(weights.path) if weights.path else folder() / cached_name(weights)


def cached(weights: Weights) -> Path:
    """Return the path of `weights` on this machine. Raises ResbenchError when it is not here."""
    path = cached_path(weights)
    if weights.path and not path.exists():
        raise ResbenchError(f"{weights.name}: {path}: no such file; correct `file` in its row of the zoo")
    if not path.exists():
        raise ResbenchError(
            f"{weights.name}: not on this machine; run `resbench weights fetch {weights.name}`, or {_by_hand(weights)}"
        )
    return path


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file as 64 hexadecimal digits."""
    if path.is_dir():
        raise ResbenchError(f"{path}: {foreign_folder(path)}")
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ResbenchError(f"{path}: {error.strerror}; give a file of weights") from None


def check_file(weights: Weights, path: Path, digest: str) -> None:
    """Raise ResbenchError unless `digest`, that of the file at `path`, begins as `weights` was published."""
    if not digest.startswith(weights.sha256_prefix):
        raise ResbenchError(
            f"{path}: not the published {weights.name}: its SHA-256 begins with {digest[:8]}, not with "
            f"{weights.sha256_prefix}; run `resbench weights fetch {weights.name}`"
        )


def fetch(weights: Weights, advance: Advance, *, trust: bool = False) -> Path:
    """Download `weights` unless it is here and whole, and return its path. Several processes may do so at once.

    What arrives goes to a .part file, which the next call continues; it gets its name only when the hash is right.
    Without a published hash, `trust` is needed. Raises ResbenchError, with what to do by hand, when it cannot be had.
    """
    path = cached(weights) if weights.path else cached_path(weights)
    if _whole(weights, path):
        return path
    if weights.path:
        check_file(weights, path, sha256(path))
    if not weights.sha256_prefix and not trust:
        raise ResbenchError(
            f"{weights.name}: no hash is published, so a download cannot be verified; --trust accepts it unverified"
        )
    part = path.with_name(f"{path.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _sweep(part.parent)
        with _alone(part) as stream:
            if _whole(weights, path):  # another process has fetched it meanwhile
                return path
            _download(weights, stream, advance)
            _settle(weights, part)
            part.replace(path)
    except urllib.error.HTTPError as error:  # also an OSError, so it goes first
        raise ResbenchError(
            f"{weights.name}: the server says {error.code} {error.reason}; {_by_hand(weights)}"
        ) from None
    except (OSError, HTTPException) as error:
        raise ResbenchError(
            f"{weights.name}: not fetched ({_reason(error)}); try again, or {_by_hand(weights)}"
        ) from None
    return path


def _whole(weights: Weights, path: Path) -> bool:
    return path.exists() and sha256(path).startswith(weights.sha256_prefix)


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """Open a part file that no other process writes to meanwhile. A process that is killed lets go of it."""
    while True:
        with part.open("ab") as stream:
            lock(stream)
            if _is_still(part, stream):  # who had it before may have given it its final name
                try:
                    yield stream
                finally:
                    if _is_still(part, stream) and not part.stat().st_size:
                        part.unlink()
                return


def _is_still(part: Path, stream: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), part.stat())
    except FileNotFoundError:
        return False


def _sweep(checkpoints: Path) -> None:
    """Remove the parts that nobody has continued for `_STALE_S`."""
    for part in {checkpoints / f"{cached_name(weights)}.part" for weights in published_weights() if weights.url}:
        if part.exists() and time.time() - part.stat().st_mtime > _STALE_S:
            delete_unless_locked(part)


def _settle(weights: Weights, part: Path) -> None:
    """Raise ResbenchError, and remove the part, unless it is what was published, or at least looks like weights."""
    try:
        digest = sha256(part)
        with part.open("rb") as stream:
            begin = stream.read(512)
        weights_like = begin.startswith((b"PK", b"\x80")) or begin[8:9] == b"{"
        if begin.lstrip().startswith(b"<") or not (weights.sha256_prefix or weights_like):
            raise ResbenchError(f"{weights.name}: the server sent no weights: {foreign(begin, part)}")
        check_file(weights, part, digest)
    except ResbenchError:
        part.unlink()
        raise


def _reason(error: BaseException) -> str:
    """Return why the network failed, without what wraps it."""
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _by_hand(weights: Weights) -> str:
    path = cached_path(weights)
    return f"put {path.name} from {weights.url} into {path.parent}"


def _download(weights: Weights, stream: BinaryIO, advance: Advance) -> None:
    """Append to `stream` what it lacks of the published file, and no more than that has."""
    have = stream.seek(0, os.SEEK_END)
    try:
        response = _open(weights.url, have)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416:  # range not satisfiable: the part is whole already, or of another file
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        have, response = 0, _open(weights.url, 0)
    with response:
        have = have if response.status == 206 else 0  # a server that cannot continue sends everything
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        stream.truncate(have)
        advance(have, total)
        while chunk := response.read(_CHUNK_BYTES):
            have += len(chunk)
            if have > most_bytes(weights):
                stream.truncate(0)
                raise ConnectionError(f"the server sends more than the {most_bytes(weights):,} bytes that it may")
            stream.write(chunk)
            advance(have, total)
        stream.flush()
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")


def most_bytes(weights: Weights) -> int:
    """Return how many bytes a download may have: the published size, or MAX_BYTES where none is published."""
    claim = weights.sound_claim("file_size")
    return math.ceil(claim.value + claim.quantum) if claim else MAX_BYTES


def secure(url: str) -> str:
    """Return an address by https, unless it is on this machine."""
    plain = url.startswith("http://") and urlparse(url).hostname not in ("localhost", "127.0.0.1", "::1")
    return f"https://{url.removeprefix('http://')}" if plain else url


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no address that leads from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        return super().redirect_request(req, fp, code, msg, headers, secure(newurl))


def _open(url: str, start: int) -> HTTPResponse:
    headers = {"User-Agent": "resbench", **({"Range": f"bytes={start}-"} if start else {})}
    opener = urllib.request.build_opener(_SecureRedirects)
    response = opener.open(urllib.request.Request(secure(url), headers=headers), timeout=_TIMEOUT_S)
    assert isinstance(response, HTTPResponse)
    return response
