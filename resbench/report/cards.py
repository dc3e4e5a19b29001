"""What happened to the cards."""

import sys
from collections.abc import Sequence
from pathlib import Path

from resbench.report import terminal


def checked(text: str, total: int) -> None:
    """Print a unified diff to stdout; say on stderr when it is of no files at all."""
    if not total:
        print("no cards here that resbench wrote", file=sys.stderr)
    terminal.print_diff(text)


def written(paths: Sequence[Path], total: int) -> None:
    """Say on stderr which of `total` files were written; the others were up to date."""
    for path in paths:
        terminal.advice().print(f"wrote {path}", soft_wrap=True)
    print(f"{len(paths)} written, {total - len(paths)} up to date", file=sys.stderr)
