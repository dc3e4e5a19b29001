"""Where the files lie that reports are about, as the pages of a repository name them."""

from pathlib import Path

from resbench.judging.finding import Finding


def in_repository(path: Path) -> str:
    """Return `path` relative to the top of the repository around the current folder; in full when it lies elsewhere.

    Without a repository it is relative to the current folder.
    """
    whole, top = path.resolve(), _top()
    return (whole.relative_to(top) if whole.is_relative_to(top) else whole).as_posix()


def of_finding(finding: Finding, root: Path) -> str | None:
    """Return where the record or card of `finding` lies, as above; None when it is about neither.

    Records lie in `root`, which may be the record itself; cards are named from the top.
    """
    match Path(finding.record).suffix:
        case ".json":
            return in_repository(root if root.is_file() else root / finding.record)
        case ".md":
            return in_repository(_top() / finding.record)
    return None


def _top() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
