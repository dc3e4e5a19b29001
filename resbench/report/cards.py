"""What happened to the cards."""

import sys
from collections.abc import Sequence
from pathlib import Path

from resbench.cards import hub
from resbench.cards.files import STYLES
from resbench.errors import ResbenchError
from resbench.report import terminal


def checked(text: str, total: int) -> None:
    """Print a unified diff to stdout; say on stderr when it is of no files at all."""
    if not total:
        print("no cards here that resbench wrote", file=sys.stderr)
    terminal.print_diff(text)


def push_card(repository: str, names: Sequence[str], results: Path, flops: str | None, also: Sequence[bool]) -> None:
    """Upload the card of one checkpoint, and print the address of the commit.

    Raises ResbenchError when any of `also` is asked for too: --all, --update, --check.
    """
    if any(also):
        raise ResbenchError("--push uploads one card; leave out --all, --update and --check")
    pages = hub.checkpoint_files(names, results, flops or STYLES["huggingface"].convention)
    print(hub.push(repository, pages))


def written(paths: Sequence[Path], total: int) -> None:
    """Say on stderr which of `total` files were written; the others were up to date."""
    for path in paths:
        terminal.advice().print(f"wrote {path}", soft_wrap=True)
    print(f"{len(paths)} written, {total - len(paths)} up to date", file=sys.stderr)
