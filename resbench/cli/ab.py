"""`resbench ab`."""

from typing import Annotated

import typer

from resbench.bench.parse import KEYS
from resbench.cli import options


def _differences(incomplete: str) -> list[str]:
    return [key for key in KEYS if key.startswith(incomplete)]


def ab_(
    a: Annotated[
        str,
        options.network_argument("A network: its name, or its place such as mine.py:build or timm:NAME.", metavar="A"),
    ],
    others: Annotated[
        list[str] | None,
        options.network_argument(
            "Networks to compare with A. [default: A itself, with the settings of --b]", metavar="B"
        ),
    ] = None,
    batch_size: Annotated[int, options.what("--batch-size", "-b", min=1, metavar="N", help="Images per call.")] = 1,
    input_px: options.InputPx = None,
    device: options.Device = None,
    dtype: options.DType = "fp32",
    calibration: options.Calibration = None,
    amp: options.Amp = False,
    channels_last: options.ChannelsLast = False,
    runtime: options.RuntimeOption = "eager",
    cuda_graph: options.CudaGraph = False,
    fuse: options.Fuse = False,
    threads: options.OneThread = None,
    differences: Annotated[
        list[str] | None,
        options.what(
            "--b",
            metavar="KEY[=VALUE]",
            autocompletion=_differences,
            help=f"What is different for B; may be repeated. One of {', '.join(KEYS)}. Examples: --b fuse, "
            "--b dtype=bf16, --b threads=2, --b tree=../base (B's code from this checkout), "
            "--b python=.venv/bin/python (B with this interpreter).",
        ),
    ] = None,
    differences_of_c: Annotated[
        list[str] | None,
        options.what("--c", metavar="KEY[=VALUE]", autocompletion=_differences, help="As --b, for a third arm C."),
    ] = None,
    differences_of_d: Annotated[
        list[str] | None,
        options.what("--d", metavar="KEY[=VALUE]", autocompletion=_differences, help="As --b, for a fourth arm D."),
    ] = None,
    noise_floor: options.NoiseFloor = 0.01,
    limit: options.PermittedSlowdown = 0.03,
    confirm: Annotated[bool, options.advanced(help="Repeat the measurement before reporting a change.")] = True,
    time_budget: Annotated[
        float,
        options.how(min=0.1, metavar="SECONDS", help="Seconds in all, loading and the repeated measurement included."),
    ] = 120.0,
    fail_on_inconclusive: options.FailOnInconclusive = False,
    as_json: Annotated[bool, options.shown("--json", help="Print every sample and the verdict as JSON.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare the speed of networks or settings by interleaved runs.

    The calls of A and B take turns, so what slows the machine down slows both alike. Further arms take turns too, and
    each is compared with A; Holm's procedure keeps false alarms as rare as with one. Exit code: 1 when another is
    slower than A.

    \b
    Examples:
      resbench ab resnet50 timm:resnet50
      resbench ab resnext50_32x4d --b fuse --b channels-last
      resbench ab resnet50 --b dtype=bf16
      resbench ab resnet50 --b tree=../base
      resbench ab resnet50 resnet50d resnext50_32x4d
      resbench ab resnet50 --b fuse --c fuse --c channels-last
    """
    from resbench.bench import comparing, parse
    from resbench.bench.entrance import entered
    from resbench.bench.sides import Side
    from resbench.judging.finding import exit_code
    from resbench.report import comparison as report
    from resbench.report.progress import timing_progress
    from resbench.running.settings import Running
    from resbench.timing.contest import Rules

    running = Running(
        input_px=parse.input_px(input_px),
        dtype=dtype,
        amp=amp,
        channels_last=channels_last,
        runtime=runtime,
        cuda_graph=cuda_graph,
        fuse=fuse,
        threads=threads,
        calibration=calibration,
    )
    options_of = {"b": differences or (), "c": differences_of_c or (), "d": differences_of_d or ()}
    network, *further = (entered(name, running.input_px) for name in (a, *(others or ())))
    sides = parse.arms(Side(network=network, running=running), further, options_of)
    with timing_progress(quiet=quiet) as on_progress:
        comparison = comparing.ab(
            *sides,
            device=device,
            batch_size=batch_size,
            rules=Rules(floor=noise_floor, limit=limit, confirm=confirm, time_budget_s=time_budget),
            on_progress=on_progress,
        )
    findings = comparing.findings(comparison)
    report.show_comparison(comparison, findings, as_json=as_json)
    verdicts = findings[: len(comparison.others)]  # the rest is for information
    raise typer.Exit(exit_code(verdicts, fail_on_inconclusive=fail_on_inconclusive))
