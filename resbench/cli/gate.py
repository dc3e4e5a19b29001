"""`resbench gate`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def gate_(
    networks: Annotated[list[str] | None, options.network_argument("Networks whose speed is compared.")] = None,
    against: Annotated[
        str | None,
        options.what(
            metavar="BRANCH",
            help="The branch to merge into, compared at the last common commit. [default: the main branch]",
        ),
    ] = None,
    results: Annotated[
        Path | None,
        options.what(exists=True, file_okay=False, metavar="DIR", help="Folder of the records. [default: results]"),
    ] = None,
    cards: Annotated[
        Path | None,
        options.what(exists=True, file_okay=False, metavar="DIR", help="Folder of the cards. [default: cards]"),
    ] = None,
    data: Annotated[Path | None, options.what(metavar="DIR", help="Images on which both sides are evaluated.")] = None,
    evaluate: Annotated[
        list[str] | None,
        options.what(
            metavar="NAME",
            autocompletion=options.network_names,
            help="With --data: a network or checkpoint to evaluate; may be repeated.",
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        options.what(metavar="FILE", help="A file of weights for each --evaluate, in order."),
    ] = None,
    input_px: Annotated[
        str | None,
        options.what(
            "--input-px",
            "--img-size",
            metavar="PX",
            help="Image size for the speed: 224 or 224x288 (HxW). [default: the network's]",
        ),
    ] = None,
    batch_size: Annotated[
        int, options.what("--batch-size", "-b", min=1, metavar="N", help="Images per call for the speed.")
    ] = 1,
    threads: options.OneThread = None,
    runtime: options.RuntimeOption = "eager",
    time_budget: Annotated[
        float,
        options.how(min=0.1, metavar="SECONDS", help="Seconds for all timings together, repeated ones included."),
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
