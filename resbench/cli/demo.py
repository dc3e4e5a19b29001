"""`resbench demo`."""

from pathlib import Path
from typing import Annotated

from resbench.cli import options


def demo_(
    output: Annotated[
        Path, options.shown("--output", "-o", metavar="DIR", help="A new folder for everything that the demo makes.")
    ] = Path("resbench-demo"),
    quiet: options.Quiet = False,
) -> None:
    """Show what resbench does in about a minute, without any data.

    Draws images of ten of ImageNet's classes, trains a tiny network on them, and runs the commands that profile it,
    validate it, write its card and a report of its records. Then it breaks the network on purpose, and lets
    `resbench check` find that. Every command is printed before it runs; they can be run again in the folder.

    \b
    Examples:
      resbench demo
      resbench demo -o /tmp/demo
    """
    from resbench.cli.app import app
    from resbench.report.demo import show_demo

    show_demo(output, lambda words: app(words, standalone_mode=False), quiet=quiet)
