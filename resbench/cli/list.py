"""`resbench list`."""

from typing import Annotated

import typer


def list_(
    patterns: Annotated[
        list[str] | None, typer.Argument(help="Names or patterns such as 'se*'; all when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the networks.

    Examples: `resbench list`, `resbench list 'se*'`
    """
    from resbench.report import networks
    from resbench.zoo.find import match

    networks.show(match(patterns or ["*"]), as_json=as_json)
