"""`resbench explain`."""

from typing import Annotated

import typer

from resbench.cli import options


def explain_(
    network: Annotated[str, options.network_argument("A network, or a published checkpoint.")],
    figure: Annotated[
        str, typer.Argument(metavar="FIGURE", help="As it was printed: 5.28G, 5282531328, 4.27, 25.56M, 0.95%.")
    ],
    input_px: Annotated[
        str | None,
        options.what("--input-px", "--img-size", metavar="PX", help="Only at this image size: 224 or 224x288 (HxW)."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Find what a published figure such as 5.28G counts.

    The answer names the convention, the input and the rounding.

    Exit code: 0 when a count or a published accuracy gives the figure, 1 when it is a known error or nothing does.

    \b
    Examples:
      resbench explain resnet50 5.28G
      resbench explain resnet34 2.18M
    """
    from resbench.counting.counted import counted_or_none
    from resbench.counting.explain import explain_usual
    from resbench.report import explain as report
    from resbench.zoo.find import find
    from resbench.zoo.places import is_place

    is_counted = not is_place(network) and counted_or_none(find(network).name)
    explanation = explain_usual(network, figure) if is_counted else None
    if explanation is None or input_px or not explanation.settled:
        from resbench.bench import costs  # needs torch, to count at other inputs

        explanation = costs.explanation(network, figure, input_px)
    report.show_explanation(network, figure, explanation, as_json=as_json)
    raise typer.Exit(0 if explanation.explained else 1)
