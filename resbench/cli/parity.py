"""`resbench parity`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def parity_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of ONNX, OpenVINO (.xml) or torch.export (.pt2).")
    ],
    name: Annotated[str, options.network_argument("The network that it should hold.")],
    weights: options.WeightsOfNetwork = None,
    key: options.Key = None,
    data: options.ImagesToCompareOn = None,
    input_px: options.SidePx = None,
    bound: Annotated[
        float | None,
        options.how(
            min=0,
            metavar="SHARE",
            help="Largest difference of a logit, as a share of the largest logit. "
            "[default: 0.001; 0.05 for files in fp16 or bf16; 0.25 in int8]",
        ),
    ] = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Check that an exported file gives its network's results.

    The reference is the network in eager torch; any program may have exported the file. Exits with 1 when they differ,
    and names the first layer whose output differs.

    \b
    Examples:
      resbench parity resnet18.onnx resnet18 --weights resnet18.pth
      resbench parity out/resnet50.xml resnet50 --weights resnet50.tv_in1k --data imagenet/val
    """
    from resbench.bench import parity
    from resbench.report import parity as report
    from resbench.report.progress import timing_progress

    with timing_progress(quiet=quiet) as on_progress:
        result = parity.parity(
            file, name, weights=weights, key=key, data=data, input_px=input_px, bound=bound, on_progress=on_progress
        )
    raise typer.Exit(report.show_parity(result, as_json=as_json))
