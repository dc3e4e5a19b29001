"""`resbench card`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


class CardStyle(StrEnum):
    """The style of the cards."""

    DEFAULT = "default"
    TIMM = "timm"
    MMPRETRAIN = "mmpretrain"
    HUGGINGFACE = "huggingface"


def card_(
    names: Annotated[
        list[str] | None, options.network_argument("Networks, checkpoints, or patterns of networks such as 'se*'.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every network of the table, and the index.")] = False,
    style: Annotated[
        CardStyle, typer.Option(metavar="|".join(CardStyle), help="The style of the cards.")
    ] = CardStyle.DEFAULT,
    flops: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Convention of the FLOPs field, such as fvcore. [default: the usual one of the style]"
        ),
    ] = None,
    output: Annotated[Path, options.shown("--output", "-o", metavar="DIR", help="Folder for the cards.")] = Path(
        "cards"
    ),
    update: Annotated[
        list[Path] | None,
        options.shown(metavar="FILE", help="Write into the marked regions of this file instead; may be repeated."),
    ] = None,
    results: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the records to show.")] = Path("results"),
    check: Annotated[
        bool,
        options.shown(
            "--check",
            help="Write nothing; print a diff and exit 1 when a file is stale. Without names: check the cards in "
            "--output, and every network if the index is there.",
        ),
    ] = False,
    push: Annotated[
        str | None,
        options.shown(
            metavar="USER/NAME",
            help="Upload the card of one checkpoint, in the huggingface style, to this repository of the hub instead "
            "of writing it (needs huggingface_hub).",
        ),
    ] = None,
) -> None:
    """Write model cards.

    A card says what a network is, what it costs, and its published and measured results.

    A region of a file that --update names begins with the line `<!-- resbench:networks begin -->` (the table of
    networks) or `<!-- resbench:NAME begin -->` (the published results of a network) and ends with the same line with
    `end`.

    \b
    Examples:
      resbench card resnet50
      resbench card --check
      resbench card 'se*' --style timm
      resbench card --update README.md
      resbench card gluon_resnext50_32x4d --push me/resnext50
    """
    from resbench.cards import files
    from resbench.report import cards as report

    if push is not None:
        report.push_card(push, names or [], results, flops, also=[every, bool(update), check])
        return
    if check and style == CardStyle.DEFAULT and not (names or every or update):
        wanted = files.there(output, results, flops)
    else:
        wanted = files.wanted(
            names or [], every=every, output=output, update=update or [], results=results, style=style, flops=flops
        )
    if check:
        report.checked(difference := files.stale(wanted), len(wanted))
        raise typer.Exit(1 if difference else 0)
    report.written(files.write(wanted), len(wanted))
