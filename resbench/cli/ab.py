"""`resbench ab`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def ab_(
    a: Annotated[str, typer.Argument(help="A network; also timm:NAME or torchvision:NAME where those are installed.")],
    b: Annotated[str | None, typer.Argument(help="Another one. [default: A, with what the --b options say]")] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Images per call.")] = 1,
    input_px: Annotated[
        str | None, typer.Option("--input-px", "--img-size", help="Image size: 224 or 224x288. [default: own]")
    ] = None,
    device: options.Device = None,
    dtype: options.DType = "fp32",
    b_dtype: Annotated[str | None, typer.Option(help="The same for B only, like all --b options.")] = None,
    amp: options.Amp = False,
    b_amp: Annotated[bool, typer.Option("--b-amp")] = False,
    channels_last: options.ChannelsLast = False,
    b_channels_last: Annotated[bool, typer.Option("--b-channels-last")] = False,
    compile_it: options.Compile = False,
    b_compile: Annotated[bool, typer.Option("--b-compile")] = False,
    cuda_graph: options.CudaGraph = False,
    b_cuda_graph: Annotated[bool, typer.Option("--b-cuda-graph")] = False,
    fuse: options.Fuse = False,
    b_fuse: Annotated[bool, typer.Option("--b-fuse", "--b-fuse-bn")] = False,
    winograd: options.Winograd = False,
    b_winograd: Annotated[bool, typer.Option("--b-winograd")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; one repeats best on a shared machine.")] = 1,
    b_threads: Annotated[int | None, typer.Option(min=1)] = None,
    b_python: Annotated[str | None, typer.Option(help="Run B with this interpreter: both in fresh processes.")] = None,
    b_tree: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Run B's code from this work tree.")
    ] = None,
    noise_floor: Annotated[float, typer.Option(min=0, help="A slowdown that counts as none (0.01: 1 %).")] = 0.01,
    limit: options.PermittedSlowdown = 0.03,
    confirm: Annotated[bool, typer.Option(help="Look twice before a change is called.")] = True,
    time_budget: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which it ends, confirmation included.")
    ] = 120.0,
    fail_on_inconclusive: Annotated[
        bool, typer.Option("--fail-on-inconclusive", help="Exit 3 when the data cannot tell.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every sample and the verdict as JSON.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare two networks, or two settings of one, their calls in turn; exits 1 when B is slower.

    Weights and images are laid out afresh in memory for every cluster, clusters are the unit of the interval, and
    what slows the machine down slows both alike.

    \b
    Examples:
      resbench ab resnet50 timm:resnet50
      resbench ab resnext50_32x4d --b-fuse --b-channels-last
      resbench ab resnet50 --b-tree ../base
    """
    from resbench.bench import comparing, profiling
    from resbench.report import comparison as report
    from resbench.report.progress import progress
    from resbench.running.settings import Options
    from resbench.timing.contest import Rules

    shared = Options(
        input_px=profiling.parse_input_px(input_px),
        dtype=dtype,  # type: ignore[typeddict-item]  # checked with the device in hand
        amp=amp,
        channels_last=channels_last,
        compile_mode="default" if compile_it else None,
        cuda_graph=cuda_graph,
        fuse=fuse,
        winograd=winograd,
        threads=threads,
    )
    changed = comparing.changed(
        shared,
        dtype=b_dtype,
        amp=b_amp,
        channels_last=b_channels_last,
        compile_mode="default" if b_compile else None,
        cuda_graph=b_cuda_graph,
        fuse=b_fuse,
        winograd=b_winograd,
        threads=b_threads,
    )
    with progress(quiet=quiet) as on_progress:
        comparison = comparing.ab(
            comparing.Side(network=a, options=shared),
            comparing.Side(network=b or a, options=changed, python=b_python, tree=b_tree),
            device=device,
            batch_size=batch_size,
            rules=Rules(floor=noise_floor, limit=limit, confirm=confirm, time_budget_s=time_budget),
            on_progress=on_progress,
        )
    findings = comparing.findings(comparison)
    report.show(comparison, findings, as_json=as_json)
    raise typer.Exit(comparing.exit_code(findings, fail_on_inconclusive=fail_on_inconclusive))
