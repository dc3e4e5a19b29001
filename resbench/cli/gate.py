"""`resbench gate`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def gate_(
    networks: Annotated[list[str] | None, options.network_argument("Networks whose speed is compared.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="The branch to merge into, compared at the last common commit. [default: the main branch]"),
    ] = None,
    results: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the records. [default: results]")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the cards. [default: cards]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Images on which both sides are evaluated.")] = None,
    evaluate: Annotated[
        list[str] | None, typer.Option(help="With --data: a network or checkpoint to evaluate; may be repeated.")
    ] = None,
    weights: Annotated[list[Path] | None, typer.Option(help="A file of weights for each --evaluate, in order.")] = None,
    input_px: Annotated[
        str | None,
        typer.Option(
            "--input-px", "--img-size", help="Image size for the speed: 224 or 224x288 (HxW). [default: the network's]"
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Images per call for the speed.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads for the speed.")] = 1,
    runtime: options.RuntimeOption = "eager",
    time_budget: Annotated[
        float, typer.Option(min=0.1, help="Seconds for all timings together, repeated ones included.")
    ] = 240.0,
    config: options.Limits = None,
    junit: options.Junit = None,
    code_quality: options.CodeQuality = None,
    fail_on_inconclusive: options.FailOnInconclusive = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Check a branch before merging it.

    Counts every network again, and checks all cards and the records that the branch changed. With --data it evaluates
    both sides on the same images; for the networks named, it times both sides in turn, each with its own code. The exit
    codes are those of `resbench check`.

    \b
    Examples:
      resbench gate
      resbench gate resnet50 seresnext50_32x4d --against origin/main --junit report.xml
      resbench gate --data imagenet/val --evaluate resnet18 --weights resnet18.pth
    """
    from resbench.bench import gate, parse
    from resbench.bench.entrance import entered
    from resbench.judging import limits
    from resbench.judging.finding import exit_code, worst_first
    from resbench.report import findings as report
    from resbench.report.progress import timing_progress
    from resbench.running.settings import Running

    gating = gate.Gating(
        results=results or Path("results"),
        cards=cards or Path("cards"),
        networks=[entered(name, parse.input_px(input_px)) for name in networks or ()],
        running=Running(input_px=parse.input_px(input_px), threads=threads, runtime=runtime),
        batch_size=batch_size,
        time_budget_s=time_budget,
        data=data,
        evaluate=evaluate or (),
        weights=weights or (),
    )
    with timing_progress(quiet=quiet) as on_progress:
        findings = gate.gate(against, gating, limits.load_limits(config), on_progress)
    code = exit_code(findings, fail_on_inconclusive=fail_on_inconclusive)
    report.publish(
        worst_first(findings), code, gating.results, as_json=as_json, junit_file=junit, code_quality_file=code_quality
    )
    raise typer.Exit(code)
