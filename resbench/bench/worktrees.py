"""The two sides of a pull request as folders: the work tree, and the commit where its branch left the main branch."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.records.git import commit_of, git, git_bytes

_MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The two sides: the work tree, and the commit that it is compared with."""

    root: Path
    commit: str
    base: Path | None  # where the commit's own program lies; None: it has none, the installed one is used
    files: Path | None = None  # where all files of the commit lie, for networks that these build


@contextmanager
def trees(folder: Path, against: str | None, *, whole: bool = False) -> Iterator[Trees]:
    """Yield the work tree around `folder` and its base: where its branch left `against` (a main branch when None).

    `whole`: with all files of the base, not only those of the program.
    Raises ResbenchError outside a repository, or when there is no such revision.
    """
    root = Path(git(folder, "rev-parse", "--show-toplevel").strip())
    commit = git(root, "merge-base", "HEAD", commit_of(root, against or _main_branch(root))).strip()
    with tempfile.TemporaryDirectory(prefix="resbench-base-") as temporary:
        base = files = None
        if git(root, "ls-tree", "--name-only", commit, "--", "resbench/__init__.py"):
            base = files = Path(temporary)
            _extract(root, commit, files, "resbench")
        elif whole:
            files = Path(temporary)
            _extract(root, commit, files)
        yield Trees(root=root, commit=commit, base=base, files=files)


def _extract(root: Path, commit: str, folder: Path, *paths: str) -> None:
    """Put the files of a commit below `folder`; `paths`: these only."""
    archive = git_bytes(root, "archive", "--format=tar", commit, *paths)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def _main_branch(root: Path) -> str:
    known = git(root, "for-each-ref", "--format=%(refname:short)").split()
    for name in _MAIN_BRANCHES:
        if name in known:
            return name
    raise ResbenchError(f"{root}: has none of the branches {', '.join(_MAIN_BRANCHES)}; give --against a revision")
