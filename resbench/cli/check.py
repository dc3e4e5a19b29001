"""`resbench check`."""

from pathlib import Path
from typing import Annotated

import typer

from resbench.cli import options


def check_(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A record, or a folder of records.")] = Path("results"),
    against: Annotated[
        str,
        typer.Option(
            metavar="BASELINE",
            help="The baseline: a record, a folder, a pool (`resbench baseline`), or git:REV for the same path.",
        ),
    ] = "git:HEAD",
    config: options.Limits = None,
    junit: options.Junit = None,
    code_quality: options.CodeQuality = None,
    fail_on_inconclusive: options.FailOnInconclusive = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare records with a baseline and report what changed.

    Counts and hashes must be equal. Memory and timings are compared only where machine and settings agree, accuracy
    only on the same images. A timing is compared with all runs of the baseline; five runs are needed to detect changes
    below 25 %. A record that equals the baseline's is ok. Limits are set in [tool.resbench.check] of pyproject.toml or
    [check] of resbench.toml. On GitHub, findings become annotations, a job summary and outputs. Exit code: 0 ok,
    1 regressed, 4 not comparable or missing, 5 invalid; 3 inconclusive, with
    --fail-on-inconclusive.

    \b
    Examples:
      resbench check --against git:origin/main
      resbench check fresh --against pool --junit report.xml
      resbench check new.json --against old.json --json
    """
    from resbench.judging import limits
    from resbench.judging.compare import compare_folders
    from resbench.judging.finding import exit_code, worst_first
    from resbench.records.runs import is_cut_off, read_baseline, read_new, read_predictions
    from resbench.report import findings as report

    findings = compare_folders(
        read_baseline(against, new),
        read_new(new),
        limits.load_limits(config),
        whole=against.startswith("git:") or new.is_file(),
        committed=against.startswith("git:"),
        predictions=read_predictions(against, new),
    )
    code = exit_code(findings, fail_on_inconclusive=fail_on_inconclusive)
    report.publish(worst_first(findings), code, new, as_json=as_json, junit_file=junit, code_quality_file=code_quality)
    report.advise(findings, cut_off=is_cut_off(against, new))
    raise typer.Exit(code)
