"""What git says and holds, read by running it."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from resbench.errors import ResbenchError


def commit_of(folder: Path, revision: str) -> str:
    """Return the hash of the commit that `revision` names. Raises ResbenchError when there is none."""
    git(folder, "rev-parse", "--git-dir")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except ResbenchError:
        hint = "give --against a file, a folder or git:REV"
        raise ResbenchError(f"{folder}: git knows no revision {revision!r}; {hint}") from None


def blobs(folder: Path, objects: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the content of each git object, None for one that is not there."""
    command = ["git", "cat-file", "--batch"]
    out = subprocess.run(command, cwd=folder, input="\n".join(objects).encode(), capture_output=True, check=True).stdout
    start = 0
    for _ in objects:
        end = out.index(b"\n", start)
        header = out[start:end].decode(errors="replace")
        if header.endswith(" missing"):
            yield None
            start = end + 1
        else:
            size = int(header.rsplit(" ", 1)[1])
            yield out[end + 1 : end + 1 + size]
            start = end + size + 2


def git(folder: Path, *words: str) -> str:
    """Return what git prints, run in `folder`. Raises ResbenchError with git's own last line when it fails."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=false", *words], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise ResbenchError(f"{folder}: {error.strerror} when running git; give --against a file or folder") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["git failed"])[-1]
        raise ResbenchError(f"{folder}: {last}; give --against a file, a folder or git:REV")
    return done.stdout
