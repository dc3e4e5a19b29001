"""`resbench count`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from resbench.cli import options


def count_(
    names: Annotated[
        list[str] | None, options.network_argument("Networks, checkpoints or patterns such as 'se*'.")
    ] = None,
    every: Annotated[bool, options.what("--all", help="Every network of the table.")] = False,
    input_px: options.InputPx = None,
    inputs: Annotated[
        str | None,
        options.what(
            "--input",
            metavar="SHAPES",
            help="Other inputs than one RGB image: CxHxW of each without the batch, such as 4x224x224 or 3x224x224,10; "
            "77:int64 for 77 tokens.",
        ),
    ] = None,
    classes: options.Classes = None,
    conventions: Annotated[
        list[str] | None,
        options.what(
            "--convention",
            "-c",
            metavar="NAME",
            help="macs, fvcore, mmcv, timm-card, torch, ptflops-aten, ptflops-pytorch, thop, thop-0.0.31 or an older "
            "thop (docs/counting.md); may be repeated. [default: all but the older thops for one network, macs and "
            "fvcore for several and for stages]",
        ),
    ] = None,
    by_stage: Annotated[
        bool,
        options.what("--by-stage", help="What each stage costs, and the time that it took in the newest record."),
    ] = False,
    results: Annotated[
        Path, options.what(metavar="DIR", help="With --by-stage: records of `profile --by-stage --save`.")
    ] = Path("results"),
    by_module: Annotated[bool, options.what("--by-module", help="fvcore's table of modules, run on the CPU.")] = False,
    crosscheck: Annotated[
        bool,
        options.advanced("--crosscheck", help="Compare with fvcore and PyTorch on the CPU; exit 5 if any differs."),
    ] = False,
    write: Annotated[
        bool, options.advanced("--write", help="With --all: update the counts that resbench ships with.")
    ] = False,
    check: Annotated[
        bool,
        options.advanced("--check", help="With --all: compare the shipped counts with new ones; exit 1 when stale."),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Count parameters, operations, activations, memory traffic.

    All counts are exact. Tools count "FLOPs" differently; a convention says how. With one side (224), each convention
    counts at its usual shape, which is 224x285 for timm's cards; HxW is used as given.

    \b
    Examples:
      resbench count resnet50
      resbench count --all --json
      resbench count resnet50 --by-stage
      resbench count resnet50 --input 3x288x288
    """
    from resbench.bench import costs, entrance, parse
    from resbench.errors import ResbenchError
    from resbench.report import counts as report
    from resbench.report.progress import tracked

    if by_stage + by_module + crosscheck + write + check > 1:
        raise ResbenchError("--by-stage, --by-module, --crosscheck, --write and --check exclude each other; give one")
    if inputs and (input_px or by_stage or by_module or crosscheck or write or check):
        raise ResbenchError(
            "--input describes the whole input; give no other option than --convention and --json with it"
        )
    if (write or check) and (not every or names or input_px or classes or conventions or as_json):
        raise ResbenchError("--write and --check concern the whole table as it is shipped; give --all and nothing else")
    if (by_module or crosscheck) and conventions:
        raise ResbenchError("--by-module and --crosscheck show fvcore's own convention; leave --convention out")
    if write:
        costs.write_table()
        return
    if check:
        raise typer.Exit(report.show_diff(costs.stale_table()))
    chosen = entrance.chosen(
        names or [], every=every, input_px=parse.input_px(input_px), classes=classes, declared=bool(inputs)
    )
    variants = chosen.networks
    followed: Any = partial(tracked, "counting", total=len(variants), quiet=quiet)
    if by_module:
        report.show_modules(followed(costs.modules_of(variants, input_px)), as_json=as_json)
    elif crosscheck:
        report.show_crosscheck(followed(costs.crosschecked(variants, input_px)), as_json=as_json)
    elif by_stage:
        from resbench.report.stages import show_stages

        stages = followed(costs.stages_of(variants, input_px, results))
        show_stages(stages, costs.conventions(conventions), as_json=as_json)
    else:
        rows = costs.counted_figures(
            variants, input_px, costs.conventions(conventions, full=len(variants) == 1), inputs
        )
        report.show_counts(followed(rows), as_json=as_json)
    raise typer.Exit(report.show_failures(chosen.errors))
