"""The two streams: results to stdout, progress and advice to stderr."""

import sys

from rich.console import Console

UNWRAPPED = 1000  # columns: a table that goes to a file or pipe keeps each row on one line


def results() -> Console:
    """Return the console for results, on stdout."""
    return Console(width=None if sys.stdout.isatty() else UNWRAPPED)


def advice() -> Console:
    """Return the console for progress, warnings and logs, on stderr."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else UNWRAPPED)
