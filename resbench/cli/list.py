"""`resbench list`."""

from typing import Annotated

import typer

from resbench.cli import options


def list_(
    patterns: Annotated[
        list[str] | None, typer.Argument(help="Names or patterns such as 'se*'; all when left out.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Show only networks that meet a condition such as 'params<30M and top1>79'."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Order by name, family, input_px, params, macs, top1 or checkpoints.")
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", "-d", help="Largest first.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """List the networks with their costs and the best published top-1 accuracy.

    --where compares columns with numbers (30M, 4.1G, 79%) or quoted text by < <= == != > >=, joined by and, or, not.
    top1 is the best published one on the network's own data set, in per cent: top1>79, not top1>0.79.
    MACs are multiply-adds of one image at the network's input size.

    \b
    Examples:
      resbench list
      resbench list 'se*' --where "params<30M and top1>79" --sort macs
    """
    from resbench.report import networks
    from resbench.zoo.find import match

    rows = networks.rows(match(patterns or ["*"]), where=where, sort=sort, descending=descending)
    networks.show_networks(rows, as_json=as_json)
