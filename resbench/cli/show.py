"""`resbench show`."""

from pathlib import Path
from typing import Annotated

from resbench.cli import options


def show_(
    name: Annotated[
        str,
        options.network_argument("A network, its place such as mine.py:build or timm:NAME, or a checkpoint."),
    ],
    input_px: options.InputPx = None,
    results: Annotated[Path, options.what(metavar="DIR", help="Records of `profile --by-stage --save`.")] = Path(
        "results"
    ),
    output: Annotated[
        Path | None,
        options.shown("--output", "-o", metavar="FILE", help="Write the drawing to this SVG file instead."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Draw a network: its stages and blocks with their costs.

    Shows shapes, parameters and multiply-adds, and the time of each stage if a record has it.

    \b
    Examples:
      resbench show resnet50
      resbench show seresnext50_32x4d -o seresnext50_32x4d.svg
    """
    from resbench.bench import costs
    from resbench.report import show as report

    shown = costs.shown(name, input_px, results)
    if output:
        report.write_drawing(shown, output)
    else:
        report.show_network(shown, as_json=as_json)
