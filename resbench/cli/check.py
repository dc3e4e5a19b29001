"""`resbench check`."""

from pathlib import Path
from typing import Annotated

import typer


def check_(
    new: Annotated[Path, typer.Argument(help="A record, or a folder of records.")] = Path("results"),
    against: Annotated[
        str, typer.Option(help="The baseline: a record, a folder, or git:REV for the same path at a git revision.")
    ] = "git:HEAD",
    fail_on_inconclusive: Annotated[
        bool, typer.Option("--fail-on-inconclusive", help="Exit 3 when the data cannot tell.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compare records with a baseline: did anything change?

    Counts must be equal; timings and memory are compared only where machine and settings agree; accuracy only on the
    same images. Exit code: 0 ok, 1 regressed, 4 not comparable or missing, 5 invalid; 3 on request.

    Examples: `resbench check --against git:main`, `resbench check new.json --against old.json`
    """
    from resbench.judging.compare import compare, compare_folders
    from resbench.judging.finding import exit_code, worst_first
    from resbench.records.jsonio import read
    from resbench.records.store import read_baseline, read_folder
    from resbench.report import findings as report

    if new.is_file() and Path(against).is_file():
        findings = compare(read(Path(against)), read(new), new.name)
    else:
        findings = compare_folders(read_baseline(against, new), read_folder(new))
    report.show(worst_first(findings), as_json=as_json)
    raise typer.Exit(exit_code(findings, fail_on_inconclusive=fail_on_inconclusive))
