"""`resbench export`."""

from pathlib import Path
from typing import Annotated

from resbench.cli import options


def export_(
    name: Annotated[str, options.network_argument("A network.")],
    to: Annotated[
        str, options.shown("--to", metavar="FORMAT", help="onnx, openvino (.xml and .bin) or pt2 (torch.export).")
    ] = "onnx",
    weights: options.WeightsOfNetwork = None,
    key: options.Key = None,
    output: Annotated[
        Path | None,
        options.shown("--output", "-o", metavar="FILE", help="The file. [default: NAME.onnx, .xml, .pt2]"),
    ] = None,
    dynamic_batch: Annotated[
        bool,
        options.shown("--dynamic-batch", help="The file takes any number of images. [default: one at a time]"),
    ] = False,
    uint8: Annotated[
        bool,
        options.shown(
            "--preprocess",
            help="The file takes uint8 images (N x H x W x 3), cropped to size, and normalises them itself.",
        ),
    ] = False,
    input_px: options.SidePx = None,
    data: options.ImagesToCompareOn = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Export a network to ONNX, OpenVINO or torch.export.

    The outputs of the file are compared with the network's in eager torch before the file is put in its place.

    \b
    Examples:
      resbench export resnet18 --weights resnet18.pth --dynamic-batch
      resbench export resnet50 --to openvino --weights resnet50.tv_in1k --data imagenet/val -o out/resnet50.xml
    """
    from resbench.bench import exporting
    from resbench.report import parity as report
    from resbench.report.progress import timing_progress

    with timing_progress(quiet=quiet) as on_progress:
        path, result = exporting.export_network(
            name,
            to,
            output,
            weights=weights,
            key=key,
            data=data,
            input_px=input_px,
            dynamic_batch=dynamic_batch,
            uint8=uint8,
            on_progress=on_progress,
        )
    report.show_export(path, result, as_json=as_json)
