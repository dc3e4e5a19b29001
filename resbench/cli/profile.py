"""`resbench profile`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def profile_(
    context: typer.Context,
    names: Annotated[list[str] | None, options.network_argument("Networks, or patterns such as 'resnext*'.")] = None,
    every: Annotated[bool, options.what("--all", help="Profile every network of the table.")] = False,
    batch_size: Annotated[
        str | None,
        options.what(
            "--batch-size",
            "-b",
            metavar="N,...",
            help="Images per call: a number, several (1,8,32), or auto: where throughput saturates. "
            "[default: latency at 1, throughput at 8 on the CPU, 32 on MPS, 256 on CUDA]",
        ),
    ] = None,
    input_px: options.InputPx = None,
    device: options.Device = None,
    dtype: options.DType = "fp32",
    calibration: options.Calibration = None,
    amp: options.Amp = False,
    channels_last: options.ChannelsLast = False,
    runtime: options.RuntimeOption = "eager",
    compile_mode: Annotated[
        str | None,
        options.advanced(
            metavar="MODE", help="With --runtime compile, its mode: default, reduce-overhead, max-autotune."
        ),
    ] = None,
    cuda_graph: options.CudaGraph = False,
    fuse: Annotated[
        bool,
        options.how("--fuse", "--fuse-bn", help="Fold batch norms into convolutions; reports how far outputs move."),
    ] = False,
    threads: options.Threads = None,
    train: Annotated[
        bool, options.what("--train", help="Time a training step instead: forward, backward and optimizer separately.")
    ] = False,
    data: Annotated[
        Path | None,
        options.what(
            metavar="DIR",
            help="Also measure throughput end to end: images from this folder or archive (no labels needed) are "
            "decoded, prepared, moved to the device and run through the network in one stream.",
        ),
    ] = None,
    decoder: Annotated[
        str | None,
        options.advanced(metavar="NAME", help="With --data: pillow, simplejpeg or simplejpeg+torch. [default: pillow]"),
    ] = None,
    workers: Annotated[
        int | None,
        options.advanced(
            "--workers", "-j", min=1, metavar="N", help="With --data: threads that decode. [default: one per core]"
        ),
    ] = None,
    by_stage: Annotated[
        bool,
        options.what(
            "--by-stage", help="Also measure where the time goes: by stage and by kind of operator, at each batch size."
        ),
    ] = False,
    tuned: options.Tuned = False,
    launches: Annotated[
        int,
        options.advanced(
            min=1, metavar="N", help="Fresh processes to measure in; with 3 or more, intervals are over processes."
        ),
    ] = 1,
    time_budget: Annotated[
        float, options.how(min=0.1, metavar="SECONDS", help="Most seconds for each speed, batch size and launch.")
    ] = 10.0,
    weights: options.WeightsOfNetwork = None,
    key: options.Key = None,
    classes: options.Classes = None,
    save: Annotated[
        bool, options.shown("--save", help="Write each record below --output as soon as it exists.")
    ] = False,
    output: options.RecordsFolder = Path("results"),
    resume: Annotated[
        bool,
        options.shown("--resume", help="With --save: skip networks that have a record with these settings."),
    ] = False,
    as_json: options.RecordsAsJson = False,
    quiet: Annotated[
        bool, options.shown("--quiet", "-q", help="Show no progress and no notes, only tables and errors.")
    ] = False,
) -> None:
    """Count what a network costs, and measure its speed.

    \b
    Examples:
      resbench profile resnext50_32x4d
      resbench profile 'seresnext*' -b 1,8,auto --save
      resbench profile resnet50 --dtype bf16 --channels-last --fuse
      resbench profile resnet50 --data imagenet/val
    """
    from resbench.bench import parse, profiles, profiling
    from resbench.report import profile as report
    from resbench.report.progress import timing_progress
    from resbench.running.settings import Running

    if tuned:
        options.refuse_with_tuned(context)
    networks = profiles.chosen_in_order(names or [], every=every)
    how = profiling.Profiling(
        running=Running(
            input_px=parse.input_px(input_px),
            dtype=dtype,
            amp=amp,
            channels_last=channels_last,
            runtime=runtime,
            compile_mode=compile_mode,
            cuda_graph=cuda_graph,
            fuse=fuse,
            threads=threads,
            calibration=calibration,
        ),
        weights=weights,
        key=key,
        classes=classes,
        device=device,
        batch_sizes=parse.batch_sizes(batch_size),
        train=train,
        launches=launches,
        time_budget_s=time_budget,
        data=None if data is None else str(data),
        decoder=decoder,
        workers=workers,
        by_stage=by_stage,
    )
    with timing_progress(quiet=quiet) as on_progress:
        outcomes = profiles.profile_each(
            networks,
            how,
            root=output if save else None,
            resume=resume,
            tuned=output if tuned else None,
            on_progress=on_progress,
        )
        code = report.show_profiles(outcomes, single=len(networks) == 1, as_json=as_json, quiet=quiet)
    raise typer.Exit(code)
