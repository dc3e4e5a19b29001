"""What git says and holds, read by running it."""

import os
import subprocess
import weakref
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from resbench.errors import ResbenchError

_TOGETHER = 500  # hashes that git is asked for at once: they fit into a pipe, so that nobody waits for the other


def commit_of(folder: Path, revision: str) -> str:
    """Return the hash of the commit that `revision` names. Raises ResbenchError when there is none."""
    git(folder, "rev-parse", "--git-dir")
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except ResbenchError:
        remedy = (
            "fetch it: this clone is shallow (`fetch-depth: 0`)" if is_shallow(folder) else "name one that it knows"
        )
        raise ResbenchError(f"{folder}: git has no revision {revision!r}; {remedy}") from None


def is_shallow(folder: Path) -> bool:
    """Tell whether `folder` lies in a clone without its earlier history."""
    return git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def tree(folder: Path, commit: str, name: str = ".") -> dict[str, str]:
    """Return the git objects of the files below `folder` that `name` is or contains, by name; links are left out."""
    listed = git(folder, "--literal-pathspecs", "ls-tree", "-r", "-z", commit, "--", name)
    heads = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return {own: head.split()[2] for head, _, own in heads if head.startswith("100")}


def versions(folder: Path, commit: str, name: str = ".") -> dict[str, list[str]]:
    """Return the git objects that such files were in the history of `commit`, newest first."""
    words = ("--no-merges", "--no-renames", "--raw", "-z", "--no-abbrev", "--format=", "--relative", "--diff-filter=d")
    changes = git(folder, "--literal-pathspecs", "log", *words, commit, "--", name).split("\0")
    commits: dict[str, list[str]] = defaultdict(list)
    for head, own in zip(changes[::2], changes[1::2], strict=False):  # ":100644 100644 <old> <new> M", "a.json"
        commits[own].append(head.split()[3])
    return commits


class Objects:
    """The objects of the repository around a folder, read one by one from a `git cat-file` that keeps running."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self._process)

    def read(self, *hashes: str) -> list[bytes]:
        """Return the contents of objects. Raises ResbenchError when the repository lacks one."""
        groups = (hashes[first : first + _TOGETHER] for first in range(0, len(hashes), _TOGETHER))
        return [text for group in groups for text in self._read(group)]

    def _read(self, hashes: Sequence[str]) -> Iterator[bytes]:
        asking, answering = self._process.stdin, self._process.stdout
        assert asking
        assert answering
        with suppress(BrokenPipeError):
            asking.write("".join(f"{sha}\n" for sha in hashes).encode())
            asking.flush()
        for sha in hashes:
            header = answering.readline().split()
            if len(header) != 3:  # "<sha> missing", or nothing
                raise ResbenchError(f"git object {sha}: cannot be read; check the repository with `git fsck`")
            yield answering.read(int(header[2]) + 1)[:-1]


def _end(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream:
            with suppress(BrokenPipeError):
                stream.close()
    process.wait()


def git(folder: Path, *words: str) -> str:
    """Return what git prints, run in `folder`. Raises ResbenchError with git's own last line when it fails."""
    return os.fsdecode(git_bytes(folder, *words))


def git_bytes(folder: Path, *words: str, text: str = "") -> bytes:
    """Return what git writes, given `text` to read. Raises ResbenchError as `git` does."""
    remedy = "run it inside a git repository, or name a pool, a folder or a file instead"
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=_environment(), input=os.fsencode(text), capture_output=True, check=False
        )
    except OSError as error:
        raise ResbenchError(f"{folder}: {error.strerror} when running git; {remedy}") from None
    if done.returncode:
        last = (os.fsdecode(done.stderr).strip().splitlines() or ["git failed"])[-1].strip()
        raise ResbenchError(f"{folder}: {last}; {remedy}")
    return done.stdout


def _environment() -> dict[str, str]:
    # A hook has GIT_DIR set, and then git takes the folder that it is run in for the top of the work tree.
    return {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE")}
