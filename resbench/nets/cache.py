"""Checkpoints on this machine: in torch.hub's folder, so that what users already have is found, and fetched there."""

import hashlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from resbench.errors import ResbenchError
from resbench.nets.formats import foreign_folder
from resbench.zoo.spec import Weights

Advance = Callable[[int, int | None], None]  # bytes that are here, bytes in all if the server tells

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30


def folder() -> Path:
    """Return torch.hub's folder of checkpoints, by its own rule, without importing torch for it."""
    if "torch" in sys.modules:
        return Path(sys.modules["torch"].hub.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def file_name(weights: Weights) -> str:
    """Return what the file of `weights` is called."""
    return PurePosixPath(urlparse(weights.url).path).name


def path_of(weights: Weights) -> Path:
    """Return the path that `weights` has, or would have, on this machine."""
    return folder() / file_name(weights)


def cached(weights: Weights) -> Path:
    """Return the path of `weights` on this machine. Raises ResbenchError when it is not here."""
    path = path_of(weights)
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


def check(weights: Weights, path: Path, digest: str) -> None:
    """Raise ResbenchError unless `digest`, that of the file at `path`, begins as `weights` was published."""
    if not digest.startswith(weights.sha256_prefix):
        raise ResbenchError(
            f"{path}: not the published {weights.name}: its SHA-256 begins with {digest[:8]}, not with "
            f"{weights.sha256_prefix}; run `resbench weights fetch {weights.name}`"
        )


def fetch(weights: Weights, advance: Advance) -> Path:
    """Download `weights` unless it is here and whole, and return its path.

    What arrives goes to a .part file, which the next call continues; it gets its name only when the hash is right.
    Raises ResbenchError, with what to do by hand, when it cannot be had.
    """
    path = path_of(weights)
    if path.exists() and sha256(path).startswith(weights.sha256_prefix):
        return path
    part = path.with_name(f"{path.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _download(weights.url, part, advance)
    except urllib.error.HTTPError as error:  # also an OSError, so it goes first
        raise ResbenchError(
            f"{weights.name}: the server says {error.code} {error.reason}; {_by_hand(weights)}"
        ) from None
    except (OSError, HTTPException) as error:
        raise ResbenchError(
            f"{weights.name}: not fetched ({_reason(error)}); try again, or {_by_hand(weights)}"
        ) from None
    try:
        check(weights, part, sha256(part))
    except ResbenchError:
        part.unlink()
        raise
    part.replace(path)
    return path


def _reason(error: BaseException) -> str:
    """Return why the network failed, without what wraps it."""
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _by_hand(weights: Weights) -> str:
    path = path_of(weights)
    return f"put {path.name} from {weights.url} into {path.parent}"


def _download(url: str, part: Path, advance: Advance) -> None:
    """Append to `part` what it lacks of `url`."""
    have = part.stat().st_size if part.exists() else 0
    try:
        response = _open(url, have)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416:  # range not satisfiable: the part is whole already, or of another file
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        have, response = 0, _open(url, 0)
    with response:
        have = have if response.status == 206 else 0  # a server that cannot continue sends everything
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with part.open("ab" if have else "wb") as stream:
            advance(have, total)
            while chunk := response.read(_CHUNK_BYTES):
                stream.write(chunk)
                have += len(chunk)
                advance(have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")


def _open(url: str, start: int) -> HTTPResponse:
    headers = {"User-Agent": "resbench", **({"Range": f"bytes={start}-"} if start else {})}
    response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    assert isinstance(response, HTTPResponse)
    return response
