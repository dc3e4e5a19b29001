"""`resbench tune`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from resbench.cli import options


class Aim(StrEnum):
    """What the fastest setting is best at."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"


def tune_(
    name: Annotated[str, options.network_argument("A network.")],
    aim: Annotated[
        Aim | None,
        options.what(
            "--for",
            metavar="latency|throughput",
            help="What is to be the best. [default: latency; throughput with --max-latency]",
        ),
    ] = None,
    max_latency: Annotated[
        str | None,
        options.what(
            metavar="TIME", help="The highest throughput among settings whose calls certainly take less: 20ms, 0.5s."
        ),
    ] = None,
    batch_size: Annotated[
        str | None,
        options.what(
            "--batch-size",
            "-b",
            metavar="N,...",
            help="Images per call; for throughput several to try (1,8,32). [default: 1 for latency; for throughput 2, "
            "8 and 32 on the CPU, 64, 256 and 1024 on CUDA]",
        ),
    ] = None,
    input_px: options.InputPx = None,
    weights: options.WeightsOfNetwork = None,
    key: options.Key = None,
    classes: options.Classes = None,
    data: Annotated[
        Path | None,
        options.what(
            metavar="DIR",
            help="Images of this folder or archive that a setting must answer as eager torch in fp32 does; labels are "
            "not needed. [default: the images of --calibration, else random ones]",
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        options.what(
            min=0,
            metavar="POINTS",
            help="With labelled --data and --weights: the most percentage points of top-1 that a setting may lose "
            "against fp32. [default: every image must have the same first class]",
        ),
    ] = None,
    device: options.Device = None,
    runtimes: Annotated[
        str | None,
        options.how(
            "--runtime",
            metavar="RUNTIME,...",
            help="Try only these runtimes: eager,onnxruntime. [default: all that are here]",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        options.how(min=1, metavar="N", help="Try only so many CPU threads. [default: 1, 2, 4, ... up to all cores]"),
    ] = None,
    calibration: Annotated[
        str | None,
        options.how(
            metavar="DIR", help="Try int8 too: a folder or archive of images (300 are used) that set its ranges."
        ),
    ] = None,
    time_budget: Annotated[
        float,
        options.how(
            min=0.1,
            metavar="SECONDS",
            help="Most seconds; at most half of them to make settings ready. Comparing answers is always finished.",
        ),
    ] = 600.0,
    output: Annotated[
        Path,
        options.shown("--output", "-o", metavar="DIR", help="Folder of records; the result is saved below it."),
    ] = Path("results"),
    as_json: Annotated[bool, options.shown("--json", help="Print every sample and figure as JSON.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the fastest setting here whose results are right.

    Settings (runtime, number format, folded batch norms, memory layout, threads, batch size) race: their calls take
    turns, and those that are clearly behind leave. It takes at most a fifth of the samples of the whole grid. The
    result is saved; `profile --tuned` and `validate --tuned` use it.

    \b
    Examples:
      resbench tune resnet50
      resbench tune resnet18 --weights resnet18.pth --data imagenet/val --max-loss 0.5 --calibration photos
      resbench tune resnet50 --for throughput --max-latency 20ms
    """
    from resbench.bench import parse, tuning
    from resbench.bench.entrance import entered
    from resbench.report import tuning as report
    from resbench.report.progress import timing_progress
    from resbench.running.settings import Running

    max_latency_s = parse.latency_limit_s(max_latency)
    how = tuning.Tuning(
        goal=parse.goal(aim, max_latency_s),
        running=Running(input_px=parse.input_px(input_px), threads=threads, calibration=calibration),
        runtimes=parse.names(runtimes),
        weights=weights,
        key=key,
        classes=classes,
        device=device,
        batch_sizes=parse.plain_batch_sizes(batch_size),
        data=data,
        max_loss=parse.fraction(max_loss),
        max_latency_s=max_latency_s,
        time_budget_s=time_budget,
    )
    with timing_progress(quiet=quiet) as on_progress:
        stages = tuning.tune(entered(name, how.running.input_px), how, on_progress)
        tuned = report.show_tuning(stages, as_json=as_json)
    report.save_race(tuned, output)
