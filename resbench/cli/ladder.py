"""`resbench ladder`."""

from pathlib import Path
from typing import Annotated

from resbench.cli import options


def ladder_(
    name: Annotated[str, options.network_argument("A network.")],
    batch_size: Annotated[
        str | None,
        options.what(
            "--batch-size",
            "-b",
            metavar="N,...",
            help="Images per call: a number, or several (1,8,32). [default: 1, and 8 on the CPU, 256 on CUDA]",
        ),
    ] = None,
    input_px: options.InputPx = None,
    device: options.Device = None,
    dtype: options.DType = "fp32",
    calibration: options.Calibration = None,
    threads: options.Threads = None,
    weights: options.WeightsOfNetwork = None,
    key: options.Key = None,
    classes: options.Classes = None,
    data: Annotated[
        Path | None,
        options.what(
            metavar="DIR",
            help="With --weights: also evaluate every runtime on these images, as `resbench validate` does.",
        ),
    ] = None,
    time_budget: Annotated[
        float,
        options.how(min=0.1, metavar="SECONDS", help="Most seconds for each batch size, all runtimes together."),
    ] = 60.0,
    as_json: Annotated[bool, options.shown("--json", help="Print every sample and figure as JSON.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare eager torch, ONNX Runtime, OpenVINO, ... on a network.

    Every runtime's calls take turns with those of eager torch, so what slows the machine down slows all alike. What a
    runtime runs is compared with eager torch first; one that cannot run the network is listed with the reason.

    \b
    Examples:
      resbench ladder resnet18
      resbench ladder resnet50 -b 1,16 --threads 2
      resbench ladder resnet18 --weights resnet18.pth --data imagenet/val
    """
    from resbench.bench import ladder, parse
    from resbench.bench.entrance import entered
    from resbench.report import ladder as report
    from resbench.report.progress import timing_progress
    from resbench.running.settings import Running

    how = ladder.Laddering(
        running=Running(
            input_px=parse.input_px(input_px),
            dtype=dtype,
            threads=threads,
            calibration=calibration,
        ),
        weights=weights,
        key=key,
        classes=classes,
        device=device,
        batch_sizes=parse.plain_batch_sizes(batch_size),
        time_budget_s=time_budget,
        data=data,
    )
    with timing_progress(quiet=quiet) as on_progress:
        stages = ladder.ladder(entered(name, how.running.input_px), how, on_progress)
        report.show_ladder(stages, as_json=as_json)
